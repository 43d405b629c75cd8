// Bytes nobody can guess.

internal import COpenSSL

package enum SecureRandom {
  package static func bytes(_ count: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    let code = unsafe RAND_bytes(&bytes, Int32(count))
    precondition(code == 1, "RAND_bytes failed")
    return bytes
  }
}
