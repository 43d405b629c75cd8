// Whether conditions, rules and rule lists hold for the attributes of a request. Conditions and lists are
// stored once and shared by experiments, so their answers are remembered until the request is over.

import Bytes
import JSON

/// The sections that conditions are evaluated from, looked up once per decision.
struct RuleRows {
  let ruleLists: Rows<Run>
  let steps: Rows<RuleStep>
  let conditions: Rows<ConditionRow>
  let operands: Rows<OperandRow>
  private let tables: Tables

  init(_ tables: Tables) {
    ruleLists = tables.ruleLists
    steps = tables.ruleSteps
    conditions = tables.conditions
    operands = tables.operands
    self.tables = tables
  }

  func text(_ range: ByteRange) -> ByteView { tables.text(range) }

  /// What a condition that is no list is about.
  func operand(_ condition: ConditionRow) -> OperandRow { operands[Int(condition.firstOperand)] }
}

extension Workspace {
  /// Whether any rule of the list holds; an empty list does.
  @inline(__always)
  mutating func holds(ruleList index: Int, _ rows: RuleRows, _ context: ByteView) -> Bool {
    guard index != 0 else { return true }
    switch ruleListMemo[index] {
    case .yes: return true
    case .no: return false
    case .unknown: return find(ruleList: index, rows, context)
    }
  }

  @inline(never)
  private mutating func find(ruleList index: Int, _ rows: RuleRows, _ context: ByteView) -> Bool {
    let holds = anyHolds(rows.ruleLists[index].range, rows, context)
    ruleListMemo[index] = holds ? .yes : .no
    return holds
  }

  /// Whether any of the rules that these steps are holds.
  mutating func anyHolds(_ steps: Range<Int>, _ rows: RuleRows, _ context: ByteView) -> Bool {
    var place = steps.lowerBound
    while place < steps.upperBound {
      let step = rows.steps[place]
      if step.condition == RuleStep.always || holds(condition: Int(step.condition), rows, context) {
        place &+= 1
        if place == Int(step.ruleEnd) { return true }
      } else {
        place = Int(step.ruleEnd)
      }
    }
    return false
  }

  @inline(__always)
  mutating func holds(condition index: Int, _ rows: RuleRows, _ context: ByteView) -> Bool {
    switch conditionMemo[index] {
    case .yes: return true
    case .no: return false
    case .unknown: break
    }
    let holds = evaluate(index, rows, context)
    conditionMemo[index] = holds ? .yes : .no
    return holds
  }

  @inline(never)
  private mutating func evaluate(_ index: Int, _ rows: RuleRows, _ context: ByteView) -> Bool {
    let condition = rows.conditions[index]
    let slot = Int(condition.attribute)
    if attributes[slot].isRaw { settle(slot, context) }
    let value = attributes[slot]
    switch condition.operation {
    case .exists: return value.kind != .missing
    case .notExists: return value.kind == .missing
    case .eq: return !condition.isList && equals(value, rows.operand(condition), rows, context)
    case .neq: return condition.isList || !equals(value, rows.operand(condition), rows, context)
    case .in: return condition.isList && isAmong(condition, value, rows, context)
    case .notIn: return condition.isList && !isAmong(condition, value, rows, context)
    case .gt, .lt, .gte, .lte: return Self.compareNumbers(condition, value, rows)
    case .contains, .startsWith, .endsWith, .semverEq, .semverGt, .semverLt, .before, .after:
      return compareStrings(condition, value, rows, context)
    }
  }

  /// Converts the attribute's number and resolves its escapes, once per request.
  @inline(never)
  private mutating func settle(_ slot: Int, _ context: ByteView) {
    var value = attributes[slot]
    if value.kind == .numberText {
      value.kind = .number
      value.number = DoubleParser.parse(context.slice(value.range))
    } else {
      let start = text.count
      QuotedText(range: value.range, hasEscapes: true).decode(context, into: &text)
      value.range = ByteRange(from: start, to: text.count)
      value.hasEscapes = false
      value.isDecoded = true
    }
    attributes[slot] = value
  }

  private mutating func string(_ value: AttributeValue, _ context: ByteView) -> ByteView {
    value.isDecoded ? text.written.slice(value.range) : context.slice(value.range)
  }

  private mutating func equals(
    _ value: AttributeValue, _ operand: OperandRow, _ rows: RuleRows, _ context: ByteView
  ) -> Bool {
    switch (value.kind, operand.kind) {
    case (.null, .null), (.true, .true), (.false, .false): true
    case (.number, .number): value.number == operand.number
    case (.string, .string): string(value, context).equals(rows.text(operand.text))
    default: false
    }
  }

  @inline(__always)
  private mutating func isAmong(
    _ condition: ConditionRow, _ value: AttributeValue, _ rows: RuleRows, _ context: ByteView
  ) -> Bool {
    let operands = rows.operands
    let end = Int(condition.firstOperand) + Int(condition.operandCount)
    var index = Int(condition.firstOperand)
    guard condition.isSorted else {
      while index < end {
        if equals(value, operands[index], rows, context) { return true }
        index += 1
      }
      return false
    }
    let hash =
      switch value.kind {
      case .string: Hashing.hash(string(value, context))
      case .number: Hashing.hash(value.number)
      default: Hashing.hash(ByteView.empty)
      }
    var high = end
    while index < high {
      let middle = (index + high) / 2
      if operands[middle].hash < hash { index = middle + 1 } else { high = middle }
    }
    while index < end, operands[index].hash == hash {
      if equals(value, operands[index], rows, context) { return true }
      index += 1
    }
    return false
  }

  @inline(__always)
  private static func compareNumbers(_ condition: ConditionRow, _ value: AttributeValue, _ rows: RuleRows)
    -> Bool
  {
    guard !condition.isList, value.kind == .number else { return false }
    let operand = rows.operand(condition)
    guard operand.kind == .number else { return false }
    switch condition.operation {
    case .gt: return value.number > operand.number
    case .lt: return value.number < operand.number
    case .gte: return value.number >= operand.number
    default: return value.number <= operand.number
    }
  }

  private mutating func compareStrings(
    _ condition: ConditionRow, _ value: AttributeValue, _ rows: RuleRows, _ context: ByteView
  ) -> Bool {
    guard !condition.isList, value.kind == .string else { return false }
    let operand = rows.operand(condition)
    guard operand.kind == .string else { return false }
    let text = string(value, context)
    let other = rows.text(operand.text)
    switch condition.operation {
    case .contains: return text.contains(other)
    case .startsWith: return text.starts(with: other)
    case .endsWith: return text.ends(with: other)
    case .before, .after:
      guard let moment = Timestamp.milliseconds(text) else { return false }
      return condition.operation == .before ? moment < operand.number : moment > operand.number
    default:
      guard let left = SemanticVersion(text), let right = SemanticVersion(other) else { return false }
      let order = left.compare(with: right)
      switch condition.operation {
      case .semverGt: return order > 0
      case .semverLt: return order < 0
      default: return order == 0
      }
    }
  }
}
