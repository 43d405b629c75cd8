// Every row of the tables over both transports, and the laws that hold for all of them.

import ProgramSupport
import Testing

struct RowTests {
  private static let health = Array("GET /health HTTP/1.1\r\nHost: a\r\n\r\n".utf8)

  @Test func `no two rows are the same`() {
    #expect(Row.all.count > 300)
    var (bytes, names) = (Set<[UInt8]>(), Set<String>())
    for row in Row.all {
      #expect(bytes.insert(row.bytes).inserted, "\(row)")
      #expect(names.insert(row.testDescription).inserted, "\(row)")
    }
  }

  @Test(arguments: Driver.allCases, Transport.allCases)
  func `every row gets the answers it must get`(driver: Driver, transport: Transport) throws {
    let stand = try Stand(driver)
    for row in Row.all {
      let client = try stand.client(transport)
      try client.send(row.bytes)
      row.judge(client)
    }
    // Nothing of it stays.
    let before = try stand.settledDescriptors()
    for row in Row.all {
      let client = try stand.client(transport)
      try client.send(row.bytes)
      client.endSending()
      _ = try client.readToEnd()
    }
    _ = try stand.settledDescriptors()
    // Now and then there is one more, for the upstream.
    try eventually("every descriptor is closed") { stand.edge.process.descriptorCount <= before }
  }

  @Test(arguments: Driver.allCases, Transport.allCases)
  func `what stands before a bad request is answered`(driver: Driver, transport: Transport) throws {
    let stand = try Stand(driver)
    for row in Row.all where row.isRefused {
      let client = try stand.client(transport)
      try client.send(Self.health + Self.health + Self.health + row.bytes)
      row.judge(client, before: 3, "behind three others")
    }
  }

  @Test(arguments: Driver.allCases)
  func `what follows a bad request is not looked at`(driver: Driver) throws {
    let stand = try Stand(driver)
    // An unfinished one would take what follows for its own.
    for row in Row.all
    where row.isRefused && row.bytes.count < 4096 && row.bytes.suffix(4).elementsEqual("\r\n\r\n".utf8) {
      let client = try stand.client(.tcp)
      try client.send(row.bytes + Self.health + Self.health)
      row.judge(client, "before two others")
    }
  }

  @Test(arguments: Driver.allCases)
  func `rows that keep the connection are answered one behind the other, in one write`(driver: Driver) throws
  {
    let stand = try Stand(driver)
    let rows = Row.all.filter { $0.isKept && $0.bytes.count < 2000 }
    for rows in [rows, rows.reversed()] {
      let client = try stand.client(.tcp)
      try client.send(rows.flatMap(\.bytes))
      for row in rows { row.judge(client, probes: false, "among others") }
      #expect(try client.get("/health").status == 200)
    }
  }

  /// Rows of a size at which each may be cut at every byte.
  private static let small = Row.all.filter { $0.bytes.count < 160 }

  @Test(arguments: Driver.allCases)
  func `cut at any byte, a row gets the same answers`(driver: Driver) throws {
    let stand = try Stand(driver)
    for row in Self.small { try sweep(row, stand, before: []) }
  }

  @Test(arguments: Driver.allCases)
  func `cut at any byte behind other requests, a bad row gets the same answer`(driver: Driver) throws {
    let stand = try Stand(driver)
    // One of each kind.
    var seen = Set<String>()
    for row in Self.small where row.isRefused && seen.insert(row.answers[0].code ?? "").inserted {
      try sweep(row, stand, before: Self.health + Self.health)
    }
    #expect(seen.count > 12)
  }

  /// Sends `row` once for each place to cut it at: the first parts of all, and when they were read, the second ones.
  private func sweep(_ row: Row, _ stand: Stand, before: [UInt8]) throws {
    let bytes = before + row.bytes
    let cuts = Array(1..<bytes.count)
    let clients = try cuts.map { _ in try stand.client(.unix) }
    for (cut, client) in zip(cuts, clients) { try client.send(Array(bytes[..<cut])) }
    for client in clients { try client.waitUntilRead() }
    for (cut, client) in zip(cuts, clients) { try client.send(Array(bytes[cut...])) }
    for (cut, client) in zip(cuts, clients) {
      row.judge(client, before: before.count / Self.health.count, probes: false, "cut at \(cut)")
    }
  }

  @Test(arguments: Driver.allCases)
  func `byte by byte, a row gets the same answers`(driver: Driver) throws {
    let stand = try Stand(driver)
    let rows = Self.small
    let clients = try rows.map { _ in try stand.client(.unix) }
    for place in 0..<rows.map(\.bytes.count).max()! {
      var sent: [RawClient] = []
      for (row, client) in zip(rows, clients) where place < row.bytes.count {
        try client.send([row.bytes[place]])
        sent.append(client)
      }
      for client in sent where !client.isEnded { try client.waitUntilRead() }
    }
    for (row, client) in zip(rows, clients) { row.judge(client, probes: false, "byte by byte") }
  }
}
