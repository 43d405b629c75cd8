// Where a body ends: RFC 9112 sections 6 and 7.

extension Row {
  private static let json = #"{"subjectId":"u"}"#

  private static func head(_ fields: String, version: String = "1.1") -> String {
    "POST /api/v1/decide HTTP/\(version)\r\nHost: a\r\n\(fields)\r\n\r\n"
  }

  private static func length(_ name: String, _ value: String, _ status: Int, _ code: String) -> Row {
    refused("6.3", name, head("Content-Length:\(value)") + json, status, code)
  }

  private static func coding(_ name: String, _ value: String, _ status: Int, _ code: String) -> Row {
    refused("6.3", name, head("Transfer-Encoding:\(value)") + "0\r\n\r\n", status, code)
  }

  /// A chunked body of 17 bytes, with `sizes` before and between its parts.
  private static func chunked(
    _ name: String, _ section: String = "7.1", first: String = "11", last: String = "0", trailers: String = ""
  ) -> Row {
    served(
      section, name,
      head("Transfer-Encoding: chunked") + "\(first)\r\n\(json)\r\n\(last)\r\n\(trailers)\r\n")
  }

  private static func chunks(
    _ name: String, _ text: String, _ section: String = "7.1", _ status: Int = 400,
    _ code: String = "MALFORMED_CHUNK"
  ) -> Row {
    refused(section, name, head("Transfer-Encoding: chunked") + text, status, code)
  }

  static let lengths: [Row] = [
    served("6.2", "a length", head("Content-Length: 17") + json),
    served("6.2", "zeros before a length", head("Content-Length: 0000000000000000000000000000017") + json),
    served("6.2", "a tab before a length", head("Content-Length:\t17") + json),
    served("6.2", "a length of nothing", head("Content-Length: 0"), 400, "MALFORMED_BODY"),
    served("6.3", "no length is a length of nothing", head("X: a"), 400, "MALFORMED_BODY"),
    length("an empty length", "", 400, "MALFORMED_CONTENT_LENGTH"),
    length("a negative length", " -17", 400, "MALFORMED_CONTENT_LENGTH"),
    length("a negative zero", " -0", 400, "MALFORMED_CONTENT_LENGTH"),
    length("a signed length", " +17", 400, "MALFORMED_CONTENT_LENGTH"),
    length("a hexadecimal length", " 0x11", 400, "MALFORMED_CONTENT_LENGTH"),
    length("a fraction", " 17.0", 400, "MALFORMED_CONTENT_LENGTH"),
    length("an exponent", " 17e0", 400, "MALFORMED_CONTENT_LENGTH"),
    length("a separator", " 1_7", 400, "MALFORMED_CONTENT_LENGTH"),
    length("a unit", " 17b", 400, "MALFORMED_CONTENT_LENGTH"),
    length("quotes", " \"17\"", 400, "MALFORMED_CONTENT_LENGTH"),
    length("two numbers", " 1 7", 400, "MALFORMED_CONTENT_LENGTH"),
    length("a list", " 17, 18", 400, "MALFORMED_CONTENT_LENGTH"),
    length("a list of the same", " 17,17", 400, "MALFORMED_CONTENT_LENGTH"),
    length("a list with an empty element", " 17,", 400, "MALFORMED_CONTENT_LENGTH"),
    length("digits of another script", " \u{661}\u{667}", 400, "MALFORMED_CONTENT_LENGTH"),
    length("a word", " many", 400, "MALFORMED_CONTENT_LENGTH"),
    length("2^63", " 9223372036854775808", 413, "BODY_TOO_LARGE"),
    length("2^64 and a little", " 18446744073709551633", 413, "BODY_TOO_LARGE"),
    length("forty digits", " " + String(repeating: "9", count: 40), 413, "BODY_TOO_LARGE"),
    refused(
      "6.3", "two lengths", head("Content-Length: 17\r\nContent-Length: 18") + json, 400, "AMBIGUOUS_LENGTH"),
    refused(
      "6.3", "the same length twice", head("Content-Length: 17\r\nContent-Length: 17") + json, 400,
      "AMBIGUOUS_LENGTH"),
    refused(
      "6.3", "a second length in HTTP/1.0",
      head("Content-Length: 17\r\nContent-Length: 18", version: "1.0") + json, 400, "AMBIGUOUS_LENGTH"),
    refused(
      "6.3", "a length, then a coding",
      head("Content-Length: 17\r\nTransfer-Encoding: chunked") + "0\r\n\r\n", 400, "AMBIGUOUS_LENGTH"),
    refused(
      "6.3", "a coding, then a length",
      head("Transfer-Encoding: chunked\r\nContent-Length: 5") + "0\r\n\r\n", 400, "AMBIGUOUS_LENGTH"),
    refused(
      "6.3", "a coding and a length of nothing",
      head("Transfer-Encoding: chunked\r\nContent-Length: 0") + "0\r\n\r\n", 400, "AMBIGUOUS_LENGTH"),
    refused(
      "6.3", "a coding and a length that is none",
      head("Transfer-Encoding: chunked\r\nContent-Length: x") + "0\r\n\r\n", 400,
      "MALFORMED_CONTENT_LENGTH"),
  ]

  static let codings: [Row] = [
    served(
      "7", "the coding in other case", head("Transfer-Encoding: ChUnKeD") + "11\r\n\(json)\r\n0\r\n\r\n"),
    served(
      "6.1", "a coding of nothing", head("Transfer-Encoding: chunked") + "0\r\n\r\n", 400, "MALFORMED_BODY"),
    coding("another coding", " gzip", 400, "AMBIGUOUS_LENGTH"),
    coding("no coding", "", 400, "AMBIGUOUS_LENGTH"),
    coding("the coding of RFC 2068", " identity", 400, "AMBIGUOUS_LENGTH"),
    coding("another coding behind chunked", " chunked, gzip", 400, "AMBIGUOUS_LENGTH"),
    coding("identity behind chunked", " chunked, identity", 400, "AMBIGUOUS_LENGTH"),
    coding("chunked twice", " chunked, chunked", 400, "AMBIGUOUS_LENGTH"),
    coding("nothing before chunked", " ,chunked", 400, "AMBIGUOUS_LENGTH"),
    coding("nothing behind chunked", " chunked,", 400, "AMBIGUOUS_LENGTH"),
    coding("chunked with a parameter", " chunked;a=b", 400, "AMBIGUOUS_LENGTH"),
    coding("chunked in quotes", " \"chunked\"", 400, "AMBIGUOUS_LENGTH"),
    coding("what begins like chunked", " chunkedx", 400, "AMBIGUOUS_LENGTH"),
    coding("what ends like chunked", " xchunked", 400, "AMBIGUOUS_LENGTH"),
    coding("two words", " x chunked", 400, "AMBIGUOUS_LENGTH"),
    coding("a vertical tab before chunked", "\u{B}chunked", 400, "MALFORMED_HEADER"),
    coding("a NUL behind chunked", " chunked\u{0}", 400, "MALFORMED_HEADER"),
    refused(
      "6.1", "another coding before chunked", head("Transfer-Encoding: gzip, chunked") + "0\r\n\r\n", 501,
      "UNSUPPORTED_TRANSFER_CODING"),
    refused(
      "6.1", "two of them", head("Transfer-Encoding: a;b=c, d,chunked") + "0\r\n\r\n", 501,
      "UNSUPPORTED_TRANSFER_CODING"),
    refused(
      "6.3", "chunked in two lines",
      head("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked") + "0\r\n\r\n", 400,
      "AMBIGUOUS_LENGTH"),
    refused(
      "6.3", "another coding in a line before",
      head("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked")
        + "0\r\n\r\n", 400, "AMBIGUOUS_LENGTH"),
    refused(
      "6.3", "another coding in a line behind",
      head("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity") + "0\r\n\r\n", 400,
      "AMBIGUOUS_LENGTH"),
    refused(
      "6.1", "a coding in HTTP/1.0", head("Transfer-Encoding: chunked", version: "1.0") + "0\r\n\r\n", 400,
      "AMBIGUOUS_LENGTH"),
    refused(
      "6.1", "a coding and a length in HTTP/1.0",
      head("Transfer-Encoding: chunked\r\nContent-Length: 5", version: "1.0") + "0\r\n\r\n", 400,
      "AMBIGUOUS_LENGTH"),
  ]

  static let chunks: [Row] = [
    chunked("one chunk"),
    chunked("zeros before a size", first: "0011", last: "000"),
    chunked("as many digits as a size may have", first: "0000000000000011", last: "0000000000000000"),
    served(
      "7.1", "many chunks",
      head("Transfer-Encoding: chunked") + json.map { "1\r\n\($0)\r\n" }.joined() + "0\r\n\r\n"),
    served(
      "7.1", "letters of both cases",
      head("Transfer-Encoding: chunked")
        + "a\r\n{\"a\":1,   \r\nC\r\n\"subjectId\":\r\n4\r\n\"u\"}\r\n0\r\n\r\n"),
    chunked("an extension", "7.1.1", first: "11;a"),
    chunked("an extension with a value", "7.1.1", first: "11;a=b", last: "0;c=d"),
    chunked("an extension in quotes", "7.1.1", first: "11;a=\"b;\\\"c\\\\ \t\u{E9}\""),
    chunked("many extensions", "7.1.1", first: "11;a;b=c;d=\"e\""),
    chunked("blanks around an extension", "7.1.1", first: "11 ; a\t=\tb"),
    chunked("an extension of 1 KiB", "7.1.1", first: "11;" + String(repeating: "a", count: 1023)),
    chunked("a trailer", "7.1.2", trailers: "X: a\r\n"),
    chunked("many trailers", "7.1.2", trailers: "X: a\r\nY:\r\nX: b c\r\n"),
    // None of them is believed (RFC 9110 section 6.5.1).
    chunked("a length for a trailer", "7.1.2", trailers: "Content-Length: 5\r\n"),
    chunked("a coding for a trailer", "7.1.2", trailers: "Transfer-Encoding: chunked\r\n"),
    chunked("a host for a trailer", "7.1.2", trailers: "Host: b\r\n"),
    chunked("the end of the connection for a trailer", "7.1.2", trailers: "Connection: close\r\n"),
    chunked("trailers of 8 KiB", "7.1.2", trailers: "X: \(String(repeating: "a", count: 8185))\r\n"),
    chunks("no size", "\r\n\(json)\r\n0\r\n\r\n"),
    chunks("an extension alone", ";a\r\n\(json)\r\n0\r\n\r\n"),
    chunks("a letter that is no digit", "g\r\n"),
    chunks("a sign", "+11\r\n\(json)\r\n0\r\n\r\n"),
    chunks("a minus", "-11\r\n\(json)\r\n0\r\n\r\n"),
    chunks("a prefix", "0x11\r\n\(json)\r\n0\r\n\r\n"),
    chunks("a blank before a size", " 11\r\n\(json)\r\n0\r\n\r\n"),
    chunks("a blank behind a size", "11 \r\n\(json)\r\n0\r\n\r\n"),
    chunks("a tab behind a size", "11\t\r\n\(json)\r\n0\r\n\r\n"),
    chunks("an underscore", "1_1\r\n\(json)\r\n0\r\n\r\n"),
    chunks("a point", "11.0\r\n\(json)\r\n0\r\n\r\n"),
    chunks("a comma", "11,a\r\n\(json)\r\n0\r\n\r\n"),
    chunks("a NUL", "11\u{0}\r\n\(json)\r\n0\r\n\r\n"),
    chunks("seventeen digits", "00000000000000011\r\n\(json)\r\n0\r\n\r\n"),
    chunks("2^64 and a little", "10000000000000011\r\n\(json)\r\n0\r\n\r\n"),
    chunks("digits without end", String(repeating: "0", count: 5000)),
    chunks("2^63", "8000000000000011\r\n\(json)\r\n", "7.1", 413, "BODY_TOO_LARGE"),
    chunks("2^64 - 1", "FFFFFFFFFFFFFFFF\r\n\(json)\r\n", "7.1", 413, "BODY_TOO_LARGE"),
    chunks("2^32 and a little", "100000011\r\n\(json)\r\n", "7.1", 413, "BODY_TOO_LARGE"),
    chunks("an LF behind a size", "11\n\(json)\r\n0\r\n\r\n", "2.2"),
    chunks("a CR behind a size", "11\r\(json)\r\n0\r\n\r\n", "2.2"),
    chunks("CR CR LF behind a size", "11\r\r\n\(json)\r\n0\r\n\r\n", "2.2"),
    chunks("an LF behind the data", "11\r\n\(json)\n0\r\n\r\n", "2.2"),
    chunks("a CR behind the data", "11\r\n\(json)\r0\r\n\r\n", "2.2"),
    chunks("nothing behind the data", "11\r\n\(json)0\r\n\r\n"),
    chunks("less data than the size says", "12\r\n\(json)\r\n0\r\n\r\n"),
    chunks("more data than the size says", "10\r\n\(json)\r\n0\r\n\r\n"),
    chunks("an extension without a name", "11;\r\n\(json)\r\n0\r\n\r\n", "7.1.1"),
    chunks("an extension that has a value only", "11;=a\r\n\(json)\r\n0\r\n\r\n", "7.1.1"),
    chunks("an extension that lacks its value", "11;a=\r\n\(json)\r\n0\r\n\r\n", "7.1.1"),
    chunks("two values", "11;a=b c\r\n\(json)\r\n0\r\n\r\n", "7.1.1"),
    chunks("a quotation that does not end", "11;a=\"b\r\n\(json)\r\n0\r\n\r\n", "7.1.1"),
    chunks("a CR in an extension", "11;a\rb\r\n\(json)\r\n0\r\n\r\n", "7.1.1"),
    chunks("an LF in an extension", "11;a\nb\r\n\(json)\r\n0\r\n\r\n", "7.1.1"),
    chunks("an LF in a quotation", "11;a=\"\n\"\r\n\(json)\r\n0\r\n\r\n", "7.1.1"),
    chunks("a NUL in a quotation", "11;a=\"\u{0}\"\r\n\(json)\r\n0\r\n\r\n", "7.1.1"),
    chunks(
      "an extension above 1 KiB", "11;\(String(repeating: "a", count: 1024))\r\n\(json)\r\n0\r\n\r\n",
      "7.1.1"),
    chunks("an extension without end", "11;" + String(repeating: "a", count: 5000), "7.1.1"),
    chunks("an LF behind the last size", "0\n\r\n", "2.2"),
    chunks("an LF ends the trailers", "0\r\n\n", "2.2", 400, "MALFORMED_HEADER"),
    chunks("a CR ends the trailers", "0\r\n\rx", "2.2", 400, "MALFORMED_HEADER"),
    chunks("a trailer without a colon", "0\r\nX\r\n\r\n", "7.1.2", 400, "MALFORMED_HEADER"),
    chunks("a trailer without a name", "0\r\n: a\r\n\r\n", "7.1.2", 400, "MALFORMED_HEADER"),
    chunks("a blank before a trailer's colon", "0\r\nX : a\r\n\r\n", "7.1.2", 400, "MALFORMED_HEADER"),
    chunks("a folded trailer", "0\r\nX: a\r\n b\r\n\r\n", "7.1.2", 400, "MALFORMED_HEADER"),
    chunks("a NUL in a trailer", "0\r\nX: \u{0}\r\n\r\n", "7.1.2", 400, "MALFORMED_HEADER"),
    chunks(
      "the next request for a trailer", "0\r\nGET /health HTTP/1.1\r\n\r\n", "7.1.2", 400, "MALFORMED_HEADER"),
    chunks(
      "trailers above 8 KiB", "0\r\nX: \(String(repeating: "a", count: 8186))\r\n\r\n", "7.1.2", 431,
      "HEADERS_TOO_LARGE"),
    chunks(
      "trailers without end", "0\r\n" + String(repeating: "X: a\r\n", count: 4000), "7.1.2", 431,
      "HEADERS_TOO_LARGE"),
  ]
}
