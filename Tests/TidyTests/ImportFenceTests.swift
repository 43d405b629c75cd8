// The fences between the rooms, held: what each may import, which one alone touches a C library or an atomic,
// and where code may be unsafe. A new arrow is a decision, so it is made here as well as in the manifest.

import Foundation
import Testing

struct ImportFenceTests {
  /// Every room with the rooms it may import, lowest first.
  static let rooms: [String: Set<String>] = [
    "Bytes": [],
    "Arguments": [],
    "Access": ["Bytes"],
    "JSON": ["Bytes"],
    "HTTP": ["Bytes"],
    "Decisions": ["Bytes", "JSON"],
    "Kernel": ["Bytes", "CLiburing", "Glibc"],
    "Trust": ["Bytes", "COpenSSL"],
    "Snapshots": ["Bytes", "JSON", "Decisions", "Trust"],
    "Dialects": ["Bytes", "JSON", "HTTP", "Decisions", "Exposures", "Trust"],
    "Publication": ["Bytes", "Synchronization"],
    "Server": ["Bytes", "HTTP", "Kernel", "Trust"],
    "Operations": ["Arguments", "Bytes", "JSON", "Kernel"],
    "Exposures": ["Bytes", "Decisions"],
    "Edge": [
      "Arguments", "Bytes", "JSON", "HTTP", "Decisions", "Kernel", "Trust", "Snapshots", "Dialects",
      "Publication", "Server", "Operations", "Exposures", "Access",
    ],
    "Collector": [
      "Arguments", "Bytes", "JSON", "HTTP", "Kernel", "Trust", "Exposures", "Publication", "Server",
      "Operations", "CSQLite", "CZstd", "CKafka",
    ],
    "turnout-edge": ["Arguments", "Kernel", "Snapshots", "Operations", "Edge"],
    "turnout-collector": ["Arguments", "Kernel", "Operations", "Collector"],
    "turnout": [
      "Arguments", "Bytes", "JSON", "HTTP", "Decisions", "Kernel", "Trust", "Snapshots", "Dialects",
      "Exposures", "Operations",
    ],
  ]

  /// Where the word `unsafe` may stand: the doors, and the few files that turn addresses into values.
  static let unsafePlaces = [
    "Bytes/", "Kernel/", "Trust/", "Publication/", "Decisions/Tables.swift", "Decisions/TableBuilder.swift",
    "Collector/SQLite/", "Collector/Kafka/", "Collector/Store/Compressor.swift",
  ]

  @Test(arguments: rooms.keys.sorted())
  func `a room imports only what it may`(room: String) throws {
    for file in try sources(in: room) {
      for module in file.imports {
        #expect(Self.rooms[room]!.contains(module), "\(file.name) imports \(module)")
      }
    }
  }

  @Test func `every folder of Sources is a room or a C library`() throws {
    let folders = try FileManager.default.contentsOfDirectory(atPath: root + "/Sources")
    for folder in folders where !["CLiburing", "COpenSSL", "CSQLite", "CZstd", "CKafka"].contains(folder) {
      #expect(Self.rooms[folder] != nil, "\(folder) is no room of this list")
    }
  }

  @Test func `unsafe code stands only in the doors`() throws {
    for room in Self.rooms.keys {
      for file in try sources(in: room) where file.isUnsafe {
        #expect(
          Self.unsafePlaces.contains { file.name.hasPrefix($0) }, "\(file.name) is unsafe")
      }
    }
  }

  @Test func `no target depends on a package`() throws {
    let manifest = try String(contentsOfFile: root + "/Package.swift", encoding: .utf8)
    #expect(manifest.contains("dependencies: [],"))
    #expect(!manifest.contains(".package("))
  }
}

/// The project's folder.
let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent().path()

private struct SourceFile {
  /// Below Sources.
  var name: String
  var imports: [String] = []
  var isUnsafe = false
}

private func sources(in room: String) throws -> [SourceFile] {
  let folder = root + "/Sources/" + room
  let names = FileManager.default.enumerator(atPath: folder)!.compactMap { $0 as? String }
  return try names.filter { $0.hasSuffix(".swift") }.map { name in
    var file = SourceFile(name: "\(room)/\(name)")
    for line in try String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8).split(separator: "\n") {
      let code = line.split(separator: "//", maxSplits: 1, omittingEmptySubsequences: false)[0]
      let words = code.split(whereSeparator: { !$0.isLetter && !$0.isNumber && $0 != "_" && $0 != "\"" })
      if let place = words.firstIndex(of: "import"), place <= 1, place + 1 < words.count {
        file.imports.append(String(words[place + 1]))
      }
      if words.contains("unsafe") { file.isUnsafe = true }
    }
    return file
  }
}
