// One line of the tables: bytes, and what must come back for them. What every answer must be, whatever the row says,
// is judged here as well.

import JSON
import ProgramSupport
import Testing

struct Row: CustomTestStringConvertible, Sendable {
  /// Of RFC 9112 unless another one is named.
  let section: String
  let name: String
  let bytes: [UInt8]
  let answers: [Expected]
  /// Whether the connection serves another request afterwards.
  let isKept: Bool

  var testDescription: String { "\(section): \(name)" }

  /// A request that is answered, by default with 200, and the connection stays.
  static func served(
    _ section: String, _ name: String, _ bytes: some Collection<UInt8>, _ answers: Expected...,
    isKept: Bool = true
  ) -> Row {
    Row(
      section: section, name: name, bytes: Array(bytes),
      answers: answers.isEmpty ? [Expected(200)] : answers, isKept: isKept)
  }

  static func served(
    _ section: String, _ name: String, _ text: String, _ status: Int = 200, _ code: String? = nil,
    toHead: Bool = false, isKept: Bool = true
  ) -> Row {
    served(section, name, text.utf8, Expected(status, code, toHead: toHead), isKept: isKept)
  }

  /// A request that is refused before any route, which ends the connection.
  static func refused(
    _ section: String, _ name: String, _ bytes: some Collection<UInt8>, _ status: Int, _ code: String,
    toHead: Bool = false
  ) -> Row {
    Row(
      section: section, name: name, bytes: Array(bytes),
      answers: [Expected(status, code, toHead: toHead)], isKept: false)
  }

  static func refused(
    _ section: String, _ name: String, _ text: String, _ status: Int, _ code: String, toHead: Bool = false
  ) -> Row {
    refused(section, name, text.utf8, status, code, toHead: toHead)
  }

  /// Whether it is a fault of the request's own that ends the connection.
  var isRefused: Bool { !isKept && answers.last!.status >= 400 }

  private var isExpecting: Bool { String(decoding: bytes, as: UTF8.self).contains("Expect: 100-") }

  /// Reads what comes back on `client` and holds it against the row; `before` are requests to /health that went first.
  func judge(_ client: RawClient, before: Int = 0, probes: Bool = true, _ note: String = "") {
    let label = "\(testDescription) \(note)"
    do {
      for _ in 0..<before { #expect(try client.read().status == 200, "\(label)") }
      for (place, expected) in answers.enumerated() {
        var answer = try client.read(toHead: expected.toHead)
        // Whoever expects to be told to go on may be told so (RFC 9110 section 10.1.1).
        if answer.status == 100, isExpecting { answer = try client.read(toHead: expected.toHead) }
        expected.judge(answer, isLast: !isKept && place == answers.count - 1, label)
      }
      if isKept {
        guard probes else { return }
        #expect(try client.get("/health").status == 200, "\(label): what follows is not served")
      } else {
        #expect(try client.readToEnd().isEmpty, "\(label): more than one answer")
        #expect(!client.isReset, "\(label): reset")
      }
    } catch {
      Issue.record("\(label): \(error)")
    }
  }
}

struct Expected: Sendable {
  let status: Int
  /// The stable code of an error; nil for whatever it is.
  let code: String?
  let toHead: Bool
  /// Fields that must be there with this value.
  let fields: [(name: String, value: String)]

  init(_ status: Int, _ code: String? = nil, toHead: Bool = false, fields: (String, String)...) {
    self.status = status
    self.code = code
    self.toHead = toHead
    self.fields = fields.map { (name: $0.0, value: $0.1) }
  }

  func judge(_ answer: Answer, isLast: Bool, _ label: String) {
    #expect(answer.status == status, "\(label): \(answer.text)")
    if let code, !toHead { #expect(answer.errorCode == code, "\(label)") }
    for field in fields { #expect(answer[field.name] == field.value, "\(label): \(field.name)") }
    // RFC 9112 section 9.6.
    #expect((answer["Connection"] == "close") == isLast, "\(label): Connection")
    func count(_ name: String) -> Int { answer.fields.count { $0.name.lowercased() == name } }
    let isBodiless = answer.status < 200 || answer.status == 204
    // RFC 9110 sections 6.6.1, 8.6, 9.3.2, 15.5.6.
    if answer.status >= 200 {
      #expect(count("date") == 1 && answer["Date"]?.hasSuffix(" GMT") == true, "\(label): Date")
    }
    #expect(count("content-length") == (isBodiless ? 0 : 1), "\(label): Content-Length")
    #expect(count("transfer-encoding") == 0, "\(label): Transfer-Encoding")
    #expect((answer.status == 405) == (count("allow") == 1) || answer.status == 204, "\(label): Allow")
    if !toHead, !isBodiless {
      #expect(answer["Content-Type"] == "application/json", "\(label): Content-Type")
      #expect((try? answer.json()) != nil, "\(label): \(answer.text)")
      if answer.status >= 400 {
        #expect(answer.errorCode != nil && !answer.text.contains("\"error\":\"\""), "\(label)")
      }
    }
  }
}
