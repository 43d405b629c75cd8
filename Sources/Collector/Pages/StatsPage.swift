// What /stats says: every stream with its counts, for `turnout exposures` and for whoever wants numbers as JSON.
// docs/exposure-protocol.md tells what each means.

import Arguments
import Bytes
import Exposures
import JSON

enum StatsPage {
  /// `now` is in monotonic nanoseconds, `recent` are records as lines of JSON.
  static func render(_ report: ReceptionReport, uptime: Double, stored: UInt64, now: UInt64) -> [UInt8] {
    var writer = Writer()
    writer.object { writer in
      writer.key("collector")
      writer.object { collector(report, uptime: uptime, stored: stored, &$0) }
      writer.key("streams")
      writer.array(report.streams) { stream(&$0, $1, now) }
      writer.key("forgotten")
      writer.array(report.forgotten.sorted { $0.key < $1.key }) { writer, entry in
        writer.object { writer in
          writer.key("edge")
          writer.string(entry.key)
          counts(&writer, entry.value.counts)
        }
      }
      writer.key("recent")
      writer.array(recent(report)) { $0.string($1) }
    }
    return writer.text
  }

  private static func collector(
    _ report: ReceptionReport, uptime: Double, stored: UInt64, _ writer: inout Writer
  ) {
    let tally = report.tally
    writer.key("version")
    writer.string(Version.text)
    writer.key("uptimeSeconds")
    writer.number((uptime * 10).rounded() / 10)
    writer.key("datagrams")
    writer.object { writer in
      writer.member("received", tally.received)
      writer.member("forged", tally.forged)
      writer.key("malformed")
      writer.object { writer in
        for malformation in Malformation.allCases {
          writer.member(malformation.name, tally.malformed[malformation.rawValue])
        }
      }
      writer.member("stale", tally.stale)
      writer.member("duplicates", tally.duplicates)
      writer.member("inconsistent", tally.inconsistent)
      writer.member("unhoused", tally.unhoused)
    }
    writer.member("socketDrops", tally.socketDrops)
    writer.member("resendRequests", tally.requests)
    writer.member("receivedRecords", tally.records)
    writer.member("storedRecords", stored)
    writer.member("forgottenBeforeTheirTime", report.evictions)
  }

  private static func stream(_ writer: inout Writer, _ status: Reception.Status, _ now: UInt64) {
    writer.object { writer in
      writer.key("edge")
      writer.string(status.identity.edge)
      writer.key("boot")
      writer.string(Self.hex(status.identity.boot))
      writer.member("worker", UInt64(status.identity.worker))
      counts(&writer, status.counts)
      writer.member("pending", status.pending)
      writer.member("recordsPending", status.pendingRecords)
      writer.key("edgeDropped")
      writer.object { writer in
        writer.member("full", status.losses.full)
        writer.member("oversized", status.losses.oversized)
        writer.member("refused", status.losses.refused)
      }
      writer.member("repeats", status.losses.repeats)
      writer.key("lastSeenSeconds")
      writer.number(now > status.lastSeen ? (Double(now - status.lastSeen) / 1e8).rounded() / 10 : 0)
      writer.key("lagMilliseconds")
      writer.number((Double(status.lag) / 100).rounded() / 10)
    }
  }

  private static func counts(_ writer: inout Writer, _ counts: StreamCounts) {
    writer.member("received", counts.received)
    writer.member("recovered", counts.recovered)
    writer.member("lost", counts.lost)
    writer.member("duplicates", counts.duplicates)
    writer.member("inconsistent", counts.inconsistent)
    writer.member("unknown", counts.unknown)
    writer.member("records", counts.receivedRecords)
    writer.member("recordsLost", counts.lostRecords)
    writer.member("recordsUnknown", counts.unknownRecords)
  }

  /// The records of the latest datagram, at most ten.
  private static func recent(_ report: ReceptionReport) -> [String] {
    report.latest.withBytes { bytes in
      guard case .datagram(let datagram) = Datagram.read(bytes) else { return [] }
      var lines: [String] = []
      var line = ExposureLine()
      line.begin(datagram)
      var reader = RecordReader(datagram)
      while lines.count < 10, let record = reader.next() {
        let text = [UInt8](capacity: ExposureLine.byteMax) { line.append(record, to: &$0) }
        lines.append(String(decoding: text, as: UTF8.self))
      }
      return lines
    }
  }

  private static func hex(_ value: UInt64) -> String {
    String(decoding: [UInt8](capacity: 16) { $0.append(hex: value, digits: 16) }, as: UTF8.self)
  }
}

extension Writer {
  fileprivate mutating func member(_ name: StaticString, _ value: UInt64) {
    key(name)
    integer(Int(clamping: value))
  }
}
