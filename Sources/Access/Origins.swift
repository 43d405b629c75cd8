// Which web pages may read answers (the CORS protocol of the Fetch standard): the header lines that say so, made once.

package import Bytes

package struct Origins: Sendable {
  /// Origins of one list.
  package static var originMax: Int { 64 }
  /// Bytes of an origin: a host name has at most 255.
  private static var byteMax: Int { 300 }

  package struct Settings: Sendable {
    /// `*` alone stands for every origin.
    package var origins: [String] = []
    /// Whether pages may send cookies and the like.
    package var credentials = false
    /// Nanoseconds for which a browser may remember the answer to a preflight.
    package var maxAge: UInt64 = 600_000_000_000

    package init() {}
  }

  private struct Row: BitwiseCopyable {
    var origin: ByteView
    var lines: ByteView
  }

  private let rows: Cells<Row>
  private let isAny: Bool
  /// Lines of the answer to a preflight, beside those of the origin and the methods.
  package let preflightLines: ByteView

  /// Lines that let a page read more than the body.
  package static var exposeLine: StaticString {
    "Access-Control-Expose-Headers: ETag, Retry-After, X-Turnout-Sticky\r\n"
  }

  /// Whether `text` is what a browser sends: scheme, host and perhaps a port, in lower case.
  package static func isOrigin(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    guard bytes.count <= byteMax, let colon = bytes.firstIndex(of: UInt8(ascii: ":")), colon > 0,
      bytes[colon...].starts(with: "://".utf8), bytes.count > colon + 3
    else { return false }
    return bytes.enumerated().allSatisfy { offset, byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
        UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: ":"):
        true
      case UInt8(ascii: "/"): offset < colon + 3
      case UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "+"), UInt8(ascii: "_"): true
      default: false
      }
    }
  }

  package static func byteCount(_ settings: Settings) -> Int {
    settings.origins.reduce(1024) { $0 + MemoryLayout<Row>.stride + 2 * $1.utf8.count + 512 }
  }

  package init(_ settings: Settings, _ carver: inout Carver) {
    isAny = settings.origins == ["*"]
    rows = carver.cells(settings.origins.count)
    for (index, origin) in settings.origins.enumerated() {
      var lines = "Access-Control-Allow-Origin: \(origin)\r\n"
      if settings.credentials { lines += "Access-Control-Allow-Credentials: true\r\n" }
      rows[index] = Row(origin: Self.keep(origin, &carver), lines: Self.keep(lines, &carver))
    }
    preflightLines = Self.keep(
      "Access-Control-Allow-Headers: Authorization, Content-Type, If-None-Match, Last-Event-ID, X-API-Key, "
        + "X-Turnout-Environment, X-Turnout-Sticky\r\n"
        + "Access-Control-Max-Age: \(settings.maxAge / 1_000_000_000)\r\n", &carver)
  }

  private static func keep(_ text: String, _ carver: inout Carver) -> ByteView {
    let region = carver.region(text.utf8.count)
    Array(text.utf8).withBytes { region.copy($0, to: 0) }
    return region.bytes
  }

  /// The lines that let a page of this origin read the answer; nil if it may not.
  @_noAllocation @_noLocks
  package func lines(for origin: ByteView) -> ByteView? {
    if isAny { return rows[0].lines }
    for index in 0..<rows.count where rows[index].origin.equals(origin) { return rows[index].lines }
    return nil
  }
}
