// An engine that is asked which variants a user gets. What a caller can make ready beforehand is ready: the rules are
// compiled, users and contexts stand in the form that the engine reads. What it makes of them, it makes at each question:
// it reads the context and writes an answer.

protocol Peer: AnyObject {
  var name: String { get }
  /// The form of questions and answers.
  var form: String { get }
  /// Whether a question can be about all experiments; otherwise all are asked about in turn.
  var takesAll: Bool { get }
  /// Asks about one experiment.
  func ask(_ user: Int, _ experiment: Int)
  /// Asks about all.
  func askAll(_ user: Int)
  /// Whether the user gets a variant of the experiment.
  func isAssigned(_ user: Int, _ experiment: Int) -> Bool
}
