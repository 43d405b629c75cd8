// The simulated network keeps what real ones promise: bytes in order, ends after bytes, resets that take what was not read.

import Simulation
import Testing

struct NetworkTests {
  private func connected(seed: UInt64) -> (World, Network, client: NetworkSocket, server: NetworkSocket) {
    let world = World(seed: seed)
    let network = Network(world)
    let listener = network.listen(1)
    let client = network.make(.stream)
    #expect(network.connect(client, to: Network.address(1)))
    return (world, network, client, listener.backlog[0])
  }

  @Test(arguments: 0..<50 as Range<UInt64>)
  func `bytes arrive in order and the end after them, unless the connection is reset`(seed: UInt64) {
    let (world, network, client, server) = connected(seed: seed)
    let sent = (0..<2000).map { UInt8(truncatingIfNeeded: $0) }
    var rest = sent[...]
    var received: [UInt8] = []
    for _ in 0..<100_000 where !server.isReset && !server.hasEnded {
      rest = rest.dropFirst(client.send(rest.prefix(100)))
      if rest.isEmpty { client.endSending() }
      world.advance(to: world.nextEvent ?? world.now)
      received += server.take(33)
    }
    received += server.take(5000)
    #expect(sent.starts(with: received))
    #expect(server.isReset || received == sent, "\(received.count) of \(sent.count)")
    withExtendedLifetime(network) {}
  }

  @Test func `who closes without having read resets the connection`() {
    let (world, network, client, server) = connected(seed: 1)
    while client.send([1]) == 0 {}
    while let next = world.nextEvent, server.inbox.isEmpty { world.advance(to: next) }
    network.close(server)
    while let next = world.nextEvent { world.advance(to: next) }
    #expect(client.isReset)
  }

  @Test func `nobody is connected where nobody listens`() {
    let network = Network(World(seed: 1))
    #expect(!network.connect(network.make(.stream), to: Network.address(2)))
  }
}
