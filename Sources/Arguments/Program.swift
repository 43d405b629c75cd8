// A program as its user sees it: its commands, its help, its exit codes.

package struct Program: Sendable {
  package let name: String
  package let summary: String
  package let version: String
  package let commands: [Command]
  /// What stands at the end of the help.
  package let notes: String

  package init(_ name: String, _ summary: String, version: String, commands: [Command], notes: String = "") {
    self.name = name
    self.summary = summary
    self.version = version
    self.commands = commands
    self.notes = notes
  }

  /// What became of a command line.
  package enum Outcome {
    case run(Invocation)
    /// Asked for: to standard output, exit code 0.
    case print(String)
  }

  /// Exit codes, the same for every program.
  package static var exitCodes: String {
    """
    Exit codes:
      0  done
      1  something outside failed: a file, a socket, a limit
      2  the command line or the configuration is wrong
      3  a document was refused, or a check found something
    """
  }

  package func parse(_ arguments: [String]) throws(UsageFault) -> Outcome {
    if arguments.first == "--version" { return .print("\(name) \(version)") }
    if commands.count == 1, commands[0].name.isEmpty {
      if arguments.contains("--help") || arguments.contains("-h") { return .print(help(for: commands[0])) }
      return .run(try Invocation(commands[0], arguments))
    }
    guard let word = arguments.first else { throw UsageFault("name a command; \(name) --help lists them") }
    if word == "--help" || word == "-h" || word == "help" { return .print(help(of: "")) }
    var rest = Array(arguments.dropFirst())
    let prefix = word + " "
    guard commands.contains(where: { $0.name.hasPrefix(prefix) }) else {
      return try parse(rest, for: find(word, after: ""))
    }
    guard let second = rest.first else {
      throw UsageFault("name a command; \(name) \(word) --help lists them")
    }
    if second == "--help" || second == "-h" { return .print(help(of: prefix)) }
    rest.removeFirst()
    return try parse(rest, for: find(second, after: prefix))
  }

  private func parse(_ rest: [String], for command: Command) throws(UsageFault) -> Outcome {
    if rest.contains("--help") || rest.contains("-h") { return .print(help(for: command)) }
    return .run(try Invocation(command, rest))
  }

  /// The command whose name is `word` behind a first word, if there is one, with its blank.
  private func find(_ word: String, after prefix: String) throws(UsageFault) -> Command {
    if let command = commands.first(where: { $0.name == prefix + word }) { return command }
    let words = commands.filter { $0.name.hasPrefix(prefix) }.map {
      String($0.name.dropFirst(prefix.count).prefix { $0 != " " })
    }
    let nearest = Nearest.word(to: word, among: words)
    throw UsageFault(
      "unknown command \"\(prefix)\(word)\"" + (nearest.map { "; did you mean \(prefix)\($0)?" } ?? ""))
  }

  /// The help of the program, or of its commands with one first word.
  private func help(of prefix: String) -> String {
    let commands = commands.filter { $0.name.hasPrefix(prefix) }
    let width = commands.map { $0.name.count - prefix.count }.max() ?? 0
    let list = commands.map { "  " + $0.name.dropFirst(prefix.count).padded(to: width) + "  " + $0.summary }
    return """
      \(name): \(summary)

      Usage: \(name) \(prefix)COMMAND [OPTION ...]

      Commands:
      \(list.joined(separator: "\n"))

      \(name) \(prefix)COMMAND --help tells more; \(name) --version prints the version.

      \(Self.exitCodes)
      """ + (notes.isEmpty ? "" : "\n\n" + notes)
  }

  private func help(for command: Command) -> String {
    let usage = [name, command.name, command.options.isEmpty ? "" : "[OPTION ...]", command.operands ?? ""]
    let rows =
      command.options.map { option in
        ("--" + option.name + (option.value.map { " " + $0 } ?? ""), option.help)
      } + [("--help", "print this and exit"), ("--version", "print the version and exit")]
    let width = rows.map(\.0.count).max() ?? 0
    let list = rows.map { "  " + $0.0.padded(to: width) + "  " + $0.1 }
    let title = command.name.isEmpty ? "\(name): \(summary)" : "\(name) \(command.name): \(command.summary)"
    return """
      \(title)

      Usage: \(usage.filter { !$0.isEmpty }.joined(separator: " "))

      Options:
      \(list.joined(separator: "\n"))

      \(Self.exitCodes)
      """ + (command.name.isEmpty && !notes.isEmpty ? "\n\n" + notes : "")
  }
}

extension StringProtocol {
  fileprivate func padded(to width: Int) -> String {
    self + String(repeating: " ", count: width > count ? width - count : 0)
  }
}
