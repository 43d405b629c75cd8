// One request and the place for its answer: what the server hands to whoever decides, and takes back.

package import Bytes
package import HTTP

package struct Exchange {
  package let request: Request
  /// The request's bytes; the ranges of `request` are into it.
  package let bytes: ByteView
  /// The current date, as a header has it.
  package let date: ByteView
  /// Where the answer is written.
  package var output: Output

  let slot: Int
  /// Where the answer begins in `output`.
  let start: Int
  /// Bytes of input that the request took.
  let consumed: Int
  var tail = ByteView.empty
  var tailPin: Int32 = -1

  /// Sends `bytes` behind what was written, without a copy. They must stay as they are until the server
  /// names `pin` in ``Server/nextReleasedPin()``. An answer to HEAD has no body to attach.
  package mutating func attach(_ bytes: ByteView, pin: Int) {
    precondition(request.method != .head)
    tail = bytes
    tailPin = Int32(pin)
  }

  package var path: ByteView { bytes.slice(request.path) }
}
