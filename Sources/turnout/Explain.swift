// turnout explain: each step of each experiment, for people or, with --json, for programs; and, with --replay, an
// answer of /explain given again.

import Arguments
import Bytes
import Decisions
import Dialects
import JSON
import Kernel
import Snapshots
import Trust

enum Explain {
  static let command = Command(
    "explain", "print why a user gets what they get, or replay an answer of /explain",
    options: Decide.options + [
      Option("experiment", "KEY", "only the experiment of that key or id; may be repeated"),
      Option("json", nil, "print JSON, byte for byte as the admin port's /explain"),
      Option("manifest", "FILE", "the manifest that signs the snapshot; the answer states its signers"),
      Option("trust", "FILE", "the key file, with --manifest"),
      Option("replay", "FILE", "a saved answer: check that it is of the snapshot, and give it again"),
    ])

  static func run(_ invocation: Invocation) throws {
    if let path = invocation["replay"] { return try replay(path, invocation) }
    let (snapshot, signers) = try snapshot(invocation)
    let provenance = Explanation.Provenance(sha256: digest(snapshot), signers: signers ?? [])
    let names = invocation.all("experiment").map { Array($0.utf8) }
    try Decide.withDecision(invocation, snapshot) { question, tables, workspace in
      let isText = !invocation.has("json")
      let explanation = Explanation(
        question, tables, provenance, selection: names.isEmpty ? nil : names,
        limit: isText ? .max : Explanation.byteCountMax)
      guard isText else { return try print(explanation.answer(&workspace)) }
      if let name = explanation.unknown.first {
        throw Refused("the snapshot has no experiment \"\(String(decoding: name, as: UTF8.self))\"")
      }
      for index in explanation.experiments {
        ExplanationText.print(try Document(explanation.experiment(index, &workspace)).root)
      }
    }
  }

  // MARK: - Replay

  private static func replay(_ path: String, _ invocation: Invocation) throws {
    for option in ["user", "context", "experiment", "json"] where invocation.has(option) {
      throw UsageFault("--\(option): the saved answer states it, so it does not go with --replay")
    }
    let text = try File.read(path, limit: Explanation.byteCountMax)
    guard let saved = SavedExplanation(text) else { throw Refused("\(path) is no answer of /explain") }
    let (snapshot, signers) = try snapshot(invocation)
    try check(saved, snapshot)
    if let signers, signers != saved.provenance.signers {
      throw Refused(
        "signed_by: the answer names \(list(saved.provenance.signers)), the manifest is signed by \(list(signers))"
      )
    }
    try Decide.withDecision(snapshot, user: saved.userKey, context: saved.context) {
      question, tables, workspace in
      let explanation = Explanation(question, tables, saved.provenance, selection: saved.selection)
      let outcome = explanation.answer(&workspace)
      try print(outcome)
      guard case .answer(let again) = outcome, again != text else { return }
      let place = zip(again, text).prefix { $0 == $1 }.reduce(0) { count, _ in count + 1 }
      throw Refused("\(path) is not what the snapshot gives: it differs from byte \(place) on")
    }
  }

  private static func check(_ saved: SavedExplanation, _ snapshot: VerifiedSnapshot) throws {
    guard saved.environment == snapshot.environment else {
      throw Refused(
        "environment: the answer is of \"\(saved.environment)\", the snapshot of \"\(snapshot.environment)\"")
    }
    guard saved.version == snapshot.version else {
      throw Refused(
        "config_version: the answer is of version \(saved.version), the snapshot is version \(snapshot.version)"
      )
    }
    let digest = digest(snapshot)
    guard saved.provenance.sha256 == digest else {
      throw Refused(
        "snapshot: the answer is of one with SHA-256 \(saved.provenance.sha256), this one's is \(digest)")
    }
  }

  // MARK: - Parts

  private static func digest(_ snapshot: VerifiedSnapshot) -> String {
    snapshot.document.withBytes { Digest.sha256Hex($0) }
  }

  /// The snapshot, and the keys that signed it as the manifest shows; nil if no manifest is named.
  private static func snapshot(_ invocation: Invocation) throws -> (VerifiedSnapshot, signers: [String]?) {
    let document = try File.read(invocation.required("snapshot"), limit: Documents.snapshotMax)
    guard invocation.has("manifest") || invocation.has("trust") else {
      return (try VerifiedSnapshot(unsigned: document, environment: nil), nil)
    }
    let (manifest, signers) = try Documents.manifest(invocation)
    return (try VerifiedSnapshot(document, for: manifest), signers)
  }

  private static func print(_ outcome: Explanation.Outcome) throws {
    switch outcome {
    case .answer(let text): Swift.print(String(decoding: text, as: UTF8.self), terminator: "")
    case .fault(let fault): throw Refused(fault)
    }
  }

  private static func list(_ signers: [String]) -> String {
    signers.isEmpty ? "nobody" : signers.joined(separator: ", ")
  }
}
