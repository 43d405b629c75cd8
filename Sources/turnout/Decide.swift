// turnout decide: what GET /decide would answer, from a snapshot in a file, by the same engine.

import Arguments
import Bytes
import Decisions
import Dialects
import Kernel
import Snapshots

enum Decide {
  static let options = [
    Option("snapshot", "FILE", "the snapshot (JSON); its signature is not asked for"),
    Option("user", "KEY", "the user key"),
    Option("context", "JSON", "the user's attributes, a JSON object"),
  ]

  static let command = Command("decide", "print what GET /decide would answer", options: options)

  static func run(_ invocation: Invocation) throws {
    let snapshot = try Documents.snapshot(invocation.required("snapshot"))
    try withDecision(invocation, snapshot) { question, tables, workspace in
      let memory = try Memory(byteCount: 64 << 20)
      var output = Output(memory.region)
      DecideAnswer.writeAssignments(question, tables, &workspace, to: &output)
      print(String(output.written))
    }
  }

  /// Decides for the user and context of the command line and calls `body` with the outcome.
  static func withDecision(
    _ invocation: Invocation, _ snapshot: VerifiedSnapshot,
    _ body: (Question, Tables, inout Workspace) throws -> Void
  ) throws {
    let user = Array(try invocation.required("user").utf8)
    guard !user.isEmpty else { throw UsageFault("--user must not be empty") }
    try withDecision(snapshot, user: user, context: Array((invocation["context"] ?? "").utf8), body)
  }

  /// Decides and calls `body` with the outcome.
  static func withDecision(
    _ snapshot: VerifiedSnapshot, user: [UInt8], context: [UInt8],
    _ body: (Question, Tables, inout Workspace) throws -> Void
  ) throws {
    let tablesMemory = try Memory(byteCount: snapshot.tables.count)
    snapshot.tables.withBytes { tablesMemory.region.copy($0, to: 0) }
    let workspaceMemory = try Memory(byteCount: Workspace.byteCount)
    var workspace = Workspace(workspaceMemory.region)
    // Tables that were compiled a moment ago are whole.
    let tables = Tables(tablesMemory.region.bytes)!
    try user.withBytes { user in
      try context.withBytes { context in
        var question = Question()
        question.userKey = user
        question.context = context
        if let fault = question.decide(tables, &workspace) { throw Refused(fault) }
        try body(question, tables, &workspace)
      }
    }
  }
}
