// A document or question that was refused: exit code 3.

struct Refused: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) {
    self.description = description
  }
}
