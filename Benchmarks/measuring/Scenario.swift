// What is decided about: a snapshot with the salts, keys and payloads of a real one's sizes, and requests of many
// users, of whom the same ones always come in the same order.

package struct Scenario: Sendable {
  package enum Keys: String, Sendable {
    /// User keys of 8 or 9 bytes, salts of 36.
    case short
    /// User keys of 128 bytes, salts of 72.
    case long
  }

  package var experiments: Int
  package var isTargeted: Bool
  package var keys: Keys
  /// So many of them, the first ones, are for everybody all the same.
  package var untargeted: Int

  package init(experiments: Int, isTargeted: Bool, keys: Keys = .short, untargeted: Int = 0) {
    self.experiments = experiments
    self.isTargeted = isTargeted
    self.keys = keys
    self.untargeted = untargeted
  }

  /// One name for files.
  package var name: String { "\(experiments)-\(isTargeted ? "targeted" : "plain")-\(keys.rawValue)" }

  package static let columns = [
    Table.Column("experiments"), Table.Column("targeted", "", .left), Table.Column("keys", "", .left),
  ]

  /// The scenario in these columns.
  package var cells: [Table.Value] {
    [.number(experiments), isTargeted ? "yes" : "no", .text(keys.rawValue)]
  }

  // What a targeted experiment asks for: a country and an age, or a plan.

  package static func countries(_ index: Int) -> [String] {
    let all = ["US", "CA", "DE", "FR", "JP", "BR", "IN", "GB", "MX", "NL"]
    return [all[index % 10], all[(index + 3) % 10], "US"]
  }

  package static func age(_ index: Int) -> Int { index % 97 }

  package static func plan(_ index: Int) -> String { "plan-\(index % 31)" }

  /// What every user's request says.
  package static let context: StaticString = #"{"country":"US","age":42,"plan":"plan-7"}"#

  /// A snapshot of version 1, nobody's signature on it.
  package var document: [UInt8] { document(version: 1, experimentsText) }

  /// The same snapshot in each of `versions`.
  package func documents(_ versions: ClosedRange<Int>) -> some Sequence<[UInt8]> {
    let experiments = experimentsText
    return versions.lazy.map { document(version: $0, experiments) }
  }

  private func document(version: Int, _ experiments: String) -> [UInt8] {
    Array(#"{"version":\#(version),"environment":"prod","experiments":[\#(experiments)]}"#.utf8)
  }

  private var experimentsText: String {
    let experiments = (0..<experiments).map { index -> String in
      let rules = """
        [{"conditions":[{"attribute":"country","operator":"in","value":\(Self.countries(index))},
        {"attribute":"age","operator":"gt","value":\(Self.age(index))}]},
        {"conditions":[{"attribute":"plan","operator":"eq","value":"\(Self.plan(index))"}]}]
        """
      let control = Self.uuid(index * 3 + 1)
      let treatment = Self.uuid(index * 3 + 2)
      return """
        {"id":"\(Self.uuid(index))","key":"experiment-\(index)","salt":"\(salt(index))",
        "audienceRules":[],"targetingRules":\(isTargeted && index >= untargeted ? rules : "[]"),
        "variants":[{"id":"\(control)","key":"control","payload":{"color":"#0066cc"}},
        {"id":"\(treatment)","key":"treatment","payload":{"color":"#00cc66"}}],
        "allocations":[{"variantId":"\(control)","rangeStart":0,"rangeEnd":4999},
        {"variantId":"\(treatment)","rangeStart":5000,"rangeEnd":9999}]}
        """
    }
    return experiments.joined(separator: ",")
  }

  /// Of 64 users.
  package var requests: [[UInt8]] {
    let context = "\(Self.context)".replacing("{", with: "%7B").replacing("}", with: "%7D")
      .replacing("\"", with: "%22").replacing(":", with: "%3A").replacing(",", with: "%2C")
    return (0..<64).map { index in
      Array(
        """
        GET /decide?user_key=\(userKey(index))&context=\(context) HTTP/1.1\r
        Host: 127.0.0.1:7070\r
        User-Agent: bench/1\r
        Accept: */*\r
        \r\n
        """.utf8)
    }
  }

  package func userKey(_ index: Int) -> String {
    switch keys {
    case .short: "user-\(100 + index * 151)"
    case .long: "user-" + String(repeating: Self.uuid(index), count: 4).prefix(123)
    }
  }

  private func salt(_ index: Int) -> String {
    let first = Self.uuid(index * 5 + 7)
    return keys == .short ? first : first + Self.uuid(index * 7 + 3)
  }

  /// Looks like one; the same number always gives the same.
  private static func uuid(_ seed: Int) -> String {
    let digits = Array("0123456789abcdef")
    var state = UInt64(truncatingIfNeeded: seed) &* 0x9E37_79B9_7F4A_7C15 | 1
    return String(
      (0..<36).map { place -> Character in
        if [8, 13, 18, 23].contains(place) { return "-" }
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return digits[Int(state & 15)]
      })
  }
}
