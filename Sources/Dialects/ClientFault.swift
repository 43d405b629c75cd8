// What a client did wrong, as a value: becomes an answer that says what to do, with a stable code.

package import Bytes
package import HTTP
package import JSON

package struct ClientFault: Equatable, Sendable {
  package var status = Status.badRequest
  /// Stable, for programs.
  package var code: StaticString
  /// A sentence, for people.
  package var message: StaticString
  /// Where and why a JSON text is none.
  package var fault: Fault?

  @_noAllocation @_noLocks
  package init(
    _ code: StaticString, _ message: StaticString, status: Status = .badRequest, fault: Fault? = nil
  ) {
    self.status = status
    self.code = code
    self.message = message
    self.fault = fault
  }

  package static func == (left: ClientFault, right: ClientFault) -> Bool {
    left.code.bytes.equals(right.code.bytes) && left.status == right.status && left.fault == right.fault
  }

  /// Appends `{"error": ..., "errorCode": ...}`.
  @_noAllocation @_noLocks
  package func write(to output: inout Output) {
    output.append("{\"error\":\"")
    output.append(message)
    if let fault {
      output.append(" (")
      output.append(fault.reason)
      output.append(" at byte ")
      output.append(decimal: fault.offset)
      output.append(")")
    }
    output.append("\",\"errorCode\":\"")
    output.append(code)
    output.append("\"}")
  }
}
