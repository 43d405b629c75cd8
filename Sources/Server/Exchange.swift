// One request and the place for its answer: what the server shows to whoever decides. There is one, in the server, which
// is filled in for each request and never copied.

package import Bytes
package import HTTP

package struct Exchange {
  package internal(set) var request = Request()
  /// The request's bytes; the ranges of `request` are into it.
  package internal(set) var bytes = ByteView.empty
  /// The line of the answer's head that tells the current date.
  package let date: ByteView
  /// Where the answer is written.
  package var output = Output(.empty)
  /// Whether the request came over TLS.
  package internal(set) var isSecure = false

  var slot = 0
  var generation: UInt32 = 0
  /// Whether the answer has as much room as any can have.
  package internal(set) var hasMostRoom = false
  /// Of every connection, by slot.
  let peers: Cells<Peer.Row>
  /// Where the answer begins in `output`.
  var start = 0
  /// Bytes of input that the request took.
  var consumed = 0
  var isStream = false
  var tail = ByteView.empty
  var tailPin: Int32 = -1

  init(date: ByteView, peers: Cells<Peer.Row>) {
    self.date = date
    self.peers = peers
  }

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
