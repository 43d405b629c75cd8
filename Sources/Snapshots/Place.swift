// Where a part stands in its document, such as `experiments[3].variants[1]`. It is kept as steps and becomes a
// text only when there is something to say about the part, which is nearly never.

import Bytes

struct Place: Sendable, CustomStringConvertible {
  private struct Step {
    var list: StaticString
    var index: UInt32
  }

  private static let depthMax = 3

  private var steps: [3 of Step] = .init(repeating: Step(list: "", index: 0))
  private var depth = 0

  /// The document itself.
  static let root = Place()

  /// The element at `index` of the member `list`.
  func element(_ list: StaticString, _ index: Int) -> Place {
    precondition(depth < Self.depthMax)
    var place = self
    place.steps[depth] = Step(list: list, index: UInt32(index))
    place.depth += 1
    return place
  }

  /// The text that names the member `name`.
  func member(_ name: StaticString) -> String {
    depth == 0 ? String(name.bytes) : "\(self).\(String(name.bytes))"
  }

  var description: String {
    (0..<depth).map { "\(String(steps[$0].list.bytes))[\(steps[$0].index)]" }.joined(separator: ".")
  }
}
