import Publication
import Testing

struct SharedWordTests {
  @Test func `a shared word holds what was set last`() {
    let word = SharedWord(3)
    #expect(word.value == 3)
    word.decrement()
    #expect(word.value == 2)
    word.value = 9
    #expect(word.value == 9)
    #expect(SharedWord().value == 0)
  }
}
