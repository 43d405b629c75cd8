// What a client keeps for us: a token that was made is accepted from its user and from nobody else, one that was changed
// from nobody at all, and a cookie that was written is read.

import Bytes
import Decisions
import Dialects
import HTTP

final class CookiesLaw: Law {
  private let engine: Engine
  private var tokens: StickyTokens

  init() throws {
    engine = try Engine()
    tokens = StickyTokens(
      key: Engine.tokenKey, memory: engine.spare.part(from: 0, count: StickyTokens.byteCount))
  }

  func check(_ input: ByteView) throws {
    let input = input.slice(0..<min(input.count, 8192))
    let user = input.slice(0..<min(input.count, 256))
    try checkForeign(input)
    let token = try visit(user, nil)
    try hold(try accepts(token, user), "a token is accepted from its user")
    try hold(try visit(user, token).isEmpty, "a user who brings the token needs no other")
    let other = [UInt8](user) + [0x78]
    try hold(try !other.withBytes { try accepts(token, $0) }, "a token is refused from another user")
    try checkChanged(token, input, user)
    try checkCookie(token, input)
  }

  /// What the client made up itself, as a token and as cookies.
  private func checkForeign(_ input: ByteView) throws {
    var question = Question()
    question.userKey = ("u" as StaticString).bytes
    engine.workspace.clearStickies()
    if case .accepted = tokens.read(input, question, engine.tables, &engine.workspace) {
      try hold(input.count <= StickyTokens.textMax, "a token has a length")
    }
    try hold(question.decide(engine.tables, &engine.workspace) == nil, "whatever was brought, it is decided")
    let text = [UInt8](input)
    if SetCookie.isDomain(text) {
      try hold(text.count <= SetCookie.domainMax, "a domain has a length")
      try hold(
        text.allSatisfy { $0 == 0x2E || $0 == 0x2D || isWord($0) }, "a domain ends no header line")
    }
  }

  private func isWord(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
    default: false
    }
  }

  /// Decides for the user as one who brings `token`; the token that is sent back, empty where none is.
  private func visit(_ user: ByteView, _ token: [UInt8]?) throws -> [UInt8] {
    var question = Question()
    question.userKey = user
    engine.workspace.clearStickies()
    tokens.forget()
    if let token { _ = token.withBytes { tokens.read($0, question, engine.tables, &engine.workspace) } }
    try hold(question.decide(engine.tables, &engine.workspace) == nil, "a user alone can be decided")
    engine.workspace.settleStickies(engine.tables)
    var output = Output(engine.room)
    let isNew = tokens.write(question, engine.tables, engine.workspace, to: &output)
    try hold(isNew == (output.count > 0) && output.count <= StickyTokens.textMax, "a token has a length")
    return [UInt8](output.written)
  }

  private func accepts(_ token: [UInt8], _ user: ByteView) throws -> Bool {
    var question = Question()
    question.userKey = user
    engine.workspace.clearStickies()
    return token.withBytes {
      if case .accepted = tokens.read($0, question, engine.tables, &engine.workspace) { true } else { false }
    }
  }

  private func checkChanged(_ token: [UInt8], _ input: ByteView, _ user: ByteView) throws {
    guard !input.isEmpty else { return }
    var changed = token
    let place = input.chance(token.count - 1, 1)
    changed[place] = input[input.chance(input.count - 1, 2)]
    var bytes: ([UInt8], [UInt8]) = ([], [])
    _ = token.withBytes { Base64.decode($0, into: &bytes.0) }
    let isBase64 = changed.withBytes { Base64.decode($0, into: &bytes.1) }
    if isBase64, bytes.0 == bytes.1 { return }
    try hold(try !accepts(changed, user), "a token changed at \(place) is refused")
  }

  /// The line that sets a cookie, and the field that brings it back among others.
  private func checkCookie(_ token: [UInt8], _ input: ByteView) throws {
    var line = Output(engine.room)
    token.withBytes {
      SetCookie(domain: ("example.org" as StaticString).bytes).write("sticky", $0, isSecure: true, to: &line)
    }
    let text = String(line.written)
    try hold(text.hasSuffix("\r\n") && text.count { $0.isNewline } == 1, "a cookie is one line")
    var field = Array("sticky=".utf8) + token
    field += Array("; ".utf8) + [UInt8](input)
    try field.withBytes { field in
      let value = Cookies.first("sticky", in: ByteRange(start: 0, count: field.count), of: field)
      try hold(value.map { [UInt8]($0) } == token, "the first cookie of a name counts")
    }
  }
}
