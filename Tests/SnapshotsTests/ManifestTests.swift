import Bytes
import Snapshots
import Testing

private let manifest = Manifest(
  environment: "prod", version: 7, path: "configs/prod/snapshots/7.json", sha256: "ab12", length: 100,
  issuedAt: 1_767_225_600_000, expiresAt: 1_767_830_400_500)

private let fields = Object([
  ("environment", "\"prod\""), ("version", "7"), ("path", "\"configs/prod/snapshots/7.json\""),
  ("sha256", "\"ab12\""), ("length", "100"), ("issuedAt", "\"2026-01-01T00:00:00Z\""),
  ("expiresAt", "\"2026-01-08T00:00:00.500Z\""),
])

private func reason<Value>(_ body: () throws(Refusal) -> Value) -> Refusal.Reason? {
  do throws(Refusal) {
    _ = try body()
    return nil
  } catch {
    return error.reason
  }
}

struct ManifestTests {
  @Test func `a manifest survives its text`() throws {
    #expect(try Manifest(decoding: manifest.encode()) == manifest)
    #expect(try Manifest(decoding: Array(fields.json.utf8)) == manifest)
  }

  @Test(arguments: ["environment", "version", "path", "sha256", "length", "issuedAt", "expiresAt"])
  func `every member is needed and of its type`(_ name: String) {
    for value in [nil, "null", "[]", "true", "\"\"", "-1", "1.5"] {
      let text = fields.with(name, value).json
      #expect(
        reason { () throws(Refusal) in try Manifest(decoding: Array(text.utf8)) } == .malformed, "\(text)")
    }
  }

  @Test(arguments: ["", "[]", "{\"version\":7,\"version\":7}", "nul"])
  func `what is no manifest is malformed`(_ text: String) {
    #expect(reason { () throws(Refusal) in try Manifest(decoding: Array(text.utf8)) } == .malformed)
  }

  @Test(arguments: [
    "/etc/passwd", "../x", "configs/../../x", "configs//x", "http://elsewhere/x", "configs/%2e%2e/x", "a?b",
    "..",
  ])
  func `a path that leads out of the layout is refused`(_ path: String) {
    let text = Array(fields.with("path", "\"\(path)\"").json.utf8)
    #expect(reason { () throws(Refusal) in try Manifest(decoding: text) } == .path)
  }

  @Test func `a manifest is for its own environment`() {
    #expect(reason { () throws(Refusal) in try manifest.check(environment: "prod", after: nil) } == nil)
    for environment in ["staging", "Prod", "pro", ""] {
      #expect(
        reason { () throws(Refusal) in try manifest.check(environment: environment, after: nil) }
          == .environment)
    }
  }

  @Test func `an older version is a rollback, the same one with another digest an equivocation`() {
    func verdict(_ version: Int, _ sha256: String) -> Refusal.Reason? {
      var next = manifest
      next.version = version
      next.sha256 = sha256
      // A re-issue of what was accepted is the usual case; its other fields may change.
      next.issuedAt += 1
      return reason { () throws(Refusal) in
        try next.check(environment: "prod", after: Accepted(manifest, signers: []))
      }
    }
    #expect(verdict(7, "ab12") == nil)
    #expect(verdict(8, "ab12") == nil)
    #expect(verdict(8, "cd") == nil)
    #expect(verdict(6, "ab12") == .rollback)
    #expect(verdict(0, "cd") == .rollback)
    #expect(verdict(7, "cd") == .equivocation)
    #expect(verdict(7, "AB12") == .equivocation)
  }

  @Test func `a manifest is over when it expires, however the clock is set`() {
    let (issued, expires) = (manifest.issuedAt, manifest.expiresAt)
    #expect(!manifest.isExpired(at: issued, newestIssue: issued))
    #expect(!manifest.isExpired(at: expires - 1, newestIssue: issued))
    #expect(manifest.isExpired(at: expires, newestIssue: issued))
    #expect(manifest.isExpired(at: expires + 1, newestIssue: issued))
    // The clock went back to 1970, but something was issued since.
    #expect(manifest.isExpired(at: 0, newestIssue: expires))
    #expect(!manifest.isExpired(at: 0, newestIssue: expires - 1))
  }

  @Test func `what was accepted survives a restart`() throws {
    let accepted = Accepted(manifest, signers: [])
    #expect(accepted.version == 7)
    #expect(accepted.sha256 == "ab12")
    #expect(accepted.issuedAt == manifest.issuedAt)
    #expect(try Accepted(decoding: accepted.encode()) == accepted)
    for text in [
      "", "{}", "{\"version\":7}", "{\"version\":-1,\"sha256\":\"a\",\"issuedAt\":1}",
      "{\"version\":7,\"sha256\":\"a\",\"issuedAt\":9223372036854775807}",
    ] {
      #expect(reason { () throws(Refusal) in try Accepted(decoding: Array(text.utf8)) } == .malformed)
    }
  }
}
