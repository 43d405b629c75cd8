// What is decided about: a snapshot with the salts, keys and payloads of a real one's sizes, and requests of many
// users, of whom the same ones always come in the same order.

struct Scenario {
  enum Keys: String {
    /// User keys of 8 or 9 bytes, salts of 36.
    case short
    /// User keys of 128 bytes, salts of 72.
    case long
  }

  var experiments: Int
  var isTargeted: Bool
  var keys = Keys.short

  /// One name for files.
  var name: String { "\(experiments)-\(isTargeted ? "targeted" : "plain")-\(keys.rawValue)" }

  static let countries = ["US", "CA", "DE", "FR", "JP", "BR", "IN", "GB", "MX", "NL"]

  /// A snapshot of version 1, nobody's signature on it.
  var document: [UInt8] {
    let experiments = (0..<experiments).map { index -> String in
      let countries = [Self.countries[index % 10], Self.countries[(index + 3) % 10], "US"]
      let rules = """
        [{"conditions":[{"attribute":"country","operator":"in","value":\(countries)},
        {"attribute":"age","operator":"gt","value":\(index % 97)}]},
        {"conditions":[{"attribute":"plan","operator":"eq","value":"plan-\(index % 31)"}]}]
        """
      let control = Self.uuid(index * 3 + 1)
      let treatment = Self.uuid(index * 3 + 2)
      return """
        {"id":"\(Self.uuid(index))","key":"experiment-\(index)","salt":"\(salt(index))",
        "audienceRules":[],"targetingRules":\(isTargeted ? rules : "[]"),
        "variants":[{"id":"\(control)","key":"control","payload":{"color":"#0066cc"}},
        {"id":"\(treatment)","key":"treatment","payload":{"color":"#00cc66"}}],
        "allocations":[{"variantId":"\(control)","rangeStart":0,"rangeEnd":4999},
        {"variantId":"\(treatment)","rangeStart":5000,"rangeEnd":9999}]}
        """
    }
    return Array(
      #"{"version":1,"environment":"prod","experiments":[\#(experiments.joined(separator: ","))]}"#.utf8)
  }

  /// Of 64 users.
  var requests: [[UInt8]] {
    (0..<64).map { index in
      Array(
        """
        GET /decide?user_key=\(userKey(index))&context=\(Self.encodedContext) HTTP/1.1\r
        Host: 127.0.0.1:7070\r
        User-Agent: bench/1\r
        Accept: */*\r
        \r\n
        """.utf8)
    }
  }

  private static let encodedContext =
    "%7B%22country%22%3A%22US%22%2C%22age%22%3A42%2C%22plan%22%3A%22plan-7%22%7D"

  func userKey(_ index: Int) -> String {
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
