import Bytes
import Decisions
import Testing

struct OperatorTests {
  @Test func `an operator is found by its name in a snapshot alone`() {
    for operation in Operator.allCases { #expect(Operator.named(operation.name.bytes) == operation) }
    #expect(Set(Operator.allCases.map { String($0.name.bytes) }).count == 18)
    for name in ["", "EQ", "equals", "eq ", "notin"] as [StaticString] {
      #expect(Operator.named(name.bytes) == nil)
    }
  }
}
