// What travels with an operation through the kernel and comes back with its completion. The generation is
// that of the slot when the operation began: a completion for a connection that is gone is dropped by it,
// not by luck.

import Glibc

package struct Token: Equatable, BitwiseCopyable, Sendable {
  package enum Operation: UInt8, Sendable {
    case accept, receive, send, connect, wake, cancel
    /// Of somebody who shares the ring with its owner.
    case guest
  }

  package var bits: UInt64

  /// `slot` is below 2^24.
  package init(_ operation: Operation, slot: Int, generation: UInt32 = 0) {
    precondition(slot >= 0 && slot < 1 << 24)
    bits = UInt64(operation.rawValue) << 56 | UInt64(slot) << 32 | UInt64(generation)
  }

  package init(bits: UInt64) {
    self.bits = bits
  }

  package var operation: Operation { Operation(rawValue: UInt8(bits >> 56))! }
  package var isSend: Bool { bits >> 56 == UInt64(Operation.send.rawValue) }
  package var slot: Int { Int(bits >> 32 & 0xFF_FFFF) }
  package var generation: UInt32 { UInt32(truncatingIfNeeded: bits) }
}

/// One operation's end, or one step of an operation that goes on.
package struct Completion: BitwiseCopyable, Sendable {
  package var token: Token
  /// Bytes or a descriptor; a negated errno if it failed.
  package var result: Int32
  /// The buffer that received bytes lie in, to be given back; -1 for none.
  package var buffer: Int32
  /// Whether the operation will complete again.
  package var hasMore: Bool

  package init(token: Token, result: Int32, buffer: Int32, hasMore: Bool) {
    self.token = token
    self.result = result
    self.buffer = buffer
    self.hasMore = hasMore
  }

  /// Whether it was ended by ``Driver/cancel(_:on:)``.
  package var isCancelled: Bool { result == -ECANCELED }
  /// Whether nothing could be sent without waiting.
  package var isRefused: Bool { result == -EAGAIN }
  /// Whether no receive buffer was left.
  package var isOutOfBuffers: Bool { result == -ENOBUFS }
}
