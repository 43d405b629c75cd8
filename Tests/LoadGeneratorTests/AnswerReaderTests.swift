import Bytes
import Kernel
import LoadGenerator
import Testing

struct AnswerReaderTests {
  /// Reads `text` cut at the given places; the statuses of the answers, or nil if something was unreadable.
  private func read(_ text: String, cutAt places: [Int] = []) throws -> (statuses: [Int]?, isWithin: Bool) {
    let bytes = Array(text.utf8)
    var reader = try AnswerReader()
    let kept = try Memory(byteCount: AnswerReader.headMax)
    var place = AnswerReader.Place()
    var statuses: [Int] = []
    for (start, end) in zip([0] + places, places + [bytes.count]) where start < end {
      let isReadable = Array(bytes[start..<end]).withBytes { piece in
        var rest = piece
        while !rest.isEmpty {
          switch reader.next(&place, &rest, kept: kept.region) {
          case .incomplete: return true
          case .unreadable: return false
          case .answer(let status): statuses.append(status)
          }
        }
        return true
      }
      guard isReadable else { return (nil, false) }
    }
    return (statuses, place.isWithin)
  }

  private let answers = """
    HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirstHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nagain\
    HTTP/1.1 404 Not Found\r\ncontent-type: text/plain\r\ncontent-length:  12  \r\n\r\nnot\r\n\r\nfound\
    HTTP/1.1 204 No Content\r\nDate: today\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n\
    HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nlast.
    """

  @Test func `answers are found wherever two cuts fall`() throws {
    let count = answers.utf8.count
    for first in 0...count {
      for second in stride(from: first, through: count, by: 7) {
        let result = try read(answers, cutAt: [first, second])
        #expect(result.statuses == [200, 200, 404, 204, 200, 200], "cut at \(first) and \(second)")
        #expect(!result.isWithin)
      }
    }
  }

  @Test func `answers are found byte by byte`() throws {
    let result = try read(answers, cutAt: Array(1..<answers.utf8.count))
    #expect(result.statuses == [200, 200, 404, 204, 200, 200])
  }

  @Test func `an answer without its end is none`() throws {
    let text = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst"
    for count in 1..<text.utf8.count {
      let result = try read(String(decoding: text.utf8.prefix(count), as: UTF8.self))
      #expect(result.statuses == [] && result.isWithin, "\(count) bytes")
    }
  }

  @Test(arguments: [
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n",
    "SSH-2.0-OpenSSH_9.2 Debian\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\n",
    "HTTP/1.1 200 OK\r\nX: \(String(repeating: "x", count: AnswerReader.headMax))\r\nContent-Length: 0\r\n\r\n",
    String(repeating: "x", count: AnswerReader.headMax),
  ])
  func `what has no stated length, or no end in sight, is unreadable`(text: String) throws {
    #expect(try read(text).statuses == nil)
    #expect(try read(text, cutAt: [3]).statuses == nil)
  }
}
