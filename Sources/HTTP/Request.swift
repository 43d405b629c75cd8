// A parsed request head: ranges into the buffer it was read from, and the few facts that framing needs.

package import Bytes

package enum Method: Equatable, Sendable {
  case get, head, post, put, delete, options, patch, trace, connect
  /// A token this server does not know.
  case unknown
}

/// How the body's end is found (RFC 9112 section 6).
package enum Framing: Equatable, Sendable {
  case none
  /// In bytes.
  case length(Int)
  case chunked
}

package struct Request: Equatable, Sendable {
  package var method = Method.unknown
  /// 0 for HTTP/1.0, 1 for HTTP/1.1 and every later 1.x.
  package var minorVersion = 1
  /// Without the query; empty for "*".
  package var path = ByteRange.empty
  /// Behind the "?"; empty without one.
  package var query = ByteRange.empty
  package var framing = Framing.none
  /// Whether the connection may serve another request afterwards.
  package var keepsAlive = true
  /// Whether the client waits for "100 Continue" before it sends the body.
  package var expectsContinue = false
  package var ifNoneMatch = ByteRange.empty
  /// The values of further fields that routes look at; empty where a field is not there.
  package var authorization = ByteRange.empty
  package var apiKey = ByteRange.empty
  package var origin = ByteRange.empty
  package var requestedMethod = ByteRange.empty
  package var lastEventID = ByteRange.empty
  package var environment = ByteRange.empty
  package var sticky = ByteRange.empty
  /// Of several such fields the first one: a client sends one (RFC 6265 section 5.4).
  package var cookie = ByteRange.empty
  /// Of several such fields the last one, which the proxy closest to this server wrote.
  package var forwardedFor = ByteRange.empty
  package var forwardedProto = ByteRange.empty
  /// Of the head, with the empty line that ends it and any empty line before it.
  package var headCount = 0
  /// Where the body stands, with a chunked one already put together.
  package var body = ByteRange.empty

  package init() {}
}

/// Why a request is refused whatever its route. Each one ends the connection.
package enum Rejection: UInt8, Equatable, Sendable, CaseIterable {
  case malformedRequestLine
  case malformedTarget
  case malformedField
  case foldedField
  case repeatedField
  case missingHost
  case malformedHost
  case malformedLength
  case ambiguousLength
  case malformedChunk
  case targetTooLong
  case headTooLarge
  case tooManyFields
  case bodyTooLarge
  case unsupportedVersion
  case unsupportedCoding
  case unsupportedMethod
  case unsupportedExpectation
  case headTimeout
  case bodyTimeout
  case answerTooLarge
  case overloaded

  package var status: Status {
    switch self {
    case .malformedRequestLine, .malformedTarget, .malformedField, .foldedField, .repeatedField,
      .missingHost, .malformedHost, .malformedLength, .ambiguousLength, .malformedChunk:
      .badRequest
    case .targetTooLong: .targetTooLong
    case .headTooLarge, .tooManyFields: .headTooLarge
    case .bodyTooLarge: .bodyTooLarge
    case .unsupportedVersion: .versionNotSupported
    case .unsupportedCoding, .unsupportedMethod: .notImplemented
    case .unsupportedExpectation: .expectationFailed
    case .headTimeout, .bodyTimeout: .requestTimeout
    case .answerTooLarge: .internalError
    case .overloaded: .unavailable
    }
  }

  /// A stable code for programs and metrics.
  package var code: StaticString {
    switch self {
    case .malformedRequestLine: "MALFORMED_REQUEST_LINE"
    case .malformedTarget: "MALFORMED_TARGET"
    case .malformedField: "MALFORMED_HEADER"
    case .foldedField: "FOLDED_HEADER"
    case .repeatedField: "REPEATED_HEADER"
    case .missingHost: "MISSING_HOST"
    case .malformedHost: "MALFORMED_HOST"
    case .malformedLength: "MALFORMED_CONTENT_LENGTH"
    case .ambiguousLength: "AMBIGUOUS_LENGTH"
    case .malformedChunk: "MALFORMED_CHUNK"
    case .targetTooLong: "TARGET_TOO_LONG"
    case .headTooLarge: "HEADERS_TOO_LARGE"
    case .tooManyFields: "TOO_MANY_HEADERS"
    case .bodyTooLarge: "BODY_TOO_LARGE"
    case .unsupportedVersion: "UNSUPPORTED_VERSION"
    case .unsupportedCoding: "UNSUPPORTED_TRANSFER_CODING"
    case .unsupportedMethod: "UNSUPPORTED_METHOD"
    case .unsupportedExpectation: "UNSUPPORTED_EXPECTATION"
    case .headTimeout: "HEADERS_TIMEOUT"
    case .bodyTimeout: "BODY_TIMEOUT"
    case .answerTooLarge: "ANSWER_TOO_LARGE"
    case .overloaded: "OVERLOADED"
    }
  }

  /// A sentence that says what to do.
  package var advice: StaticString {
    switch self {
    case .malformedRequestLine: "Send the request line as METHOD SP target SP HTTP/1.1 CRLF."
    case .malformedTarget:
      "Send a target that begins with / and holds only visible ASCII; percent-encode the rest."
    case .malformedField:
      "Send each header as name: value CRLF, without control characters or a blank before the colon."
    case .foldedField: "Send each header on one line; obsolete line folding is not accepted."
    case .repeatedField: "Send Authorization, X-API-Key, Origin and each X-Turnout header at most once."
    case .missingHost: "Send exactly one Host header."
    case .malformedHost: "Send a Host header that is a host name or address with an optional port."
    case .malformedLength: "Send one Content-Length of decimal digits."
    case .ambiguousLength:
      "Send either one Content-Length or Transfer-Encoding: chunked, not both and not twice."
    case .malformedChunk:
      "Send chunks as RFC 9112 section 7.1 has them: size in hexadecimal, CRLF, data, CRLF."
    case .targetTooLong: "Shorten the target, or send the context in the body of POST /api/v1/decide."
    case .headTooLarge: "Send fewer or shorter headers."
    case .tooManyFields: "Send fewer headers."
    case .bodyTooLarge: "Send a smaller body."
    case .unsupportedVersion: "Use HTTP/1.1."
    case .unsupportedCoding: "Use no transfer coding but chunked."
    case .unsupportedMethod: "Use a method of RFC 9110, and no CONNECT."
    case .unsupportedExpectation: "Expect nothing but 100-continue."
    case .headTimeout: "Send the whole head of a request at once."
    case .bodyTimeout: "Send the body without pauses."
    case .answerTooLarge: "Ask for fewer flags or subjects, or raise the edge's limit on answers."
    case .overloaded: "Try again: all buffers for large answers are in use."
    }
  }
}

/// What a piece of input is.
package enum ParseOutcome: Equatable, Sendable {
  /// The beginning of a request; call again with more.
  case incomplete
  case invalid(Rejection)
  /// A whole head; the body may still be on its way.
  case head
}
