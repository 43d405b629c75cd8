// Whole numbers from decimal digits.

package enum Decimal {
  /// The value of one or more ASCII digits, nothing else; nil on any other byte or above `maximum`.
  @_noAllocation @_noLocks
  package static func parse(_ digits: ByteView, maximum: Int = .max) -> Int? {
    guard digits.count > 0 else { return nil }
    var value = 0
    for offset in 0..<digits.count {
      let digit = digits[offset] &- UInt8(ascii: "0")
      guard digit < 10 else { return nil }
      let (product, tooLarge) = value.multipliedReportingOverflow(by: 10)
      guard !tooLarge else { return nil }
      let (sum, overflow) = product.addingReportingOverflow(Int(digit))
      guard !overflow, sum <= maximum else { return nil }
      value = sum
    }
    return value
  }
}
