// One request and the place for its answer: what the server hands to whoever decides, and takes back.

package import Bytes
package import HTTP

package struct Exchange {
  package let request: Request
  /// The request's bytes; the ranges of `request` are into it.
  package let bytes: ByteView
  /// The line of the answer's head that tells the current date.
  package let date: ByteView
  /// Where the answer is written.
  package var output: Output
  /// Whether the request came over TLS.
  package let isSecure: Bool

  let slot: Int
  let generation: UInt32
  /// Whether the answer has as much room as any can have.
  package let hasMostRoom: Bool
  /// Of every connection, by slot.
  let peers: Cells<Peer.Row>
  /// Where the answer begins in `output`.
  let start: Int
  /// Bytes of input that the request took.
  let consumed: Int
  var isStream = false
  var tail = ByteView.empty
  var tailPin: Int32 = -1

  /// Sends `bytes` behind what was written, without a copy. They must stay as they are until the server
  /// names `pin` in ``Server/nextReleasedPin()``. An answer to HEAD has no body to attach.
  package mutating func attach(_ bytes: ByteView, pin: Int) {
    precondition(request.method != .head)
    tail = bytes
    tailPin = Int32(pin)
  }

  /// Keeps the connection open behind what was written, for ``Server/push(_:_:)``; it serves no other request.
  package mutating func holdOpen() -> StreamHandle {
    isStream = true
    return StreamHandle(slot: UInt32(slot), generation: generation)
  }

  /// Asks for the request to be read again with as much room for its answer as there is.
  package mutating func askForMostRoom() {
    precondition(!hasMostRoom)
    output.overflow()
  }

  package var path: ByteView { bytes.slice(request.path) }

  /// Who is at the other end of the connection.
  package var peer: Peer {
    @_noAllocation @_noLocks get {
      if let known = peers[slot].peer { return known }
      let peer = Peer(of: peers[slot].socket)
      peers[slot].peer = peer
      return peer
    }
  }
}

/// Names a connection that is held open.
package struct StreamHandle: BitwiseCopyable, Sendable {
  let slot: UInt32
  let generation: UInt32
}
