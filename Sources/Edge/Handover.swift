// How listening sockets pass from one process to the next, so that no connection is ever refused or lost. The successor
// connects to the Unix socket `handover`, gets every listener as it is, loads its snapshots, starts its workers and says
// that it is ready; only then does its predecessor stop accepting. Whatever goes wrong before that leaves the
// predecessor as it was.

import Kernel
import Operations

/// What the two say to each other: one byte each.
private enum Word {
  /// A listener comes along; its file belongs to whoever has it.
  static let listener = UInt8(ascii: "L")
  /// The same, but its file belongs to somebody else, such as systemd.
  static let lentListener = UInt8(ascii: "l")
  /// That was the last one.
  static let end = UInt8(ascii: "E")
  /// The successor serves.
  static let ready = UInt8(ascii: "R")
  /// The predecessor accepts no more.
  static let yours = UInt8(ascii: "Y")

  /// Milliseconds for one word.
  static var patience: Int { 5_000 }
}

/// The side that leaves.
struct Handover: ~Copyable {
  private let listener: Int32
  private let listeners: [Listener]
  private let life: Life
  /// A successor that was given the listeners and is not ready yet.
  private var successor: Successor?
  private var deadline: UInt64 = .max

  private struct Successor {
    let box: LetterBox
    let process: Int32
  }

  /// Nanoseconds in which a successor has to be ready.
  static var patience: UInt64 { 60_000_000_000 }

  init(_ listeners: Listeners, _ life: Life) {
    listener = listeners.handover
    self.listeners = listeners.all
    self.life = life
  }

  /// Whose input is waited for; -1 for none.
  var input: Int32 { successor?.box.descriptor ?? listener }

  /// Milliseconds to wait for it; negative for ever.
  var milliseconds: Int32 { successor == nil ? -1 : 1_000 }

  /// Looks at what came, or at the time. The successor's process once it has taken over.
  mutating func proceed(hasInput: Bool) -> Int32? {
    if successor != nil { return conclude(hasInput: hasInput) }
    if hasInput, listener >= 0 { begin() }
    return nil
  }

  private mutating func begin() {
    guard let box = try? LetterBox(acceptingFrom: listener, milliseconds: Word.patience) else {
      // It still waits; without a pause it would be asked for in a circle.
      return Process.pause(microseconds: 100_000)
    }
    guard let process = box.peer else {
      return Log.write(
        .warning, "handover_refused", ["reason": .text("the other process is of another user")])
    }
    for listener in listeners {
      let word = listener.isLent ? Word.lentListener : Word.listener
      guard box.send(word, descriptor: listener.socket) else {
        return giveUp("it did not take the listeners")
      }
    }
    guard box.send(Word.end) else { return giveUp("it did not take the listeners") }
    life.stage = .handing
    deadline = Clock.monotonic() + Self.patience
    successor = Successor(box: box, process: process)
    Log.write(.info, "handover_begun", ["process": .integer(Int(process))])
  }

  private mutating func conclude(hasInput: Bool) -> Int32? {
    guard hasInput else {
      if Clock.monotonic() >= deadline { giveUp("it was not ready in time") }
      return nil
    }
    guard let successor = successor.take() else { return nil }
    guard let letter = successor.box.receive(), letter.byte == Word.ready, successor.box.send(Word.yours)
    else {
      giveUp("it ended before it was ready")
      return nil
    }
    return successor.process
  }

  private mutating func giveUp(_ reason: String) {
    successor = nil
    life.stage = .serving
    Log.write(.error, "handover_failed", ["reason": .text(reason)])
  }
}

/// What the side that comes knows of the one before it.
struct Predecessor {
  private let box: LetterBox
  let process: Int32
  /// Its listeners, which are accepted from once this process is ready.
  let listeners: [Listener]

  /// Nanoseconds in which this process has to be ready: sooner than its predecessor loses patience.
  static var patience: UInt64 { 45_000_000_000 }
  /// Far more than 1024 workers listen on.
  private static var listenerMax: Int { 16_384 }

  /// Asks the process that listens at `path`; nil if none does.
  static func find(at path: String) throws(SystemFailure) -> Predecessor? {
    guard let box = try LetterBox.connect(to: path, milliseconds: Word.patience) else { return nil }
    guard let process = box.peer else {
      throw .misunderstood("take over at \(path)", remedy: "Another user's process listens there: stop it.")
    }
    var listeners: [Listener] = []
    while listeners.count < listenerMax, let letter = box.receive() {
      switch letter.byte {
      case Word.listener, Word.lentListener:
        listeners.append(
          try Listener(adopting: letter.descriptor, isLent: letter.byte == Word.lentListener))
      case Word.end: return Predecessor(box: box, process: process, listeners: listeners)
      default: throw broken(path)
      }
    }
    throw broken(path)
  }

  private static func broken(_ path: String) -> SystemFailure {
    .misunderstood("take over at \(path)", remedy: "What listens there hands over no listeners: stop it.")
  }

  /// Has it stop accepting.
  func relieve() throws(SystemFailure) {
    guard box.send(Word.ready), box.receive()?.byte == Word.yours else {
      throw .misunderstood(
        "take over from process \(process)", remedy: "It goes on: look into its log, then start again.")
    }
  }
}
