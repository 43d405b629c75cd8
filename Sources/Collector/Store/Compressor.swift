// zstd (RFC 8878), from file to file in bounded memory. The only place that imports CZstd.

import Bytes
internal import CZstd
import Kernel
import Trust

enum Compressor {
  private static var level: Int32 { 3 }
  /// Bytes that are read at a time.
  private static var blockSize: Int { 1 << 20 }

  /// Compresses the file at `source` into a new one at `target`, which is whole and on the disk when this returns;
  /// the digest is SHA-256 of the compressed file.
  static func compress(_ source: String, to target: String) throws(SystemFailure) -> (byteCount: Int, sha256: String) {
    let draft = target + ".new"
    try File.remove(draft)
    let input = try OpenFile(source, .read)
    let output = try OpenFile(draft, .create)
    let inputMemory = try Memory(byteCount: blockSize)
    let outputMemory = try Memory(byteCount: ZSTD_CStreamOutSize())
    guard let context = unsafe ZSTD_createCCtx() else { throw SystemFailure("ZSTD_createCCtx") }
    defer { unsafe ZSTD_freeCCtx(context) }
    unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level)
    unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)
    var digest = RunningDigest()
    var offset = 0
    var written = 0
    var isLast = false
    while !isLast {
      let count = try input.read(into: inputMemory.region, at: offset)
      offset += count
      isLast = count < blockSize
      var source = unsafe ZSTD_inBuffer(src: inputMemory.region.start, size: count, pos: 0)
      var left = 1
      while isLast ? left > 0 : unsafe source.pos < source.size {
        var target = unsafe ZSTD_outBuffer(dst: outputMemory.region.start, size: outputMemory.region.count, pos: 0)
        left = unsafe ZSTD_compressStream2(context, &target, &source, isLast ? ZSTD_e_end : ZSTD_e_continue)
        precondition(ZSTD_isError(left) == 0, "zstd refuses what it was promised to take")
        let bytes = outputMemory.region.bytes.slice(0..<(unsafe target.pos))
        try output.write(bytes, at: written)
        digest.append(bytes)
        written += bytes.count
      }
    }
    try output.sync()
    try File.rename(draft, to: target)
    return (written, digest.finishHex())
  }
}
