// A record: one user was shown one assignment. Within a datagram a record may say "as the one before" of what
// records of one decision share, and "as arm 3" of what many records are about; the first one of a datagram never does.

package import Bytes

/// One exposure. The views are into the datagram.
package struct Record {
  package var environment = ByteView.empty
  package var experiment = ByteView.empty
  package var variant = ByteView.empty
  package var userKey = ByteView.empty
  /// The version of the snapshot that decided.
  package var version: Int64 = 0
  /// Microseconds since 1970.
  package var occurredAt: UInt64 = 0
  /// The share of users whose exposures are recorded, above 0 up to 1.
  package var rate = 1.0
  /// Whether the user was forced into the variant, so that the analysis leaves the record out.
  package var isOverride = false
}

/// The first byte of a record.
enum RecordFlags {
  static var isOverride: UInt8 { 1 }
  /// User key and moment are those of the record before.
  static var sharesUser: UInt8 { 2 }
  /// Environment and version are those of the record before.
  static var sharesSnapshot: UInt8 { 4 }
  /// Experiment, variant and rate are those of an arm that an earlier record of the datagram told.
  static var namesArm: UInt8 { 8 }
  static var all: UInt8 { 15 }
}

/// An assignment as records tell it: few of them make up most of a datagram, so each is written out once. The first
/// ``max`` arms that a datagram writes out have the numbers from 0, in their order.
struct Arm {
  static var max: Int { 32 }

  var rate = 0.0
  var experiment = ByteView.empty
  var variant = ByteView.empty
}

/// Reads the records of a datagram one by one.
package struct RecordReader {
  private let body: ByteView
  private var offset = 0
  private var left: Int
  private var record = Record()
  private var arms: [32 of Arm] = .init(repeating: Arm())
  private var armCount = 0
  private var isFirst = true
  private var isBroken = false

  @_noAllocation @_noLocks
  package init(_ datagram: Datagram) {
    body = datagram.body
    left = Int(datagram.header.count)
  }

  /// Whether every record was there and nothing but zeros follows.
  var isComplete: Bool {
    guard !isBroken, left == 0 else { return false }
    for place in offset..<body.count where body[place] != 0 { return false }
    return true
  }

  /// The next record; nil behind the last one, and where the bytes are none.
  @_noAllocation @_noLocks
  package mutating func next() -> Record? {
    guard left > 0, !isBroken else { return nil }
    guard read() else {
      isBroken = true
      return nil
    }
    left -= 1
    isFirst = false
    return record
  }

  private mutating func read() -> Bool {
    guard let flags = take(1).map({ $0[0] }), flags <= RecordFlags.all else { return false }
    let shares = RecordFlags.sharesUser | RecordFlags.sharesSnapshot | RecordFlags.namesArm
    guard !isFirst || flags & shares == 0 else { return false }
    record.isOverride = flags & RecordFlags.isOverride != 0
    if flags & RecordFlags.sharesSnapshot == 0 {
      guard let version = take(8), let environment = takeText(required: false) else { return false }
      record.version = Int64(bitPattern: version.word(at: 0))
      record.environment = environment
    }
    if flags & RecordFlags.sharesUser == 0 {
      guard let moment = take(8), let userKey = takeText() else { return false }
      record.occurredAt = moment.word(at: 0)
      record.userKey = userKey
    }
    guard let arm = flags & RecordFlags.namesArm == 0 ? takeArm() : takeNumber() else { return false }
    record.rate = arm.rate
    record.experiment = arm.experiment
    record.variant = arm.variant
    return record.rate > 0 && record.rate <= 1 && record.version >= 0
  }

  private mutating func takeArm() -> Arm? {
    guard let rate = take(8), let experiment = takeText(), let variant = takeText() else { return nil }
    let arm = Arm(rate: Double(bitPattern: rate.word(at: 0)), experiment: experiment, variant: variant)
    if armCount < Arm.max {
      arms[armCount] = arm
      armCount += 1
    }
    return arm
  }

  /// The arm of a number.
  private mutating func takeNumber() -> Arm? {
    guard let number = take(1).map({ Int($0[0]) }), number < armCount else { return nil }
    return arms[number]
  }

  private mutating func take(_ count: Int) -> ByteView? {
    guard count <= body.count - offset else { return nil }
    defer { offset += count }
    return body.slice(offset..<(offset + count))
  }

  /// A text with its length before it.
  private mutating func takeText(required: Bool = true) -> ByteView? {
    guard let count = take(2), let text = take(Int(count.word16(at: 0))) else { return nil }
    guard !required || !text.isEmpty, UTF8Check.isValid(text) else { return nil }
    return text
  }
}
