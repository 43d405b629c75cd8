// A disk that is soon full, for tests of what becomes of programs then; where mounting is allowed.

import Bytes
import Glibc
import Kernel

/// A disk of one MiB that is gone with the value.
package final class SmallDisk {
  package let folder: Folder

  package static let isPossible = (try? SmallDisk()) != nil

  package init() throws {
    folder = try Folder()
    try Program.check("/bin/mount", ["-t", "tmpfs", "-o", "size=1m", "turnout-test", folder.path])
  }

  deinit {
    _ = try? Program.run("/bin/umount", ["-l", folder.path])
  }

  /// Leaves room for `count` bytes.
  package func fill(leaving count: Int) throws {
    var filler = try LogFile(appendingTo: folder.path("filler"))
    let page = [UInt8](repeating: 0, count: 4096)
    do throws(SystemFailure) {
      while true { try page.withBytes { (page) throws(SystemFailure) in try filler.append(page) } }
    } catch {
      guard error.isFull else { throw error }
    }
    try filler.cut(to: max(0, filler.count - count))
  }

  /// Another test may start a program at this moment: until it runs, the fork holds the file that is removed here.
  package func release() throws {
    let filler = try File.read(folder.path("filler"), limit: 1 << 21).count
    let before = free
    try File.remove(folder.path("filler"))
    try eventually("the disk has its room again") { free >= before + filler }
  }

  /// Forbids writing, or allows it again.
  package func setReadOnly(_ isReadOnly: Bool) throws {
    try Program.check("/bin/mount", ["-o", "remount,\(isReadOnly ? "ro" : "rw")", folder.path])
  }

  /// Bytes.
  private var free: Int {
    var status = statvfs()
    precondition(unsafe statvfs(folder.path, &status) == 0)
    return Int(status.f_bavail) * Int(status.f_bsize)
  }
}
