// Answers without an end: what others push to a connection that was held open.

package import Bytes

/// What became of a push.
package enum PushOutcome {
  case taken
  /// What was pushed before is not sent yet.
  case busy
  /// The connection has ended.
  case gone
}

extension Server {
  /// Appends what `body` writes to the answer of a connection that was held open; nothing is a question whether it
  /// still is. A client that does not read is ended by the deadline of writing.
  package mutating func push(_ stream: StreamHandle, _ body: (inout Output) -> Void) -> PushOutcome {
    let slot = Int(stream.slot)
    let connection = connections[slot]
    guard connection.isOpen, connection.generation == stream.generation, connection.isStream,
      !connection.isClosing, !connection.isLingering
    else { return .gone }
    guard !connection.isSending, connection.answers < 0 else { return .busy }
    var output = answerOutput(slot)
    body(&output)
    precondition(!output.isOverflowing, "what is pushed is smaller than the room for an answer")
    if output.count > 0 { commit(slot, output) } else { releaseAnswers(slot) }
    return .taken
  }
}
