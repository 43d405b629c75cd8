// Names for decisions: unique across workers and restarts, in order within a worker.

package import Bytes

package struct DecisionIDs: Sendable {
  private let seed: UInt64
  private var next: UInt64 = 0

  /// `seed` must be different for each worker and each start.
  package init(seed: UInt64) {
    self.seed = seed
  }

  /// Appends the next id as a JSON string of 32 hexadecimal digits.
  @_noAllocation @_noLocks
  package mutating func write(to output: inout Output) {
    output.append("\"")
    output.append(hex: seed, digits: 16)
    output.append(hex: next, digits: 16)
    output.append("\"")
    next &+= 1
  }
}
