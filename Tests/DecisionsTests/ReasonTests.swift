import Bytes
import Decisions
import Testing

struct ReasonTests {
  /// Names on the wire and in metrics, in the order of evaluation: clients compare with them.
  @Test func `reasons have the names of the contract, in its order`() {
    #expect(
      Reason.allCases.map { String($0.name.bytes) } == [
        "EXPERIMENT_PAUSED", "OVERRIDE", "HOLDOUT", "TARGETING_NOT_MATCHED", "NOT_IN_AUDIENCE",
        "PREREQUISITE_NOT_MET", "EXPERIMENT_CONFLICT", "PARTICIPATION_LIMIT_EXCEEDED", "EXPERIMENT_ASSIGNED",
      ])
    #expect(Reason.count == Reason.allCases.count)
    #expect(Reason.allCases.filter(\.isAssignment) == [.override, .assigned])
  }
}
