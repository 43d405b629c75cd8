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

  /// The fault of a method that a route does not have; the answer's Allow says which it has.
  package static var methodNotAllowed: ClientFault {
    @_noAllocation @_noLocks
    get {
      ClientFault(
        "METHOD_NOT_ALLOWED", "The route has other methods: see the Allow header.", status: .methodNotAllowed)
    }
  }

  package static func == (left: ClientFault, right: ClientFault) -> Bool {
    left.code.bytes.equals(right.code.bytes) && left.status == right.status && left.fault == right.fault
  }

  /// Appends `{"error": ..., "errorCode": ...}`.
  @_noAllocation @_noLocks
  package func write(to output: inout Output) {
    output.append("{\"error\":\"")
    writeSentence(to: &output)
    output.append("\",\"errorCode\":\"")
    output.append(code)
    output.append("\"}")
  }

  /// Appends `{"key": ..., "errorCode": ..., "errorDetails": ...}`, the form of the evaluation protocol; the key
  /// is left out of an answer about all of them.
  @_noAllocation @_noLocks
  package func writeEvaluation(key: ByteView?, to output: inout Output) {
    output.append("{")
    if let key {
      output.append("\"key\":")
      output.append(jsonString: key)
      output.append(",")
    }
    output.append("\"errorCode\":\"")
    output.append(code)
    output.append("\",\"errorDetails\":\"")
    writeSentence(to: &output)
    output.append("\"}")
  }

  private func writeSentence(to output: inout Output) {
    output.append(message)
    guard let fault else { return }
    output.append(" (")
    output.append(fault.reason)
    output.append(" at byte ")
    output.append(decimal: fault.offset)
    output.append(")")
  }
}
