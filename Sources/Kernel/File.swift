// Files, whole: read with a limit, written so that a crash at any moment leaves the old or the new one.

import Glibc

package enum File {
  /// The content of a regular file of at most `limit` bytes.
  package static func read(_ path: String, limit: Int) throws(SystemFailure) -> [UInt8] {
    // O_NONBLOCK: opening a FIFO must not wait for a writer.
    let descriptor = Descriptor(unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK))
    guard descriptor.number >= 0 else { throw SystemFailure("open \(path)") }
    var status = stat()
    guard unsafe fstat(descriptor.number, &status) == 0 else { throw SystemFailure("stat \(path)") }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw SystemFailure("read \(path)", code: status.st_mode & S_IFMT == S_IFDIR ? EISDIR : EINVAL)
    }
    guard status.st_size <= limit else { throw SystemFailure("read \(path)", code: EFBIG) }
    var content = [UInt8](repeating: 0, count: Int(status.st_size))
    var count = 0
    while count < content.count {
      let taken = unsafe content.withUnsafeMutableBytes {
        unsafe Glibc.read(descriptor.number, $0.baseAddress! + count, $0.count - count)
      }
      if taken < 0, errno == EINTR { continue }
      guard taken >= 0 else { throw SystemFailure("read \(path)") }
      if taken == 0 { break }
      count += taken
    }
    content.removeLast(content.count - count)
    return content
  }

  /// Replaces the file: written beside it, flushed to the disk, renamed over it, the folder flushed.
  package static func replace(_ path: String, with content: [UInt8], mode: UInt32 = 0o644)
    throws(SystemFailure)
  {
    let draft = path + ".new"
    do throws(SystemFailure) {
      let descriptor = Descriptor(unsafe open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode))
      guard descriptor.number >= 0 else { throw SystemFailure("create \(draft)") }
      try write(content, to: descriptor, draft)
      guard fsync(descriptor.number) == 0 else { throw SystemFailure("fsync \(draft)") }
    } catch {
      unsafe unlink(draft)
      throw error
    }
    try rename(draft, to: path)
  }

  /// Gives the file at `path` another name, in place of what had it. Returns when the disk knows.
  package static func rename(_ path: String, to other: String) throws(SystemFailure) {
    guard unsafe Glibc.rename(path, other) == 0 else { throw SystemFailure("rename \(path) to \(other)") }
    try flush(directory: directory(of: other))
  }

  /// The content of a file of /proc, whose size says nothing; at most 64 KiB.
  package static func readVirtual(_ path: String) throws(SystemFailure) -> [UInt8] {
    let descriptor = Descriptor(unsafe open(path, O_RDONLY | O_CLOEXEC))
    guard descriptor.number >= 0 else { throw SystemFailure("open \(path)") }
    var content = [UInt8](repeating: 0, count: 65_536)
    let count = unsafe Glibc.read(descriptor.number, &content, content.count)
    guard count >= 0 else { throw SystemFailure("read \(path)") }
    return Array(content.prefix(count))
  }

  /// Writes a file that must not exist yet.
  package static func create(_ path: String, with content: [UInt8], mode: UInt32) throws(SystemFailure) {
    guard !exists(path) else {
      throw SystemFailure("create \(path)", code: EEXIST, remedy: "Remove it, or choose another name.")
    }
    try replace(path, with: content, mode: mode)
  }

  private static func write(
    _ content: [UInt8], to descriptor: borrowing Descriptor, _ path: String
  ) throws(SystemFailure) {
    var count = 0
    while count < content.count {
      let taken = unsafe content.withUnsafeBytes {
        unsafe Glibc.write(descriptor.number, $0.baseAddress! + count, $0.count - count)
      }
      if taken < 0, errno == EINTR { continue }
      guard taken > 0 else { throw SystemFailure("write \(path)", remedy: "Make room on the disk.") }
      count += taken
    }
  }

  /// Returns when the disk knows the names in the folder.
  package static func flush(directory: String) throws(SystemFailure) {
    let descriptor = Descriptor(unsafe open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC))
    guard descriptor.number >= 0, fsync(descriptor.number) == 0 else {
      throw SystemFailure("fsync \(directory)")
    }
  }

  /// Creates the folder and those above it.
  package static func makeDirectory(_ path: String) throws(SystemFailure) {
    if unsafe mkdir(path, 0o755) == 0 || errno == EEXIST { return }
    let parent = directory(of: path)
    guard errno == ENOENT, parent != path else { throw SystemFailure("mkdir \(path)") }
    try makeDirectory(parent)
    guard unsafe mkdir(path, 0o755) == 0 || errno == EEXIST else { throw SystemFailure("mkdir \(path)") }
  }

  /// Removes the file; one that is not there is no fault.
  package static func remove(_ path: String) throws(SystemFailure) {
    guard unsafe unlink(path) == 0 || errno == ENOENT else { throw SystemFailure("unlink \(path)") }
  }

  /// The names in the folder, in order; none if it is not there.
  package static func names(in directory: String) throws(SystemFailure) -> [String] {
    guard let folder = unsafe opendir(directory) else {
      if errno == ENOENT { return [] }
      throw SystemFailure("opendir \(directory)")
    }
    defer { unsafe closedir(folder) }
    var names: [String] = []
    while let entry = unsafe readdir(folder) {
      let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  /// Bytes of the file.
  package static func size(_ path: String) throws(SystemFailure) -> Int {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else { throw SystemFailure("stat \(path)") }
    return Int(status.st_size)
  }

  /// Holds the file at `path`, made if it is not there, until the descriptor goes; nobody else can meanwhile.
  package static func lock(_ path: String) throws(SystemFailure) -> Descriptor {
    let descriptor = Descriptor(unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644))
    guard descriptor.number >= 0 else { throw SystemFailure("open \(path)") }
    guard flock(descriptor.number, LOCK_EX | LOCK_NB) == 0 else {
      throw SystemFailure(
        "lock \(path)", remedy: "Another process uses this folder: end it, or choose another.")
    }
    return descriptor
  }

  package static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

  /// The folder that `path` lies in.
  package static func directory(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// `path`, taken from `directory` unless it is absolute.
  package static func resolve(_ path: String, in directory: String) -> String {
    path.hasPrefix("/") ? path : directory + "/" + path
  }
}
