// Assignments that visitors bring along and take away: in which field of a request and an answer the token of
// Dialects/StickyTokens.swift stands, and what is counted of it (docs/decisions/0034-sticky-assignments.md).

import Bytes
import Decisions
import Dialects
import HTTP
import Publication
import Server
import Trust

struct Stickies {
  private static var cookieName: StaticString { "turnout_sticky" }
  private static var fieldName: StaticString { "X-Turnout-Sticky" }

  /// Where tokens stand; nil leaves every assignment to the bucket.
  private let carrier: Configuration.Visitors.StickyCarrier?
  private var tokens: StickyTokens
  var key: MessageKey {
    get { tokens.key }
    set { tokens.key = newValue }
  }
  private let cookie: SetCookie
  /// What became of the token of this request; nil if it had none.
  private var received: StickyTokens.Outcome?
  /// Of the request's token, for who answers that nothing changed; 0 without one.
  private(set) var mark: UInt64 = 0
  /// Whether the answer to this request has a token.
  private(set) var isWritten = false
  /// The token that is being put together, before it is known whether the answer needs it.
  private let text: ByteRegion

  /// Bytes of memory that tokens are read and put together in.
  static var byteCount: Int { StickyTokens.byteCount + StickyTokens.textMax }

  /// Without a key nothing sticks. `memory` is of ``byteCount`` bytes.
  init(
    _ carrier: Configuration.Visitors.StickyCarrier?, key: MessageKey, cookie: SetCookie, memory: ByteRegion
  ) {
    self.carrier = carrier
    self.cookie = cookie
    tokens = StickyTokens(key: key, memory: memory.part(from: 0, count: StickyTokens.byteCount))
    text = memory.part(from: StickyTokens.byteCount, count: StickyTokens.textMax)
  }

  /// Whether users keep anything.
  var isOn: Bool { carrier != nil }

  /// Forgets the request before.
  @_noAllocation @_noLocks
  mutating func forget(_ workspace: inout Workspace) {
    guard carrier != nil else { return }
    workspace.clearStickies()
    tokens.forget()
    received = nil
    mark = 0
    isWritten = false
  }

  /// Before a decision: has it keep what the request's token says. A token that is not this user's is none.
  @_noAllocation @_noLocks
  mutating func read(
    _ exchange: inout Exchange, _ question: Question, _ tables: Tables, _ workspace: inout Workspace
  ) {
    guard let carrier else { return }
    forget(&workspace)
    let token =
      switch carrier {
      case .header: exchange.bytes.slice(exchange.request.sticky)
      case .cookie:
        Cookies.first(Self.cookieName, in: exchange.request.cookie, of: exchange.bytes) ?? .empty
      }
    // Nobody in particular keeps nothing.
    guard !token.isEmpty, !question.userKey.isEmpty else { return }
    received = tokens.read(token, question, tables, &workspace)
    mark = Fingerprint.of(token)
  }

  /// After it: appends the line with the token of what is to be kept, if that is not what the request said.
  @_noAllocation @_noLocks
  mutating func write(
    _ question: Question, _ tables: Tables, _ workspace: inout Workspace, isSecure: Bool,
    to lines: inout Output
  ) {
    guard let carrier, !question.userKey.isEmpty else { return }
    workspace.settleStickies(tables)
    // Nothing is the answer to nothing; otherwise what is wrong would come again and again.
    if case nil = received, workspace.settledCount == 0 { return }
    var token = Output(text)
    guard tokens.write(question, tables, workspace, to: &token) else { return }
    isWritten = true
    switch carrier {
    case .cookie: cookie.write(Self.cookieName, token.written, isSecure: isSecure, to: &lines)
    case .header:
      lines.append(Self.fieldName)
      lines.append(": ")
      lines.append(token.written)
      lines.append("\r\n")
    }
  }

  /// Counts what became of the tokens of an answer.
  func count(_ words: WorkerWords) {
    guard carrier != nil else { return }
    switch received {
    case nil: break
    case .accepted: words.count(ServeCounters.stickiesRead)
    case .malformed: words.count(ServeCounters.stickiesMalformed)
    case .tampered: words.count(ServeCounters.stickiesTampered)
    }
    if isWritten { words.count(ServeCounters.stickiesWritten) }
  }
}
