// What a simulation stands in for: the operations of ``Driver``, which documents them, over a network and a time of
// its own. Who waits in a simulation never blocks: a wait returns at once, with whatever the simulation lets complete.

package import Bytes

package protocol SimulatedDriver: AnyObject {
  func accept(on listener: Int32, once: Bool, _ token: Token)
  func receive(_ socket: Int32, _ token: Token)
  func receive(_ socket: Int32, into region: ByteRegion, _ token: Token)
  func receiveMessages(_ socket: Int32, _ token: Token)
  func message(in buffer: Int32, count: Int) -> Message?
  func send(_ socket: Int32, _ bytes: ByteView, _ token: Token)
  func sendSilently(_ socket: Int32, _ bytes: ByteView, _ token: Token)
  func connect(_ socket: Int32, to address: Address, _ token: Token)
  func cancel(_ target: Token, on socket: Int32)

  func readyCount() -> Int?
  func token(ofReady index: Int) -> Token
  func wait(nanoseconds: UInt64)
  func next() -> Completion?
  func buffer(_ index: Int32) -> ByteRegion
  func giveBack(_ index: Int32)

  func stream(to address: Address) throws(SystemFailure) -> Int32
  func acceptWaiting(at listener: Int32) -> Int32?
  func endSending(_ socket: Int32)
  func abort(_ socket: Int32)
  func close(_ socket: Int32)
  func send(_ socket: Int32, _ bytes: ByteView, to address: Address) -> Bool
  func segmentDatagrams(_ socket: Int32, at byteCount: Int) -> Bool

  var monotonic: UInt64 { get }
  var wall: UInt64 { get }
}
