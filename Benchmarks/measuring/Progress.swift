// What a program measures at the moment, told to whoever waits for the table: one line of standard error, rewritten
// where a person watches.

import Bytes
import Glibc
import Kernel

package enum Progress {
  package static func show(_ text: String) {
    write(isWatched ? "\r\u{1B}[K\(text) ..." : text + "\n")
  }

  /// Before a table is printed.
  package static func clear() {
    if isWatched { write("\r\u{1B}[K") }
  }

  private static let isWatched = isatty(2) == 1

  private static func write(_ text: String) { Array(text.utf8).withBytes { Process.writeError($0) } }
}
