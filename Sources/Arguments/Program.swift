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
    if word == "--help" || word == "-h" || word == "help" { return .print(help) }
    guard let command = commands.first(where: { $0.name == word }) else {
      let nearest = Nearest.word(to: word, among: commands.map(\.name))
      throw UsageFault("unknown command \"\(word)\"" + (nearest.map { "; did you mean \($0)?" } ?? ""))
    }
    let rest = Array(arguments.dropFirst())
    if rest.contains("--help") || rest.contains("-h") { return .print(help(for: command)) }
    return .run(try Invocation(command, rest))
  }

  private var help: String {
    let width = commands.map(\.name.count).max() ?? 0
    let list = commands.map { "  " + $0.name.padded(to: width) + "  " + $0.summary }
    return """
      \(name): \(summary)

      Usage: \(name) COMMAND [OPTION ...]

      Commands:
      \(list.joined(separator: "\n"))

      \(name) COMMAND --help tells more; \(name) --version prints the version.

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

extension String {
  fileprivate func padded(to width: Int) -> String {
    self + String(repeating: " ", count: max(0, width - count))
  }
}
