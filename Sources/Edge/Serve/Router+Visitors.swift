// What an answer's head tells a visitor: the cookie that names them, and what they are to bring along next time.

import Bytes
import Decisions
import Dialects
import Publication
import Server

extension Router {
  /// Names the user of a question that names none; only where visitors are known by a cookie is there such a one.
  mutating func identify(_ question: inout Question, _ exchange: inout Exchange) {
    if question.userKey.isEmpty { question.userKey = visitors.identify(&exchange) }
  }

  /// After a decision, before the head: appends the lines for the visitor. What is one visitor's, or not named by
  /// the request's target, is for nobody else's cache.
  mutating func greet(_ question: Question, _ tables: Tables, _ exchange: inout Exchange) {
    guard visitors.outcome != nil || stickies.isOn else { return }
    let isSecure = isSecure(&exchange)
    visitors.write(isSecure: isSecure, to: &lines)
    stickies.write(question, tables, &workspace, isSecure: isSecure, to: &lines)
    if visitors.outcome != nil || stickies.isWritten { lines.append("Cache-Control: no-store\r\n") }
  }

  /// Counts what an answer knew of its visitor.
  mutating func countVisitor() {
    if let outcome = visitors.outcome { words.count(ServeCounters.visitor(outcome)) }
    stickies.count(words)
  }
}
