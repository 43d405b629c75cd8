// A file that stays open: written and read at offsets, cut, flushed. Every failure names the file.

package import Bytes
import Glibc

package final class OpenFile: Sendable {
  package enum Mode: Sendable { case read, update, create }

  package let path: String
  private let descriptor: Descriptor

  /// Opens the file; `create` makes one that must not be there yet.
  package init(_ path: String, _ mode: Mode) throws(SystemFailure) {
    self.path = path
    let flags =
      switch mode {
      case .read: O_RDONLY | O_NONBLOCK
      case .update: O_RDWR
      case .create: O_RDWR | O_CREAT | O_EXCL
      }
    descriptor = Descriptor(unsafe open(path, flags | O_CLOEXEC, 0o644))
    guard descriptor.number >= 0 else { throw SystemFailure("open \(path)") }
  }

  package func byteCount() throws(SystemFailure) -> Int {
    var status = stat()
    guard unsafe fstat(descriptor.number, &status) == 0 else { throw SystemFailure("stat \(path)") }
    return Int(status.st_size)
  }

  /// Writes all of `bytes` at `offset`; what stands there after a failure is unknown.
  package func write(_ bytes: ByteView, at offset: Int) throws(SystemFailure) {
    var count = 0
    while count < bytes.count {
      let taken = unsafe pwrite(descriptor.number, bytes.start + count, bytes.count - count, offset + count)
      if taken < 0, errno == EINTR { continue }
      guard taken > 0 else { throw SystemFailure("write \(path)", remedy: "Make room on the disk.") }
      count += taken
    }
  }

  /// Reads into `region` from `offset`; fewer bytes than it has room for only at the end of the file.
  package func read(into region: ByteRegion, at offset: Int) throws(SystemFailure) -> Int {
    var count = 0
    while count < region.count {
      let taken = unsafe pread(descriptor.number, region.start + count, region.count - count, offset + count)
      if taken < 0, errno == EINTR { continue }
      guard taken >= 0 else { throw SystemFailure("read \(path)") }
      if taken == 0 { break }
      count += taken
    }
    return count
  }

  package func truncate(to byteCount: Int) throws(SystemFailure) {
    guard ftruncate(descriptor.number, byteCount) == 0 else { throw SystemFailure("truncate \(path)") }
  }

  /// Returns when what was written is on the disk.
  package func sync() throws(SystemFailure) {
    guard fdatasync(descriptor.number) == 0 else {
      throw SystemFailure("fdatasync \(path)", remedy: "Make room on the disk.")
    }
  }
}
