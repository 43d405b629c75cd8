import Server
import Testing

struct LimitsTests {
  @Test(arguments: [
    (descriptors: 1_048_576, connections: 10_000), (10_256, 10_000), (10_255, 9_999), (1024, 768), (512, 256),
    (128, 64), (3, 2), (1, 1), (0, 1),
  ])
  func `half of the descriptors, but at most 256, are left for what is no client`(
    descriptors: Int, connections: Int
  ) {
    #expect(Limits().fitting(descriptors: descriptors).connections == connections)
  }

  @Test func `servers that share limits have at least as many places together`() {
    for count in 1...9 {
      for connections in 1...30 {
        var limits = Limits()
        limits.connections = connections
        #expect(limits.share(of: count).connections * count >= connections)
      }
    }
  }
}
