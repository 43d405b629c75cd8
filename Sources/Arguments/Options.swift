// Command lines: options are declared once, and the declaration is the parser, the help and the source of
// "did you mean". An option is `--name VALUE`, `--name=VALUE`, or `--name` alone if it takes no value.

package struct Option: Sendable {
  package let name: String
  /// What its value is called in the help; nil if it takes none.
  package let value: String?
  package let help: String

  package init(_ name: String, _ value: String? = nil, _ help: String) {
    self.name = name
    self.value = value
    self.help = help
  }
}

/// One thing a program can be asked for.
package struct Command: Sendable {
  /// Empty for a program that can only do one thing; two words for one of several with the same first word.
  package let name: String
  package let summary: String
  /// What comes behind the options, for the help; nil if nothing may.
  package let operands: String?
  package let options: [Option]

  package init(_ name: String, _ summary: String, operands: String? = nil, options: [Option]) {
    self.name = name
    self.summary = summary
    self.operands = operands
    self.options = options
  }
}

/// What a command was given.
package struct Invocation: Sendable {
  package let command: Command
  private var values: [String: [String]] = [:]
  package private(set) var operands: [String] = []

  /// The last value of an option, or nil.
  package subscript(_ option: String) -> String? { values[option]?.last }

  /// All values of an option that may be repeated.
  package func all(_ option: String) -> [String] { values[option] ?? [] }

  /// Whether an option without a value was given.
  package func has(_ option: String) -> Bool { values[option] != nil }

  /// The value of an option that must be there.
  package func required(_ option: String) throws(UsageFault) -> String {
    guard let value = self[option] else {
      throw UsageFault("\(command.name.isEmpty ? "" : command.name + ": ")--\(option) is missing")
    }
    return value
  }

  package init(_ command: Command, _ arguments: [String]) throws(UsageFault) {
    self.command = command
    var rest = arguments[...]
    while let argument = rest.popFirst() {
      if argument == "--" {
        operands += rest
        break
      }
      guard argument.hasPrefix("-"), argument != "-" else {
        operands.append(argument)
        continue
      }
      try read(argument, &rest)
    }
    if command.operands == nil, let operand = operands.first {
      throw UsageFault("unexpected argument \"\(operand)\"")
    }
  }

  private mutating func read(_ argument: String, _ rest: inout ArraySlice<String>) throws(UsageFault) {
    var name = String(argument.drop { $0 == "-" })
    var value: String?
    if let equals = name.firstIndex(of: "=") {
      value = String(name[name.index(after: equals)...])
      name = String(name[..<equals])
    }
    guard argument.hasPrefix("--"), let option = command.options.first(where: { $0.name == name }) else {
      let nearest = Nearest.word(to: name, among: command.options.map(\.name) + ["help", "version"])
      throw UsageFault("unknown option \(argument)" + (nearest.map { "; did you mean --\($0)?" } ?? ""))
    }
    guard option.value != nil else {
      guard value == nil else { throw UsageFault("--\(name) takes no value") }
      values[name, default: []].append("")
      return
    }
    guard let value = value ?? rest.popFirst() else { throw UsageFault("--\(name) needs a value") }
    values[name, default: []].append(value)
  }
}

/// A command line that cannot be understood; the sentence says why.
package struct UsageFault: Error, Equatable, CustomStringConvertible {
  package let description: String

  package init(_ description: String) {
    self.description = description
  }
}
