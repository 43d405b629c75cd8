import Bytes
import Testing

struct ByteRangeTests {
  @Test func `a range has the bounds it was made of`() {
    #expect(ByteRange(from: 3, to: 7).bounds == 3..<7)
    #expect(ByteRange(start: 3, count: 4) == ByteRange(from: 3, to: 7))
    #expect(ByteRange(start: 1 << 31, count: 1 << 31).bounds.upperBound == 1 << 32)
  }

  @Test func `only a range without bytes is empty`() {
    #expect(ByteRange.empty.isEmpty)
    #expect(ByteRange(from: 5, to: 5).isEmpty)
    #expect(!ByteRange(from: 5, to: 6).isEmpty)
  }
}
