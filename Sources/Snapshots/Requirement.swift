// One element of `requires`: what a user must have been given elsewhere to be assigned here.

import Decisions
import JSON

struct Requirement {
  enum Subject {
    /// An id or key.
    case experiment([UInt8])
    case flag([UInt8])
  }

  var subject: Subject
  /// Ids or keys; nil for any variant.
  var variants: [[UInt8]]?
  var place: Place

  /// Elements of one `requires`.
  static let countMax = 64

  static func list(_ fields: Fields) throws(Finding) -> [Requirement] {
    let elements = try fields.optionalArray("requires")
    guard elements.count <= countMax else {
      throw fields.fault("requires", "\(elements.count) are more than \(countMax)")
    }
    var requirements: [Requirement] = []
    for (element, place) in elements { requirements.append(try Requirement(element, at: place)) }
    return requirements
  }

  init(_ element: Element, at place: Place) throws(Finding) {
    self.place = place
    let fields = try Fields(element, at: place, .quarantined)
    switch (try fields.optionalString("experiment"), try fields.optionalString("flag")) {
    case (let experiment?, nil): subject = .experiment(experiment)
    case (nil, let flag?): subject = .flag(flag)
    case (nil, nil): throw Finding(.quarantined, place, "names neither an experiment nor a flag")
    case (_?, _?): throw Finding(.quarantined, place, "names both an experiment and a flag")
    }
    guard fields.element["variants"] != nil else { return }
    let elements = try fields.optionalArray("variants")
    guard !elements.isEmpty else { throw fields.fault("variants", "is empty: leave it out for any variant") }
    guard elements.count <= BucketTable.variantMax else {
      throw fields.fault("variants", "\(elements.count) are more than \(BucketTable.variantMax)")
    }
    var names: [[UInt8]] = []
    for (element, place) in elements {
      guard let name = element.string else {
        throw Finding(.quarantined, place, "is \(element.kind.described), not an id or key")
      }
      names.append(name)
    }
    variants = names
  }

  /// That there is no such part, at the member that names it.
  var missing: Finding {
    switch subject {
    case .experiment(let name):
      Finding(.quarantined, place.member("experiment"), "there is no experiment \(quoted(name))")
    case .flag(let key): Finding(.quarantined, place.member("flag"), "there is no flag \(quoted(key))")
    }
  }
}

/// A name in a message.
func quoted(_ name: [UInt8]) -> String { "\"\(String(decoding: name, as: UTF8.self))\"" }
