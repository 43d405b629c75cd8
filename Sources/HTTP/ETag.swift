// Entity tags (RFC 9110 section 8.8.3): whether an If-None-Match names the one there is.

package import Bytes

package enum ETag {
  /// Whether `field`, a list of tags or "*", matches `tag` by the weak comparison.
  @_noAllocation @_noLocks
  package static func matches(_ field: ByteView, _ tag: ByteView) -> Bool {
    guard !field.isEmpty, !tag.isEmpty else { return false }
    if field.equals("*") { return true }
    var start = 0
    while start < field.count {
      let end = field.firstOffset(of: UInt8(ascii: ","), from: start) ?? field.count
      let candidate = field.slice(field.trimmed(from: start, to: end))
      let opaque = candidate.starts(with: ("W/" as StaticString).bytes) ? candidate.dropping(2) : candidate
      if opaque.equals(tag) { return true }
      start = end + 1
    }
    return false
  }
}
