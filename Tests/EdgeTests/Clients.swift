// Clients that others wrote, installed by `.ci/setup test` (decision 0035), and what they are asked to read.

import Kernel
import ProgramSupport

/// Python with the clients of .ci/clients.txt.
enum Python {
  static let support = File.directory(of: #filePath) + "/Support"
  static let root = File.directory(of: File.directory(of: File.directory(of: #filePath)))

  /// Where it was installed.
  static func path() throws -> String {
    let path = root + "/.build/python/bin/python"
    guard File.exists(path) else { throw Failure("there is no \(path): run `.ci/setup test`") }
    return path
  }

  /// The lines that a script of the folder Support prints; it must succeed.
  static func lines(of script: String, _ arguments: String...) throws -> [String] {
    let result = try Program.run(path(), [support + "/" + script] + arguments, within: 120)
    guard result.code == 0 else { throw Failure("\(script) ended with \(result.code): \(result.errors)") }
    return result.output.split(separator: "\n").map(String.init)
  }
}

/// An edge over Support/snapshot.json: flags of every type, and experiments of every kind of outcome.
struct ClientHouse {
  private let house: House
  var edge: EdgeProcess { house.edge }
  var url: String { "http://127.0.0.1:\(edge.port)" }

  /// Further members of the configuration may name files of `folder`.
  init(folder: Folder? = nil, members: [String] = [], limits: [String] = []) throws {
    house = try House(document: Self.document(1), folder: folder) {
      $0.members = members
      $0.limits = limits
    }
  }

  func publish(_ version: Int) throws {
    try house.site.publish("prod", version, document: Self.document(version))
  }

  private static func document(_ version: Int) throws -> [UInt8] {
    let text = String(
      decoding: try File.read(Python.support + "/snapshot.json", limit: 1 << 20), as: UTF8.self)
    return Array(text.replacing("\"version\": 1", with: "\"version\": \(version)").utf8)
  }
}
