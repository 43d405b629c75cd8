// An exposure as one JSON object, for whoever reads it with other tools. What the records of a datagram share is
// written once for all of them, and the text of a moment once for all records that occurred in it.

package import Bytes
package import Exposures
import JSON

package struct ExposureLine {
  /// Bytes that a line can have: every byte of a datagram escaped, and the names.
  package static var byteMax: Int { DatagramFormat.byteMax * 6 + 512 }

  /// From the edge to the closing brace.
  private var ending: [UInt8] = []
  /// Milliseconds since 1970, and their text.
  private var moment = UInt64.max
  private var momentText: [UInt8] = []
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

  private mutating func append(moment microseconds: UInt64, to output: inout Output) {
    let milliseconds = microseconds / 1000
    if milliseconds != moment {
      moment = milliseconds
      momentText = [UInt8](capacity: 24) { $0.append(timestamp: Int(clamping: milliseconds)) }
    }
    momentText.withBytes { output.append($0) }
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
