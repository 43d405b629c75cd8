// The corpus of the fuzzer, held against the laws: what it once found stays found.

import Bytes
import Foundation
import Laws
import TestSupport
import Testing

struct CorpusTests {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Fuzz/Corpus")

  @Test(arguments: Target.allCases)
  func `every file of the corpus keeps the law, whole and cut`(target: Target) throws {
    let law = try target.law()
    let place = Self.folder.appending(path: target.rawValue)
    let files = try FileManager.default.contentsOfDirectory(atPath: place.path())
    #expect(files.count > 2, "\(target) has seeds")
    for file in files.sorted() {
      let bytes = try [UInt8](Data(contentsOf: place.appending(path: file)))
      for count in Set([bytes.count, bytes.count / 2, max(bytes.count - 1, 0)]) {
        // Flush against a page that cannot be read.
        GuardedBytes(bytes.prefix(count)).withBytes { input in
          #expect(throws: Never.self, "\(target)/\(file), \(count) bytes") { try law.check(input) }
        }
      }
    }
  }

  @Test func `every folder of the corpus is a target's, and the whole is small`() throws {
    let folders = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path())
    #expect(folders.sorted() == Target.allCases.map(\.rawValue).sorted())
    var byteCount = 0
    for folder in folders {
      let place = Self.folder.appending(path: folder)
      for file in try FileManager.default.contentsOfDirectory(atPath: place.path()) {
        byteCount += try Data(contentsOf: place.appending(path: file)).count
      }
    }
    #expect(byteCount < 300 * 1024)
  }
}
