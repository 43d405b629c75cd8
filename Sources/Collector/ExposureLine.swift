// An exposure as one JSON object, for whoever reads it with other tools. What the records of a datagram share is
// written once for all of them, and the text of a second once for all records that occurred in it.

package import Bytes
package import Exposures
import JSON

package struct ExposureLine {
  /// Bytes that a line can have: every byte of a datagram escaped, and the names.
  package static var byteMax: Int { DatagramFormat.byteMax * 6 + 512 }

  /// From the edge to the closing brace.
  private var ending: [UInt8] = []
  private var second = UInt64.max
  /// Up to the dot behind the second.
  private var secondText: [UInt8] = []
  private var rate = 0.0
  private var rateText: [UInt8] = []

  package init() {}

  /// Begins the records of `datagram`.
  package mutating func begin(_ datagram: Datagram) {
    let header = datagram.header
    ending = [UInt8](capacity: Self.byteMax) { output in
      output.append(",\"edge\":")
      output.append(jsonString: datagram.edge)
      output.append(",\"boot\":\"")
      output.append(hex: header.boot, digits: 16)
      output.append("\",\"worker\":")
      output.append(decimal: Int(header.worker))
      output.append(",\"sequence\":")
      output.append(decimal: Int(header.sequence))
      output.append("}")
    }
  }

  /// Appends a record of the datagram that was begun, without a line's end.
  package mutating func append(_ record: Record, to output: inout Output) {
    output.append("{\"occurredAt\":\"")
    append(moment: record.occurredAt, to: &output)
    output.append("\",\"environment\":")
    output.append(jsonString: record.environment)
    output.append(",\"experimentId\":")
    output.append(jsonString: record.experiment)
    output.append(",\"variantId\":")
    output.append(jsonString: record.variant)
    output.append(",\"configVersion\":")
    output.append(decimal: Int(record.version))
    output.append(",\"userKey\":")
    output.append(jsonString: record.userKey)
    output.append(",\"rate\":")
    append(rate: record.rate, to: &output)
    output.append(record.isOverride ? ",\"override\":true" : ",\"override\":false")
    ending.withBytes { output.append($0) }
  }

  private mutating func append(moment: UInt64, to output: inout Output) {
    let (second, rest) = moment.quotientAndRemainder(dividingBy: 1_000_000)
    if second != self.second {
      self.second = second
      // Without "000Z".
      secondText = Array(Timestamp.text(milliseconds: Double(second) * 1000).utf8.dropLast(4))
    }
    secondText.withBytes { output.append($0) }
    for unit: UInt64 in [100_000, 10_000, 1000] {
      output.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest / unit % 10))
    }
    output.append("Z")
  }

  private mutating func append(rate: Double, to output: inout Output) {
    if rate != self.rate {
      self.rate = rate
      var writer = Writer()
      writer.number(rate)
      rateText = writer.text
    }
    rateText.withBytes { output.append($0) }
  }
}
