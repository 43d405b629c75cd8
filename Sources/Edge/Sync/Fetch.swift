// One GET from the upstream over a connection of its own, as a state machine on a driver: bounded in size and
// in time as a whole, with TLS through memory where the address asks for it. Redirects are not followed.

import Arguments
import Bytes
import HTTP
import Kernel
import Snapshots
import Trust

final class Fetch {
  struct Answer {
    var status: Int
    var etag: String?
    var retryAfter: Int?
    /// Seconds the upstream is willing to hold a request.
    var longPoll: Int?
    var body: [UInt8]
  }

  enum Outcome {
    case answer(Answer)
    case refused(Refusal)
  }

  /// The slot of its operations' tokens.
  let slot: Int
  /// Monotonic nanoseconds.
  let deadline: UInt64
  private let limit: Int
  /// -1 until it is known where to connect.
  private var socket: Int32 = -1
  private var isConnected = false
  private let tls: TLSClient?
  private let request: [UInt8]
  private let incoming: Memory
  private let outgoing: Memory
  private var toSend: [UInt8] = []
  private var sendCount = 0
  private var isHandshaking: Bool
  private let answer: Memory
  private var answerCount = 0
  private var response: Response?
  private var chunks: ChunkedBody?
  private var underWay = 0
  private(set) var outcome: Outcome?

  /// Beyond a body's limit: its head, and the framing of its chunks.
  private static let slack = 64 * 1024

  /// Asks for `path` once it is connected, see ``connect(to:driver:)``. `limit` is in bytes of the body.
  init(
    _ address: UpstreamAddress, path: String, etag: String?, limit: Int, deadline: UInt64,
    tls settings: TLSClientSettings?, slot: Int
  ) throws(Refusal) {
    self.slot = slot
    self.limit = limit
    self.deadline = deadline
    var head = "GET \(address.base)\(path) HTTP/1.1\r\nHost: \(address.hostField)\r\n"
    head += "User-Agent: turnout-edge/\(Version.text)\r\nAccept: application/json\r\n"
    head += "Accept-Encoding: identity\r\nConnection: close\r\n"
    if let etag { head += "If-None-Match: \(etag)\r\n" }
    request = Array((head + "\r\n").utf8)
    do throws(SystemFailure) {
      incoming = try Memory(byteCount: 64 * 1024)
      outgoing = try Memory(byteCount: 16 * 1024)
      answer = try Memory(byteCount: limit + Self.slack)
    } catch {
      throw Refusal(.unreachable, error.description)
    }
    isHandshaking = settings != nil
    do throws(TrustFailure) {
      tls = if let settings { try TLSClient(settings, host: address.host) } else { nil }
    } catch {
      throw Refusal(.tls, error.description)
    }
  }

  /// Whether it is not yet known where to connect.
  var isResolving: Bool { outcome == nil && socket < 0 }

  /// Connects where the upstream's name leads, or ends because it leads nowhere.
  func connect(to target: Result<Address, SystemFailure>, driver: inout Driver) {
    precondition(isResolving)
    do throws(SystemFailure) {
      let target = try target.get()
      socket = try driver.stream(to: target)
      driver.connect(socket, to: target, Token(.connect, slot: slot))
      underWay = 1
    } catch {
      end(.refused(Refusal(.unreachable, error.description)))
    }
  }

  /// Whether the fetch is over and nothing of it is under way, so that it can be let go.
  var isDone: Bool { outcome != nil && underWay == 0 }

  /// Takes a step.
  func handle(_ completion: Completion, driver: inout Driver) {
    underWay -= 1
    if outcome == nil { step(completion, &driver) }
    if outcome != nil { letGo(&driver) }
  }

  private func step(_ completion: Completion, _ driver: inout Driver) {
    switch completion.token.operation {
    case .connect:
      guard completion.result == 0 else { return fail(.unreachable, "connect", completion.result) }
      isConnected = true
      receive(&driver)
      begin()
    case .send:
      guard completion.result > 0 else { return fail(.unreachable, "send", completion.result) }
      toSend.removeFirst(Int(completion.result))
      sendCount = 0
    case .receive:
      guard completion.result >= 0 else { return fail(.unreachable, "receive", completion.result) }
      received(Int(completion.result))
      if outcome == nil, completion.result > 0 { receive(&driver) }
    case .accept, .wake, .cancel, .guest: break
    }
    send(&driver)
  }

  /// Ends the fetch because its time is over.
  func expire(driver: inout Driver) {
    if isResolving {
      end(.refused(Refusal(.unreachable, "the resolver did not answer in time")))
    } else if !isConnected {
      end(.refused(Refusal(.unreachable, "the upstream did not take the connection in time")))
    } else {
      end(.refused(Refusal(.timeout, "the upstream did not answer in time")))
    }
    if underWay > 0 { letGo(&driver) }
  }

  /// After the outcome: whatever is under way completes at once, and then the socket is closed.
  private func letGo(_ driver: inout Driver) {
    if underWay > 0 { driver.abort(socket) } else { driver.close(socket) }
  }

  private func begin() {
    if tls != nil { handshake() } else { toSend = request }
  }

  private func receive(_ driver: inout Driver) {
    underWay += 1
    driver.receive(socket, into: incoming.region, Token(.receive, slot: slot))
  }

  private func send(_ driver: inout Driver) {
    guard outcome == nil, sendCount == 0, !toSend.isEmpty else { return }
    sendCount = min(toSend.count, outgoing.region.count)
    toSend.withBytes { outgoing.region.copy($0.slice(0..<sendCount), to: 0) }
    underWay += 1
    driver.send(socket, outgoing.region.bytes.slice(0..<sendCount), Token(.send, slot: slot))
  }

  private func fail(_ reason: Refusal.Reason, _ step: String, _ result: Int32) {
    end(.refused(Refusal(reason, SystemFailure(step, code: -result).description)))
  }

  private func end(_ outcome: Outcome) {
    if self.outcome == nil { self.outcome = outcome }
  }

  // MARK: - TLS

  private func handshake() {
    guard let tls else { return }
    do throws(TrustFailure) {
      if try tls.handshake() {
        isHandshaking = false
        try request.withBytes { (request) throws(TrustFailure) in try tls.send(request) }
      }
      toSend += tls.takeOutgoing()
    } catch {
      end(.refused(Refusal(.tls, error.description)))
    }
  }

  // MARK: - The answer

  private func received(_ count: Int) {
    guard count > 0 else { return ended() }
    let bytes = incoming.region.bytes.slice(0..<count)
    guard let tls else {
      guard bytes.count <= answer.region.count - answerCount else { return endOversized() }
      answer.region.copy(bytes, to: answerCount)
      answerCount += count
      return read()
    }
    tls.receive(bytes)
    if isHandshaking {
      handshake()
      guard outcome == nil, !isHandshaking else { return }
    }
    do throws(TrustFailure) {
      while true {
        let room = answer.region.part(from: answerCount, count: answer.region.count - answerCount)
        guard room.count > 0 else { return endOversized() }
        guard let count = try tls.read(into: room) else { return ended() }
        if count == 0 { break }
        answerCount += count
        read()
        if outcome != nil { return }
      }
      toSend += tls.takeOutgoing()
    } catch {
      end(.refused(Refusal(.tls, error.description)))
    }
  }

  /// The connection is over: that ends the body if nothing else does.
  private func ended() {
    guard outcome == nil else { return }
    if let response, response.framing == nil {
      return finish(response, start: response.headCount, count: answerCount - response.headCount)
    }
    end(.refused(Refusal(.protocolError, "the answer was cut short after \(answerCount) bytes")))
  }

  private func endOversized() {
    end(.refused(Refusal(.oversized, "the answer has more than \(limit) bytes")))
  }

  private func read() {
    if response == nil {
      do throws(Response.Malformed) {
        response = try Response.parse(answer.region.bytes.slice(0..<answerCount))
      } catch {
        return end(.refused(Refusal(.protocolError, "the upstream does not speak HTTP/1.1")))
      }
      if response == nil {
        if answerCount > Self.slack / 2 {
          end(
            .refused(Refusal(.protocolError, "the head of the answer has more than \(Self.slack / 2) bytes")))
        }
        return
      }
    }
    guard let response else { return }
    guard !response.isEncoded else {
      return end(.refused(Refusal(.protocolError, "the answer has a content coding that was not asked for")))
    }
    switch response.framing {
    case Framing.none?: finish(response, start: response.headCount, count: 0)
    case .length(let length)?:
      guard length <= limit else { return endOversized() }
      if answerCount - response.headCount >= length {
        finish(response, start: response.headCount, count: length)
      }
    case .chunked?:
      var chunks = self.chunks ?? ChunkedBody(start: response.headCount)
      let outcome = chunks.advance(
        answer.region, filled: answerCount, bodyMax: limit, overheadMax: limit, trailersMax: Self.slack / 8)
      self.chunks = chunks
      switch outcome {
      case .incomplete: break
      case .complete: finish(response, start: chunks.start, count: chunks.count)
      case .invalid(.bodyTooLarge): endOversized()
      case .invalid: end(.refused(Refusal(.protocolError, "the answer's chunks are malformed")))
      }
    case nil:
      if answerCount - response.headCount > limit { endOversized() }
    }
  }

  private func finish(_ response: Response, start: Int, count: Int) {
    let bytes = answer.region.bytes
    end(
      .answer(
        Answer(
          status: response.status, etag: response.etag.isEmpty ? nil : String(bytes.slice(response.etag)),
          retryAfter: response.retryAfter, longPoll: response.longPoll,
          body: [UInt8](bytes.slice(start..<(start + count))))))
  }
}
