// What one thread finds out and another one waits for.

import Kernel
import Publication

/// Set once; read only after ``wait()``, which the flag puts behind the writing.
final class Outcome<Value>: @unchecked Sendable {
  private var result: Result<Value, any Error>?
  private let isSet = SharedWord()

  func set(_ result: Result<Value, any Error>) {
    self.result = result
    isSet.value = 1
  }

  func wait() -> Result<Value, any Error> {
    while isSet.value == 0 { Process.pause(microseconds: 1000) }
    return result!
  }
}
