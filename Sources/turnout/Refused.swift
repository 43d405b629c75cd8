// A document or question that was refused: exit code 3.

import Bytes
import Dialects

struct Refused: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) {
    self.description = description
  }

  /// A refusal in the words that a client of the edge gets.
  init(_ fault: ClientFault) {
    description = String(decoding: [UInt8](capacity: 4096) { fault.write(to: &$0) }, as: UTF8.self)
  }
}
