// What OpenSSL refused, in its own words.

internal import COpenSSL

package struct TrustFailure: Error, Sendable, CustomStringConvertible {
  package let description: String

  package init(_ description: String) {
    self.description = description
  }

  /// The oldest error that OpenSSL noted on this thread, which are then forgotten.
  init(after call: String) {
    let code = ERR_get_error()
    ERR_clear_error()
    guard code != 0, let reason = unsafe ERR_reason_error_string(code) else {
      self.init("\(call) failed")
      return
    }
    self.init("\(call): \(unsafe String(cString: reason))")
  }
}
