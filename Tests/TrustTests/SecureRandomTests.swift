import Testing
import Trust

struct SecureRandomTests {
  @Test func `bytes are as many as asked for and not the same twice`() {
    for count in [0, 1, 16, 1000] { #expect(SecureRandom.bytes(count).count == count) }
    #expect(SecureRandom.bytes(32) != SecureRandom.bytes(32))
  }
}
