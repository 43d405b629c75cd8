// What a run found.

package import Measuring

package struct Figures: Sendable {
  /// Answers that count: in a closed loop those that came while it counted, at a rate those to requests that were due
  /// then.
  package var answers = 0
  /// Answers among them whose status is not 2xx.
  package var refused = 0
  /// Requests whose connection ended within their answer or could not be read on.
  package var broken = 0
  /// Requests that were due and got no answer: the connection ended before it, or it came too late to be waited for.
  package var unanswered = 0
  /// Connections that were opened anew because the server closed them.
  package var reconnects = 0
  /// Bytes received while it counted.
  package var bytes = 0
  /// Seconds that it counted.
  package var seconds = 0.0
  /// Nanoseconds from the moment a request was due to the end of its answer. Those that were never answered are in it
  /// with the time they had waited.
  package var latency = Histogram()

  package init() {}

  package var rate: Double { seconds > 0 ? Double(answers) / seconds : 0 }
  package var errors: Int { refused + broken + unanswered }
}
