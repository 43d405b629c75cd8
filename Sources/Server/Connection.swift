// The state of one connection: a row in a fixed array, reused when the connection is gone.
// Invariant: while an operation is under way its buffers stay taken and the slot is not reused.

import Bytes
import HTTP

struct Connection: BitwiseCopyable {
  var socket: Int32 = -1
  var generation: UInt32 = 0
  /// Whether the slot belongs to a connection at all.
  var isOpen = false
  /// Whether it speaks TLS.
  var isSecure = false

  var isReceiving = false
  var isSending = false
  /// Bytes that are being sent silently; 0 while none are.
  var silentCount: UInt32 = 0
  /// Whether receiving was stopped because the client does not read its answers.
  var isPaused = false
  /// Whether the client said that it will send no more.
  var hasEnded = false
  /// Whether nothing more is read as a request: the last answer is sent, then the connection ends.
  var isLast = false
  /// Whether its last answer has no end: bytes are pushed to it for as long as it is open.
  var isStream = false
  /// Whether the last answer was sent and the client's bytes are only read to be dropped.
  var isLingering = false
  /// Whether nothing is done any more but to wait for operations under way.
  var isClosing = false
  var isQueued = false
  var isDirty = false
  var hasContinued = false

  /// Why the deadline is set.
  var waitsFor = Wait.head
  /// Requests answered in the turn `turn`.
  var served: UInt32 = 0
  var turn: UInt64 = 0

  /// Bytes received and not yet answered, in the pool of pending input; -1 for none.
  var pending: Int32 = -1
  var pendingStart: UInt32 = 0
  var pendingEnd: UInt32 = 0
  /// Bytes a request needs before it is worth parsing again.
  var neededCount: UInt32 = 0
  /// Bytes already searched for the end of a head.
  var scannedCount: UInt32 = 0
  /// A chunked body that is being put together.
  var chunks: ChunkedBody?

  /// Answers to be sent, in the pool of answers; -1 for none.
  var answers: Int32 = -1
  var isLarge = false
  var needsLarge = false
  var answersStart: UInt32 = 0
  var answersEnd: UInt32 = 0
  /// What follows the answers from elsewhere, such as a document; sent without a copy.
  var tail = ByteView.empty
  var tailPin: Int32 = -1
  var drainedCount: UInt64 = 0

  /// Whether the next request must wait: an answer is on its way, or the end.
  var isBusy: Bool { isSending || isClosing || !tail.isEmpty }

  enum Wait: BitwiseCopyable { case head, body, idle, write, linger, push }
}
