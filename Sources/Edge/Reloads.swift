// What SIGHUP does: the configuration is read again, and those parts that may change while the edge serves are
// handed to it. All of them or none: what is refused leaves everything as it was.

import Operations
import Publication

struct Reloads: Sendable {
  /// Makes a part of a new configuration ready, or throws; the result puts it into use, which cannot fail.
  typealias Part = @Sendable (Configuration) throws -> () -> Void

  let done = SharedWord()
  let failed = SharedWord()
  /// What the edge was started with.
  private let first: Configuration
  private let parts: [Part]

  init(_ first: Configuration, _ parts: [Part]) {
    self.first = first
    self.parts = parts
  }

  func run(_ reread: () throws -> Configuration) {
    do {
      let configuration = try reread()
      let changes = try parts.map { try $0(configuration) }
      for change in changes { change() }
      done.increment()
      Log.write(.info, "reloaded", [:])
      let waiting = first.waiting(of: configuration)
      if !waiting.isEmpty {
        Log.write(.warning, "restart_needed", ["settings": .text(waiting.joined(separator: " "))])
      }
    } catch {
      failed.increment()
      Log.write(.error, "reload_failed", ["reason": .text("\(error)")])
    }
  }
}
