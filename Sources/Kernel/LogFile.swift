// A file that grows at its end and can be cut: what is behind `count` was never promised to anybody, and the next
// append writes over it.

package import Bytes
import Glibc

package struct LogFile: ~Copyable, Sendable {
  private let descriptor: Descriptor
  private let path: String
  /// Bytes that were appended or found.
  package private(set) var count: Int

  /// Opens the file to append to it; it is made if it is not there.
  package init(appendingTo path: String) throws(SystemFailure) {
    try self.init(path, O_RDWR | O_CREAT | O_CLOEXEC)
  }

  /// Opens a file that is there, to read it.
  package init(reading path: String) throws(SystemFailure) {
    try self.init(path, O_RDONLY | O_CLOEXEC)
  }

  private init(_ path: String, _ flags: Int32) throws(SystemFailure) {
    descriptor = Descriptor(unsafe open(path, flags, 0o644))
    self.path = path
    var status = stat()
    guard descriptor.number >= 0 else { throw SystemFailure("open \(path)") }
    guard unsafe fstat(descriptor.number, &status) == 0 else { throw SystemFailure("stat \(path)") }
    count = Int(status.st_size)
  }

  /// Appends all bytes. When it fails some of them may be there: cut the file.
  package mutating func append(_ bytes: ByteView) throws(SystemFailure) {
    var offset = 0
    while offset < bytes.count {
      let taken = unsafe pwrite(descriptor.number, bytes.start + offset, bytes.count - offset, count)
      if taken < 0, errno == EINTR { continue }
      guard taken > 0 else { throw SystemFailure("write \(path)", remedy: "Make room on the disk.") }
      offset += taken
      count += taken
    }
  }

  /// Removes everything behind the first `count` bytes.
  package mutating func cut(to count: Int) throws(SystemFailure) {
    guard ftruncate(descriptor.number, count) == 0 else { throw SystemFailure("truncate \(path)") }
    self.count = count
  }

  /// Returns when the content is on the disk.
  package func flush() throws(SystemFailure) {
    guard fdatasync(descriptor.number) == 0 else { throw SystemFailure("fdatasync \(path)") }
  }

  /// Reads from `offset` as much as there is and `region` takes; nothing at the end.
  package func read(at offset: Int, into region: ByteRegion) throws(SystemFailure) -> ByteView {
    while true {
      let taken = unsafe pread(descriptor.number, region.start, region.count, offset)
      if taken < 0, errno == EINTR { continue }
      guard taken >= 0 else { throw SystemFailure("read \(path)") }
      return region.bytes.slice(0..<taken)
    }
  }
}
