// Semantic Versioning 2.0.0: the grammar of section 2 and 9, the precedence of section 11.

package import Bytes

package struct SemanticVersion {
  private let text: ByteView
  private var numbers: [3 of ByteRange] = .init(repeating: .empty)
  private var prerelease = ByteRange.empty

  /// The version that `text` is; nil if it is none. Nothing is added: "1.2" and "v1.2.3" are no versions.
  @_noAllocation @_noLocks
  package init?(_ text: ByteView) {
    self.text = text
    var offset = 0
    for index in 0..<3 {
      if index > 0 {
        guard offset < text.count, text[offset] == UInt8(ascii: ".") else { return nil }
        offset += 1
      }
      let start = offset
      while offset < text.count, text[offset] &- UInt8(ascii: "0") < 10 { offset += 1 }
      numbers[index] = ByteRange(from: start, to: offset)
      guard Self.isNumber(text.slice(start..<offset)) else { return nil }
    }
    if offset < text.count, text[offset] == UInt8(ascii: "-") {
      let end = text.firstOffset(of: UInt8(ascii: "+"), from: offset) ?? text.count
      prerelease = ByteRange(from: offset + 1, to: end)
      guard Self.areIdentifiers(text.slice(prerelease), isPrerelease: true) else { return nil }
      offset = end
    }
    if offset < text.count {
      guard text[offset] == UInt8(ascii: "+"),
        Self.areIdentifiers(text.dropping(offset + 1), isPrerelease: false)
      else { return nil }
    }
  }

  /// Negative, zero or positive, as this version comes before, with or after `other`.
  @_noAllocation @_noLocks
  package func compare(with other: SemanticVersion) -> Int {
    for index in 0..<3 {
      let order = Self.compareNumbers(text.slice(numbers[index]), other.text.slice(other.numbers[index]))
      if order != 0 { return order }
    }
    if prerelease.isEmpty || other.prerelease.isEmpty {
      return (prerelease.isEmpty ? 1 : 0) - (other.prerelease.isEmpty ? 1 : 0)
    }
    return Self.comparePrereleases(text.slice(prerelease), other.text.slice(other.prerelease))
  }

  private static func comparePrereleases(_ left: ByteView, _ right: ByteView) -> Int {
    var leftStart = 0
    var rightStart = 0
    while leftStart < left.count, rightStart < right.count {
      let leftEnd = left.firstOffset(of: UInt8(ascii: "."), from: leftStart) ?? left.count
      let rightEnd = right.firstOffset(of: UInt8(ascii: "."), from: rightStart) ?? right.count
      let order = compareIdentifiers(left.slice(leftStart..<leftEnd), right.slice(rightStart..<rightEnd))
      if order != 0 { return order }
      leftStart = leftEnd + 1
      rightStart = rightEnd + 1
    }
    return (leftStart < left.count ? 1 : 0) - (rightStart < right.count ? 1 : 0)
  }

  private static func compareIdentifiers(_ left: ByteView, _ right: ByteView) -> Int {
    switch (isDigits(left), isDigits(right)) {
    case (true, true): return compareNumbers(left, right)
    case (true, false): return -1
    case (false, true): return 1
    case (false, false): return compareText(left, right)
    }
  }

  /// Numbers without leading zeros: the longer one is the larger one.
  private static func compareNumbers(_ left: ByteView, _ right: ByteView) -> Int {
    left.count == right.count ? compareText(left, right) : left.count - right.count
  }

  private static func compareText(_ left: ByteView, _ right: ByteView) -> Int {
    for offset in 0..<min(left.count, right.count) where left[offset] != right[offset] {
      return Int(left[offset]) - Int(right[offset])
    }
    return left.count - right.count
  }

  private static func isDigits(_ text: ByteView) -> Bool {
    for offset in 0..<text.count where text[offset] &- UInt8(ascii: "0") > 9 { return false }
    return !text.isEmpty
  }

  private static func isNumber(_ text: ByteView) -> Bool {
    isDigits(text) && (text.count == 1 || text[0] != UInt8(ascii: "0"))
  }

  private static func areIdentifiers(_ text: ByteView, isPrerelease: Bool) -> Bool {
    var start = 0
    while start <= text.count {
      let end = text.firstOffset(of: UInt8(ascii: "."), from: start) ?? text.count
      let identifier = text.slice(start..<end)
      guard !identifier.isEmpty else { return false }
      for offset in 0..<identifier.count {
        switch identifier[offset] {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"): break
        default: return false
        }
      }
      if isPrerelease, isDigits(identifier), !isNumber(identifier) { return false }
      start = end + 1
    }
    return true
  }
}
