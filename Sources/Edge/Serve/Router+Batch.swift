// Many subjects in one request: the same reading, deciding and writing as for one, once for each.

import Bytes
import Decisions
import Dialects
import HTTP
import Publication
import Server

extension Router {
  /// One answer for each subject, in their order. It is written with the most room from the start: what became an
  /// exposure is not written again.
  mutating func decideBatch(_ exchange: inout Exchange, _ catalog: Catalog) -> Status {
    switch DecideBatch.read(exchange.bytes.slice(exchange.request.body), &workspace) {
    case .fault(let fault): return refuse(&exchange, fault)
    case .batch(var batch):
      guard let tracks = DecideQuery.readTrack(exchange.bytes, exchange.request.query) else {
        return refuse(&exchange, DecideQuery.invalidTrack)
      }
      guard let entry = find(batch.environment, catalog), let tables = Tables(entry.tables) else {
        return refuse(&exchange, unavailable(batch.environment, catalog))
      }
      guard exchange.hasMostRoom else {
        exchange.askForMostRoom()
        return .ok
      }
      let head = beginAnswer(&exchange)
      exchange.output.append("{\"answers\":[")
      var isFirst = true
      while let outcome = batch.next(&workspace) {
        if !isFirst { exchange.output.append(",") }
        isFirst = false
        switch outcome {
        case .fault(let fault): fault.write(to: &exchange.output)
        case .question(var question):
          question.tracks = question.tracks && tracks
          if let fault = question.decide(tables, &workspace) {
            fault.write(to: &exchange.output)
          } else {
            answer(question, tables, inBatch: &exchange)
          }
        }
      }
      exchange.output.append("]}")
      head.finish(&exchange.output)
      return .ok
    }
  }

  /// Appends the decisions about one subject, if the answers of all others still find room to be refused.
  private mutating func answer(_ question: Question, _ tables: Tables, inBatch exchange: inout Exchange) {
    let mark = exchange.output.count
    let flags = DecideAnswer.writeDecisions(question, tables, &workspace, &ids, to: &exchange.output)
    if exchange.output.hasRoom(Self.refusalBytesMax * DecideBatch.subjectMax) {
      noteAnswer(&exchange, question, tables, flags)
    } else {
      exchange.output.rewind(to: mark)
      ClientFault(
        "ANSWER_TOO_LARGE", "The batch's answer has no more room: ask for fewer subjects or flags at a time."
      ).write(to: &exchange.output)
    }
  }

  /// Bytes of a refusal within an answer.
  private static var refusalBytesMax: Int { 256 }
}
