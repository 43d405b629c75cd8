// "Did you mean ...?": the known word nearest to an unknown one, by edit distance.

package enum Nearest {
  /// The candidate within a third of its length (at least two edits) of `word`, or nil.
  package static func word(to word: String, among candidates: [String]) -> String? {
    var best: (word: String, distance: Int)?
    for candidate in candidates {
      let distance = distance(Array(word.utf8), Array(candidate.utf8))
      guard distance <= max(2, candidate.utf8.count / 3) else { continue }
      if best == nil || distance < best!.distance { best = (candidate, distance) }
    }
    return best?.word
  }

  /// The Levenshtein distance: insertions, deletions and substitutions between the two.
  static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
    var previous = Array(0...right.count)
    for (row, byte) in left.enumerated() {
      var current = [row + 1]
      for (column, other) in right.enumerated() {
        let substituted = previous[column] + (byte == other ? 0 : 1)
        current.append(min(substituted, previous[column + 1] + 1, current[column] + 1))
      }
      previous = current
    }
    return previous[right.count]
  }
}
