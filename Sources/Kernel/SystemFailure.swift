// An operating fault: which call failed, with what, and what the operator can do about it.

import Glibc

package struct SystemFailure: Error, Sendable, CustomStringConvertible {
  /// The call that failed, with what it was applied to.
  package let call: String
  /// An errno.
  package let code: Int32
  private let remedy: String

  package init(_ call: String, code: Int32 = errno, remedy: String = "") {
    self.call = call
    self.code = code
    self.remedy = remedy
  }

  /// Whether a file was larger than it may be.
  package var isTooLarge: Bool { code == EFBIG }

  /// Whether there was no room left.
  package var isFull: Bool { code == ENOSPC || code == EDQUOT }

  /// A file whose content is not what it was written as.
  package static func damaged(_ path: String, remedy: String) -> SystemFailure {
    SystemFailure("read \(path)", code: EBADMSG, remedy: remedy)
  }

  /// Another process that does not do what it should.
  package static func misunderstood(_ call: String, remedy: String) -> SystemFailure {
    SystemFailure(call, code: EPROTO, remedy: remedy)
  }

  package var description: String {
    let text = unsafe strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
    return "\(call): \(text)" + (remedy.isEmpty ? "" : ". \(remedy)")
  }
}
