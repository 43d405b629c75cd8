// A line on standard error once a second, so that who waits sees that it goes on.

import Bytes
import Glibc
import Kernel

struct Progress {
  private let start: UInt64
  private let end: UInt64
  private let isShown: Bool
  /// Whether a person watches, so that a line may replace the one before.
  private let hasTerminal = isatty(2) == 1
  private var next: UInt64

  private static var step: UInt64 { 1_000_000_000 }

  init(start: UInt64, end: UInt64, isShown: Bool) {
    self.start = start
    self.end = end
    self.isShown = isShown
    next = isShown ? start + Self.step : .max
  }

  mutating func show(_ now: UInt64, _ figures: borrowing Figures) {
    guard now >= next else { return }
    next += Self.step
    let seconds = (now - start) / Self.step
    let text =
      "\(seconds) s of \((end - start) / Self.step): \(figures.answers) answers, \(figures.errors) errors"
    write(hasTerminal ? "\r\(text)   " : text + "\n")
  }

  func clear() {
    if isShown, hasTerminal { write("\r\u{1B}[K") }
  }

  private func write(_ text: String) {
    Array(text.utf8).withBytes { Process.writeError($0) }
  }
}
