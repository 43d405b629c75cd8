// Runs one after the other, each in the same folder.

import Glibc
import Kernel

package final class Runs {
  private let fixture: Fixture
  private let wakers: House.Wakers
  private let directory: String

  /// Runs in a folder of memory, which is fast, where there is one.
  package init() throws {
    fixture = try Fixture()
    wakers = try House.Wakers()
    let root = File.exists("/dev/shm") ? "/dev/shm" : "/tmp"
    directory = "\(root)/turnout-simulation.\(getpid())"
  }

  deinit { try? clear(directory) }

  /// Runs the seed; what went wrong, or nil.
  package func run(_ seed: UInt64, teller: ((String) -> Void)? = nil) throws -> String? {
    try clear(directory)
    try File.makeDirectory(directory)
    return try House(seed: seed, fixture: fixture, wakers: wakers, directory: directory, teller: teller).run()
  }

  private func clear(_ path: String) throws {
    for name in try File.names(in: path) {
      let item = path + "/" + name
      if unsafe unlink(item) != 0 { try clear(item) }
    }
    unsafe rmdir(path)
  }
}
