// Memory for tables under test: kept until the process ends, as a worker's is.

import Bytes
import TestSupport

struct Tables<Value> {
  let value: Value

  init(_ byteCount: Int, _ make: (inout Carver) throws -> Value) throws {
    let memory = UnsafeMutableRawPointer.allocate(byteCount: byteCount + 4096, alignment: 64)
    unsafe memory.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount + 4096)
    var carver = Carver(unsafe ByteRegion(start: memory, count: byteCount + 4096))
    value = try make(&carver)
  }
}
