// What is wrong with a document, where, and what follows from it.

/// How much of a snapshot a finding costs.
package enum Severity: String, Sendable {
  /// The document is refused whole and the last good one stays.
  case refused
  /// The experiment, flag, layer or holdout is left out; everything else is served.
  case quarantined
  /// It is served, but it is probably not what was meant. `turnout lint` fails on it.
  case warning
}

package struct Finding: Error, Equatable, Sendable, CustomStringConvertible {
  package var severity: Severity
  /// For example `experiments[3].allocations[1].rangeEnd`; empty for the whole document.
  package var place: String
  package var message: String

  package init(_ severity: Severity, _ place: String, _ message: String) {
    self.severity = severity
    self.place = place
    self.message = message
  }

  init(_ severity: Severity, _ place: Place, _ message: String) {
    self.init(severity, place.description, message)
  }

  package var description: String { place.isEmpty ? message : "\(place): \(message)" }
}
