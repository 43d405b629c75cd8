import TestSupport
import Bytes
import Decisions
import Dialects
import Snapshots
import Testing
import Trust

/// Tables of one environment and what a worker needs to keep its users' variants.
@safe private final class Keeper {
  private let tables: Tables
  private var workspace: Workspace
  private var tokens: StickyTokens
  private let room: ByteRegion

  /// Experiments x0, x1 ... with the variants v and w, of which v has everyone; a user keeps "w" where told.
  init(environment: String = "prod", experiments: Int = 3, key: String = "key") throws {
    let text = (0..<experiments).map { index in
      """
      {"id":"x\(index)","key":"k\(index)","salt":"s","variants":[{"id":"v","key":"v"},{"id":"w","key":"w"}],
      "allocations":[{"variantId":"v","rangeStart":0,"rangeEnd":9999}]}
      """
    }
    let document =
      "{\"version\":1,\"environment\":\"\(environment)\",\"experiments\":[\(text.joined(separator: ","))]}"
    let snapshot = try VerifiedSnapshot(unsigned: Array(document.utf8), environment: nil)
    let region = Self.memory(snapshot.tables.count)
    snapshot.tables.withBytes { region.copy($0, to: 0) }
    tables = Tables(region.bytes)!
    workspace = Workspace(Self.memory(Workspace.byteCount))
    tokens = StickyTokens(key: MessageKey(Array(key.utf8)), memory: Self.memory(StickyTokens.byteCount))
    room = Self.memory(8192)
  }

  /// Memory that stays for the rest of the process, filled with a pattern.
  private static func memory(_ count: Int) -> ByteRegion {
    let start = UnsafeMutableRawPointer.allocate(byteCount: count, alignment: 4096)
    unsafe start.initializeMemory(as: UInt8.self, repeating: 0xA5, count: count)
    return unsafe ByteRegion(start: start, count: count)
  }

  /// What became of `token` for the user, the variants then decided, and the new token; nil if it is the same.
  func visit(
    _ user: String, _ token: [UInt8]? = nil, keeping kept: [Int] = []
  ) -> (outcome: StickyTokens.Outcome?, variants: [Int?], token: [UInt8]?) {
    Array(user.utf8).withBytes { user in
      var question = Question()
      question.userKey = user
      workspace.clearStickies()
      tokens.forget()
      let outcome = token.map { token in
        GuardedBytes(token).withBytes { tokens.read($0, question, tables, &workspace) }
      }
      for experiment in kept { workspace.stick(Self.name(experiment), tables) }
      precondition(question.decide(tables, &workspace) == nil)
      workspace.settleStickies(tables)
      var output = Output(room)
      let isNew = tokens.write(question, tables, workspace, to: &output)
      return (
        outcome, (0..<tables.experiments.count).map { workspace.variant(of: $0) },
        isNew ? [UInt8](output.written) : nil
      )
    }
  }

  private static func name(_ experiment: Int) -> StickyName {
    func fingerprint(_ text: String) -> UInt64 { Array(text.utf8).withBytes { Fingerprint.of($0) } }
    return StickyName(experiment: fingerprint("x\(experiment)"), variant: UInt32(fingerprint("w") >> 32))
  }
}

struct StickyTokensTests {
  @Test func `a token brings back what it was made of, and is then the same`() throws {
    let keeper = try Keeper()
    let token = try #require(keeper.visit("u", keeping: [1, 2]).token)
    #expect(token.allSatisfy { $0 > 0x20 && $0 < 0x7F && !"\",;\\+/=".utf8.contains($0) })
    #expect(keeper.visit("u").variants == [0, 0, 0])
    let again = keeper.visit("u", token)
    #expect(again.outcome == .accepted)
    #expect(again.variants == [0, 1, 1])
    #expect(again.token == nil)
    #expect(keeper.visit("u").token != nil, "a request without a token gets one")
    // Another worker, another start: the key alone matters.
    #expect(try Keeper().visit("u", token).variants == [0, 1, 1])
    // The empty token of a user with nothing to keep.
    let none = try Keeper(experiments: 0)
    let empty = try #require(none.visit("u").token)
    #expect(none.visit("u", empty).outcome == .accepted)
    #expect(none.visit("u", empty).token == nil)
    #expect(none.visit("u", token).token == empty)
  }

  @Test func `any assignments come back as they were`() throws {
    var random = Random(seed: 5)
    let keeper = try Keeper(experiments: 40)
    for round in 0..<300 {
      let kept = (0..<40).filter { _ in random.oneIn(3) }
      let token = try #require(keeper.visit("user-\(round)", keeping: kept.shuffled(using: &random)).token)
      let again = keeper.visit("user-\(round)", token)
      #expect(again.variants == (0..<40).map { kept.contains($0) ? 1 : 0 })
      #expect(again.token == nil)
    }
  }

  @Test func `a token is good for one user of one environment, and one key`() throws {
    let token = try #require(try Keeper().visit("user", keeping: [1]).token)
    #expect(try Keeper().visit("user", token).outcome == .accepted)
    for user in ["", "use", "users", "User", "other"] {
      let foreign = try Keeper().visit(user, token)
      #expect(foreign.outcome == .tampered)
      #expect(foreign.variants == [0, 0, 0])
      #expect(foreign.token != nil)
    }
    for environment in ["pro", "prods", "proe", "staging"] {
      #expect(try Keeper(environment: environment).visit("user", token).outcome == .tampered)
    }
    // What one text loses the other does not win.
    #expect(try Keeper(environment: "p").visit("roduser", token).outcome == .tampered)
    #expect(try Keeper(key: "another").visit("user", token).outcome == .tampered)
  }

  /// Whoever chooses a user key must not thereby sign names for a shorter one.
  @Test func `the end of the names is no beginning of a user key`() throws {
    let keeper = try Keeper()
    let name = String(repeating: "n", count: 12)
    let token = try #require(keeper.visit(name + "victim").token)
    var bytes: [UInt8] = []
    #expect(token.withBytes { Base64.decode($0, into: &bytes) })
    bytes.insert(contentsOf: name.utf8, at: bytes.count - 16)
    for count in [bytes[1], bytes[1] + 1] {
      bytes[1] = count
      let forged = [UInt8](capacity: 512) { output in
        bytes.withBytes { Base64.encodeURL($0, into: &output) }
      }
      let outcome = try #require(keeper.visit("victim", forged).outcome)
      #expect(outcome != .accepted)
    }
  }

  @Test func `every flip of a bit is refused`() throws {
    let keeper = try Keeper()
    let token = try #require(keeper.visit("u", keeping: [0, 1, 2]).token)
    for place in token.indices {
      for bit in 0..<8 {
        var flipped = token
        flipped[place] ^= 1 << UInt8(bit)
        let visit = keeper.visit("u", flipped)
        #expect(visit.outcome != .accepted, "bit \(bit) of byte \(place)")
        #expect(visit.variants == [0, 0, 0])
        #expect(visit.token != nil)
      }
    }
    #expect(keeper.visit("u", token).outcome == .accepted)
  }

  @Test func `a token cut anywhere, or continued, is refused`() throws {
    let keeper = try Keeper()
    let token = try #require(keeper.visit("u", keeping: [1]).token)
    for count in 0..<token.count {
      #expect(keeper.visit("u", Array(token.prefix(count))).outcome == .malformed)
      #expect(keeper.visit("u", Array(token.suffix(count))).outcome != .accepted)
    }
    for more in ["A", "AA", "AAAA", "=", " ", "AAAAAAAAAAAAAAAA"] {
      #expect(keeper.visit("u", token + Array(more.utf8)).outcome == .malformed)
    }
  }

  @Test func `what is no token is malformed, at any length`() throws {
    var random = Random(seed: 6)
    let keeper = try Keeper()
    for count in [0, 1, 3, 24, 40, 2072, 2076, 5000, 16_000] {
      #expect(keeper.visit("u", Array(repeating: UInt8(ascii: "A"), count: count)).outcome == .malformed)
    }
    for _ in 0..<2000 {
      let bytes = random.bytes(random.below(80), of: 0...255)
      #expect(keeper.visit("u", bytes).outcome != .accepted)
    }
  }

  @Test func `the longest token fits a cookie`() throws {
    let keeper = try Keeper(experiments: Capacity.stickies + 2)
    let token = try #require(keeper.visit("u", keeping: [127]).token)
    #expect(token.count == StickyTokens.textMax)
    #expect(token.count < 4096 - 512)
    let again = keeper.visit("u", token)
    #expect(again.outcome == .accepted)
    #expect(again.token == nil)
  }
}
