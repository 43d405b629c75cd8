// Zstandard with bounded memory: a file into a compressed one, and back in parts. The only place that imports CZstd.

import Bytes
internal import CZstd
import Kernel
import Trust

enum Compressor {
  private static let level: Int32 = 3
  private static let partMax = 1 << 20

  /// What a compressed file is.
  struct Result {
    var bytes = 0
    /// In hexadecimal.
    var sha256 = ""
  }

  /// Compresses the file at `source` into `target`, which is replaced. Returns when it is on the disk.
  static func compress(_ source: String, to target: String) throws(SystemFailure) -> Result {
    let file = try LogFile(reading: source)
    let draft = target + ".new"
    let result: Result
    do throws(SystemFailure) {
      var output = try LogFile(appendingTo: draft)
      try output.cut(to: 0)
      result = try compress(file, to: &output)
      try output.flush()
    } catch {
      try? File.remove(draft)
      throw error
    }
    try File.rename(draft, to: target)
    return result
  }

  private static func compress(
    _ file: borrowing LogFile, to output: inout LogFile
  ) throws(SystemFailure) -> Result {
    let parts = try Memory(byteCount: partMax)
    let room = try Memory(byteCount: ZSTD_CStreamOutSize())
    let context = unsafe ZSTD_createCCtx()
    defer { unsafe ZSTD_freeCCtx(context) }
    unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level)
    unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)
    var digest = RunningDigest()
    var offset = 0
    while true {
      let part = try file.read(at: offset, into: parts.region)
      offset += part.count
      let mode = part.isEmpty ? ZSTD_e_end : ZSTD_e_continue
      var input = unsafe ZSTD_inBuffer(src: part.start, size: part.count, pos: 0)
      var left = 0
      repeat {
        var buffer = unsafe ZSTD_outBuffer(dst: room.region.start, size: room.region.count, pos: 0)
        left = unsafe ZSTD_compressStream2(context, &buffer, &input, mode)
        precondition(ZSTD_isError(left) == 0, "zstd has neither input nor room to complain of")
        let bytes = unsafe room.region.bytes.slice(0..<buffer.pos)
        digest.append(bytes)
        try output.append(bytes)
      } while unsafe part.isEmpty ? left > 0 : input.pos < input.size
      if part.isEmpty { return Result(bytes: output.count, sha256: digest.hex()) }
    }
  }
}

/// A compressed file, read in parts.
@safe final class Decompressor {
  private let file: LogFile
  private let path: String
  private let parts: Memory
  private let room: Memory
  private let context: OpaquePointer
  private var offset = 0
  private var input = unsafe ZSTD_inBuffer()
  /// What the frame still needs, as far as zstd knows; 0 at its end.
  private var hint = 0

  init(_ path: String) throws(SystemFailure) {
    file = try LogFile(reading: path)
    parts = try Memory(byteCount: ZSTD_DStreamInSize())
    room = try Memory(byteCount: ZSTD_DStreamOutSize())
    self.path = path
    unsafe context = ZSTD_createDCtx()
  }

  deinit {
    unsafe ZSTD_freeDCtx(context)
  }

  /// The next part, valid until the next call; empty at the end.
  func next() throws(SystemFailure) -> ByteView {
    while true {
      if unsafe input.pos == input.size {
        let part = try file.read(at: offset, into: parts.region)
        offset += part.count
        unsafe input = ZSTD_inBuffer(src: part.start, size: part.count, pos: 0)
        if part.isEmpty {
          guard hint == 0 else { throw damage }
          return .empty
        }
      }
      var buffer = unsafe ZSTD_outBuffer(dst: room.region.start, size: room.region.count, pos: 0)
      hint = unsafe ZSTD_decompressStream(context, &buffer, &input)
      guard ZSTD_isError(hint) == 0 else { throw damage }
      if unsafe buffer.pos > 0 { return unsafe room.region.bytes.slice(0..<buffer.pos) }
    }
  }

  private var damage: SystemFailure {
    .damaged(path, remedy: "Move it away, or put back a copy with the digest that the manifest states.")
  }
}
