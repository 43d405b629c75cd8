// Finds the upstream by its name, on a thread of its own because the resolver may take seconds. Whoever asks goes on
// and is woken when the answer is there; those who ask meanwhile share it.

import Kernel
import Publication

final class NameLookup: Sendable {
  final class Answer: Sendable {
    /// The address, or why there is none.
    let result: Result<Address, SystemFailure>

    init(_ result: Result<Address, SystemFailure>) { self.result = result }
  }

  private let asked: Waker
  private let answers = Mailbox<Answer>()

  /// Looks `endpoint` up whenever it is asked to, and wakes `asker`.
  init(_ endpoint: Endpoint, waking asker: Waker) throws(SystemFailure) {
    asked = try Waker()
    let (asked, answers) = (asked, answers)
    try Threads.start("resolve") {
      while true {
        asked.wait(milliseconds: -1)
        answers.put(Answer(Result { () throws(SystemFailure) in try Address(of: endpoint) }))
        asker.wake()
      }
    }
  }

  func ask() { asked.wake() }

  /// What was found since it was asked for last, once.
  func take() -> Answer? { answers.take() }
}
