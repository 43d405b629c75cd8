// Who is trusted now: the key file, and the trust files that were believed since, one on top of the other. Each is
// kept on the disk as it came and verified anew at start, so that a restart does not fall back to former keys and
// the disk is believed no more than the upstream.

import Snapshots

struct TrustChain {
  /// Those who are trusted now.
  private(set) var keys: TrustedKeys
  /// Numbers up to here are followed.
  private let numberMax: Int
  private let store: StateStore
  /// Files that are believed but could not be kept yet, the oldest first.
  private var unkept: [(number: Int, file: [UInt8])] = []
  /// Whether keeping them failed when it was tried last.
  private(set) var isBehind = false

  /// Begins with the key file and takes the steps that the disk has; `report` is told why they end early.
  init(_ keyFile: TrustedKeys, store: StateStore, report: (Refusal) -> Void) {
    keys = keyFile
    numberMax = keyFile.number + TrustedKeys.stepMax
    self.store = store
    do throws(Refusal) {
      while let number = nextNumber, let file = try store.readTrust(number) { keys = try keys.next(file) }
    } catch {
      report(Refusal(error.reason, "\(Layout.trust(keys.number + 1)): \(error.message)"))
    }
  }

  /// The number of the file that would follow; nil if so many did that no more are asked for.
  var nextNumber: Int? { keys.number < numberMax ? keys.number + 1 : nil }

  /// Believes whom `file` says to trust, if it is the next step. It counts from now on, kept or not.
  mutating func take(_ file: [UInt8]) throws(Refusal) {
    keys = try keys.next(file)
    unkept.append((keys.number, file))
  }

  /// Keeps what is not kept yet, in order: on the disk no step is missing before another.
  mutating func keep() throws(Refusal) {
    do throws(Refusal) {
      while let (number, file) = unkept.first {
        try store.keepTrust(number, file)
        unkept.removeFirst()
      }
      isBehind = false
    } catch {
      isBehind = true
      throw error
    }
  }
}
