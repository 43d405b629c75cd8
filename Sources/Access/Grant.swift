// What one key may ask for: routes as a set of bits, environments by their names.

package import Bytes

package struct Grant: BitwiseCopyable, Sendable {
  private let routes: UInt64
  /// Each name behind a byte with its length; nothing for every environment.
  private let names: ByteView
  /// The same for all grants that allow the same, in any process and after any reload; 0 for that of everything. An
  /// answer that depends on what its reader may see names it in its ETag.
  package let fingerprint: UInt64

  /// `names` as ``encode(_:)`` has them.
  init(routes: UInt64, names: ByteView) {
    self.routes = routes
    self.names = names
    fingerprint =
      routes == .max && names.isEmpty ? 0 : Fingerprint.mix(Fingerprint.of(names) ^ Fingerprint.mix(routes))
  }

  package static var everything: Grant { Grant(routes: .max, names: .empty) }

  /// Names of 1 to 255 bytes, in an order that does not depend on that of the list.
  static func encode(_ names: [String]) -> [UInt8] {
    Set(names).sorted().flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
  }

  @_noAllocation @_noLocks
  package func allowsRoute(_ number: Int) -> Bool { routes >> UInt64(number) & 1 == 1 }

  package var allowsEveryEnvironment: Bool { @_noAllocation @_noLocks get { names.isEmpty } }

  /// The name for which `isWanted` holds, among those of a grant that does not allow every environment.
  @_noAllocation @_noLocks
  package func name(where isWanted: (ByteView) -> Bool) -> ByteView? {
    var offset = 0
    while offset < names.count {
      let end = offset + 1 + Int(names[offset])
      let name = names.slice((offset + 1)..<end)
      if isWanted(name) { return name }
      offset = end
    }
    return nil
  }
}
