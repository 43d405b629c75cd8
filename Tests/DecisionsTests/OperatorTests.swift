import Bytes
import Decisions
import Testing

struct OperatorTests {
  @Test func `an operator is found by its name in a snapshot alone`() {
    for operation in Operator.allCases { #expect(Operator.named(String(operation.name.bytes)) == operation) }
    #expect(Set(Operator.allCases.map { String($0.name.bytes) }).count == 18)
    for name in ["", "EQ", "equals", "eq ", "notin"] { #expect(Operator.named(name) == nil) }
  }
}
