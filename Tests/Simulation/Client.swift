// A client of the edge: asks what it planned, in pieces and ahead of the answers, reads at its own pace, and checks that
// every answer is the one to its question, of one version, and never of an older one than the answer before.

import Bytes
import HTTP
import JSON
import TestSupport

package final class Client {
  private let network: Network
  private var world: World { network.world }
  private let fixture: Fixture
  private let questions: [Question]
  private let isRude: Bool
  private let endsEarly: Bool
  private var socket: NetworkSocket?
  private var toSend: [UInt8]
  private var received: [UInt8] = []
  private var answered = 0
  /// The newest version that was answered, to it or to anybody before it came.
  private var newest = 0
  private var killsBefore = 0
  private var isReading = false
  private var sawLast = false
  package private(set) var isDone = false
  /// Answers of 200 that showed something, as far as they were read.
  package private(set) var shownCount = 0

  /// A client that connects to one of `ports` soon.
  package init(_ network: Network, _ fixture: Fixture, ports: [UInt16], after delay: UInt64) {
    self.network = network
    self.fixture = fixture
    let world = network.world
    var questions: [Question] = []
    for _ in 0..<(1 + world.random.below(12)) {
      questions.append(Question.any(&world.random))
      if questions.last!.isLast { break }
    }
    self.questions = questions
    toSend = questions.flatMap(\.bytes)
    isRude = world.oneIn(world.faults.rudeClients)
    endsEarly = world.random.oneIn(3)
    let port = world.random.pick(ports)
    world.after(delay) { [self] in
      let socket = network.make(.stream)
      self.socket = socket
      newest = world.newest
      killsBefore = world.kills
      guard network.connect(socket, to: Network.address(port)) else { return leave() }
      world.tell("client \(socket.number) connects to \(port) with \(questions.count) questions")
      socket.observer = { [weak self] in self?.noticed() }
      send()
    }
    // Nobody waits for ever; a deadline of the server is shorter.
    world.after(delay + 40_000_000_000) { [self] in
      if !isDone { world.fail("a client still waits for answer \(answered) of \(questions.count)") }
    }
  }

  private func send() {
    guard !isDone, let socket, !toSend.isEmpty else { return }
    if isRude, world.random.oneIn(4) {
      socket.reset()
      return leave()
    }
    let piece = world.random.oneIn(3) ? 1 + world.random.below(toSend.count) : toSend.count
    let count = socket.send(toSend.prefix(piece))
    toSend.removeFirst(count)
    if toSend.isEmpty {
      if endsEarly { socket.endSending() }
    } else if count > 0 {
      world.after(world.delay(upTo: 400_000_000)) { [self] in send() }
    }
  }

  private func noticed() {
    guard !isDone, !isReading, let socket else { return }
    if !toSend.isEmpty, socket.room > 0 { send() }
    guard !isDone, !socket.inbox.isEmpty || socket.hasEnded || socket.isReset else { return }
    isReading = true
    let isSlow = world.oneIn(world.faults.slowReaders)
    world.after(world.delay(upTo: isSlow ? 500_000_000 : 1_000_000)) { [self] in
      isReading = false
      read(atMost: isSlow ? 1 + world.random.below(200) : .max)
    }
  }

  private func read(atMost count: Int) {
    guard !isDone, let socket else { return }
    // A reset takes with it what was not read, and nothing can be said of the answers that were on their way.
    if socket.isReset { return leave() }
    received += socket.take(min(count, socket.inbox.count))
    while takeAnswer() {}
    if isDone { return }
    if answered == questions.count { return leave() }
    if socket.hasEnded, socket.inbox.isEmpty { return ended() }
    noticed()
  }

  private func ended() {
    if world.kills > killsBefore { return leave() }
    world.check(received.isEmpty, "an answer was cut after \(received.count) bytes")
    // Ended without being asked to, and without having said so, with questions that were sent whole.
    if !sawLast, toSend.isEmpty, !world.mayRefuse {
      world.fail("no answer to \(questions[answered].text), which is question \(answered + 1)")
    }
    leave()
  }

  private func leave() {
    isDone = true
    world.tell("client \(socket?.number ?? 0) leaves with \(answered) of \(questions.count) answers")
    socket?.observer = nil
    if let socket, !socket.isClosed { network.close(socket) }
  }

  // MARK: - Answers

  /// Takes one whole answer and checks it; false if there is none.
  private func takeAnswer() -> Bool {
    let parsed = received.withBytes { bytes in
      do throws(Response.Malformed) {
        return try Response.parse(bytes)
      } catch {
        world.fail("what came is no answer: \(String(bytes))")
        return nil
      }
    }
    guard world.failure == nil, let parsed else { return false }
    guard answered < questions.count else {
      world.fail("an answer too many")
      return false
    }
    let question = questions[answered]
    var bodyCount = 0
    if case .length(let length)? = parsed.framing, !question.isHead { bodyCount = length }
    guard received.count >= parsed.headCount + bodyCount else { return false }
    let body = Array(received[parsed.headCount..<(parsed.headCount + bodyCount)])
    received.removeFirst(parsed.headCount + bodyCount)
    answered += 1
    if !parsed.keepsAlive { sawLast = true }
    world.tell("client \(socket!.number) is answered \(parsed.status) to \(question.text.prefix(40))")
    check(question, parsed.status, body)
    return true
  }

  private func check(_ question: Question, _ status: Int, _ body: [UInt8]) {
    switch question.expectation {
    case .status(let wanted):
      world.check(status == wanted, "\(status) instead of \(wanted) to \(question.text)")
    case .head: world.check(status == 200 || status == 503, "\(status) to \(question.text)")
    case .document:
      guard status == 200 else {
        return world.check(
          status >= 404 && newest == 0, "\(status) to \(question.text), after version \(newest)")
      }
      let version = (try? Document(body).root)?["version"]?.integer ?? 0
      note(version)
      world.check(body == fixture.document(version), "version \(version) is not as it was published")
    case .assignments(let user):
      guard answers(status, question) else { return }
      let version = (try? Document(body).root)?["config_version"]?.integer ?? 0
      note(version)
      let wanted = Fixture.assignments(user, version)
      world.check(
        body.elementsEqual(wanted.utf8), "\(String(decoding: body, as: UTF8.self)) instead of \(wanted)")
    case .flag(let user):
      guard answers(status, question) else { return }
      let value = (try? Document(body).root)?["value"]?.text
      let wanted = (max(1, newest)...Fixture.versionMax).map { Fixture.banner(user, $0) }
      world.check(
        value.map(wanted.contains) ?? false, "\(String(decoding: body, as: UTF8.self)) to \(question.text)")
    }
  }

  /// Whether there was a snapshot; once there is, it does not go.
  private func answers(_ status: Int, _ question: Question) -> Bool {
    if status == 200 {
      shownCount += 1
      return true
    }
    world.check(status == 503 && newest == 0, "\(status) to \(question.text), after version \(newest)")
    return false
  }

  private func note(_ version: Int) {
    world.check(version >= newest, "version \(version) after version \(newest)")
    world.check(version <= world.published, "version \(version), and only \(world.published) were published")
    newest = max(newest, version)
    world.newest = max(world.newest, version)
  }
}

extension Question {
  fileprivate var isHead: Bool { if case .head = expectation { true } else { false } }
  fileprivate var text: String { String(decoding: bytes, as: UTF8.self) }
}
