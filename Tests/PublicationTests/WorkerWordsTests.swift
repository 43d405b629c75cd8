import TestSupport
import Bytes
import Publication
import Testing

private func want(_ words: WorkerWords, _ name: String) -> Bool {
  Array(name.utf8).withBytes { words.want($0) }
}

struct WorkerWordsTests {
  @Test func `wants come in order and are taken once`() {
    let words = WorkerWords(counterCount: 1)
    #expect(words.takeWant() == nil)
    let names = ["prod", "", String(repeating: "x", count: CatalogEntry.nameMax), "é"]
    for name in names { #expect(want(words, name)) }
    for name in names { #expect(words.takeWant() == name) }
    #expect(words.takeWant() == nil)
  }

  @Test func `the ring of wants is bounded and takes again what was taken`() {
    let words = WorkerWords(counterCount: 1)
    var random = Random(seed: 1)
    var waiting: [String] = []
    var number = 0
    for _ in 0..<3000 {
      if random.below(2) == 0 {
        number += 1
        let name = "environment-\(number)"
        #expect(want(words, name) == (waiting.count < 8))
        if waiting.count < 8 { waiting.append(name) }
      } else {
        #expect(words.takeWant() == waiting.first)
        if !waiting.isEmpty { waiting.removeFirst() }
      }
    }
    #expect(number > 1000)
  }

  @Test func `each counter counts for itself`() {
    let words = WorkerWords(counterCount: 3)
    for counter in 0..<3 { #expect(words.read(counter) == 0) }
    words.count(0)
    words.count(0, 41)
    words.count(2, .max)
    words.set(1, 7)
    words.set(1, 6)
    #expect((0..<3).map { words.read($0) } == [42, 6, .max])
    // What was counted for longer than a word holds begins anew instead of ending the process.
    words.count(2, 2)
    #expect(words.read(2) == 1)
  }

  @Test func `copies of the words are the same words`() {
    let words = WorkerWords(counterCount: 1)
    let copy = words
    copy.count(0, 5)
    #expect(want(copy, "prod"))
    #expect(words.read(0) == 5)
    #expect(words.takeWant() == "prod")
  }
}
