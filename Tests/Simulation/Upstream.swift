// The upstream of a run: serves the newest of the versions published so far, and now and then something else: nothing,
// half of it, noise, an error, an older version, a forgery.

import Bytes
import Snapshots
import TestSupport

package final class Upstream {
  private let network: Network
  private var world: World { network.world }
  private let fixture: Fixture
  private let listener: NetworkSocket

  package static let port: UInt16 = 9000

  package init(_ network: Network, _ fixture: Fixture) {
    self.network = network
    self.fixture = fixture
    listener = network.listen(Self.port)
    listener.observer = { [weak self] in self?.accept() }
  }

  package func end() { network.close(listener) }

  private func accept() {
    while !listener.backlog.isEmpty {
      let socket = listener.backlog.removeFirst()
      var request: [UInt8] = []
      var isAnswered = false
      socket.observer = { [unowned self, unowned socket] in
        guard !socket.isClosed else { return }
        if socket.isReset || socket.hasEnded {
          socket.observer = nil
          return network.close(socket)
        }
        request += socket.take(socket.inbox.count)
        guard !isAnswered, request.suffix(4) == Array("\r\n\r\n".utf8) else { return }
        isAnswered = true
        answer(request, on: socket)
      }
      socket.observer?()
    }
  }

  private func answer(_ request: [UInt8], on socket: NetworkSocket) {
    let path = String(decoding: request, as: UTF8.self).split(separator: " ")[1]
    var version = fixture.versions[max(0, world.published - 1)]
    let isBad = world.oneIn(world.faults.upstreamFailures)
    var mischief = isBad ? world.random.below(9) : -1
    if mischief == 0 { version = fixture.forged }
    if mischief == 1, world.published > 0 { version = fixture.versions[world.random.below(world.published)] }
    var body: [UInt8]?
    if world.published == 0 {
      body = nil
    } else if path.hasSuffix("/manifest.json") {
      body = version.envelope
    } else {
      body =
        (fixture.versions + [fixture.forged]).first {
          path.hasSuffix("/" + Layout.snapshot("prod", $0.number))
        }?
        .document
    }
    // Nothing is published yet, or what it is asked for is no file of this upstream: a trust file.
    if body == nil, ![3, 4, 7].contains(mischief) { mischief = 2 }
    var bytes: [UInt8]
    let tag = "\"\(version.number)\""
    switch mischief {
    case -1 where String(decoding: request, as: UTF8.self).contains("If-None-Match: \(tag)\r\n"):
      bytes = Self.head(304, 0)
    case 2: bytes = Self.head(404, 0)
    case 3: bytes = Self.head(503, 0, "Retry-After: 1\r\n")
    case 4: bytes = Self.head(302, 0, "Location: http://127.0.0.1:1/\r\n")
    case 5:
      body![world.random.below(body!.count)] ^= 1 << UInt8(world.random.below(8))
      bytes = Self.head(200, body!.count) + body!
    case 6: bytes = Array((Self.head(200, body!.count) + body!).dropLast(1 + world.random.below(body!.count)))
    case 7: bytes = (0..<200).map { _ in UInt8(world.random.below(256)) }
    case 8: bytes = Self.head(200, body!.count * 1000) + body!
    default: bytes = Self.head(200, body!.count, "ETag: \(tag)\r\n") + body!
    }
    if isBad { world.tell("the upstream does mischief \(mischief) to \(path)") }
    send(bytes, on: socket)
  }

  private static func head(_ status: Int, _ count: Int, _ fields: String = "") -> [UInt8] {
    Array("HTTP/1.1 \(status) X\r\nContent-Length: \(count)\r\n\(fields)Connection: close\r\n\r\n".utf8)
  }

  private func send(_ bytes: [UInt8], on socket: NetworkSocket) {
    guard !socket.isClosed else { return }
    if socket.isReset {
      socket.observer = nil
      return network.close(socket)
    }
    let count = socket.send(bytes)
    guard count < bytes.count else { return socket.endSending() }
    world.after(1_000_000 + world.delay(upTo: 10_000_000)) { [self] in
      send(Array(bytes.dropFirst(count)), on: socket)
    }
  }
}
