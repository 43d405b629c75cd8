// The golden vectors in Tests/Vectors, which other implementations of the same contracts share.

import Glibc

package enum Vectors {
  /// A file as it is.
  package static func contents(_ name: String, testSupport: String = #filePath) -> [UInt8] {
    let folder = testSupport.split(separator: "/", omittingEmptySubsequences: false).dropLast(2)
    let path = folder.joined(separator: "/") + "/Vectors/" + name
    guard let file = unsafe fopen(path, "r") else { fatalError("\(path) cannot be read") }
    defer { unsafe fclose(file) }
    var text: [UInt8] = []
    while case let byte = unsafe getc(file), byte != EOF { text.append(UInt8(truncatingIfNeeded: byte)) }
    return text
  }

  /// The lines of a file, each one a JSON object.
  package static func lines(_ name: String) -> [[UInt8]] {
    contents(name).split(separator: UInt8(ascii: "\n")).map(Array.init)
  }
}
