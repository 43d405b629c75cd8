// The trace behind "why": what the last decision looked at, read back from the same workspace by the same
// functions, so that an explanation cannot disagree with the decision it explains.

package import Bytes

extension Tables {
  /// The steps of each rule of a list.
  package func rules(of list: Int) -> [Range<Int>] {
    var rules: [Range<Int>] = []
    var place = ruleLists[list].range.lowerBound
    while place < ruleLists[list].range.upperBound {
      let end = Int(ruleSteps[place].ruleEnd)
      rules.append(place..<end)
      place = end
    }
    return rules
  }
}

extension Workspace {
  /// Whether the condition held in the last decision; `context` must be the one decided with.
  package mutating func explain(condition index: Int, _ tables: Tables, _ context: ByteView) -> Bool {
    holds(condition: index, RuleRows(tables), context)
  }

  /// Whether the rule of these steps held; see ``Tables/rules(of:)``.
  package mutating func explain(rule steps: Range<Int>, _ tables: Tables, _ context: ByteView) -> Bool {
    anyHolds(steps, RuleRows(tables), context)
  }

  @_noAllocation @_noLocks
  package mutating func explain(ruleList index: Int, _ tables: Tables, _ context: ByteView) -> Bool {
    holds(ruleList: index, RuleRows(tables), context)
  }

  /// The variant that the user has in what is required, and whether that meets the requirement.
  package mutating func explain(
    requirement: RequirementRow, _ tables: Tables
  ) -> (variant: VariantRow?, isMet: Bool) {
    let variant = variant(givenFor: requirement, tables)
    return (variant.map { tables.variants[$0] }, meets(requirement, variant, tables))
  }

  /// Whether the user is in the holdout's share.
  package func isHeldOut(_ holdout: Int) -> Bool { isHeldOut[holdout] }

  /// What the attribute in `slot` was.
  package enum AttributeDescription {
    case missing, null, composite
    case bool(Bool)
    case number(Double)
    case string(ByteView)
  }

  package func describe(attribute slot: Int, _ context: ByteView) -> AttributeDescription {
    let value = attributes[slot]
    switch value.kind {
    case .missing: return .missing
    case .null: return .null
    case .true: return .bool(true)
    case .false: return .bool(false)
    case .composite: return .composite
    case .number: return .number(value.number)
    case .numberText: return .number(DoubleParser.parse(context.slice(value.range)))
    case .string: return .string((value.isDecoded ? text.written : context).slice(value.range))
    }
  }
}
