// Options that are numbers.

package import Arguments

extension Invocation {
  /// The number of an option, `otherwise` without it.
  package func number<Value: LosslessStringConvertible & Comparable>(
    _ name: String, _ range: ClosedRange<Value>, _ otherwise: Value
  ) throws(UsageFault) -> Value {
    guard let text = self[name] else { return otherwise }
    guard let value = Value(text), range.contains(value) else {
      throw UsageFault("--\(name) \(text) is not in \(range.lowerBound)...\(range.upperBound)")
    }
    return value
  }
}
