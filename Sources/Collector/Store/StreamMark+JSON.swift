// Stream marks as JSON: in the journal of a segment and in marks.json.

import Bytes
import Exposures
import JSON

extension StreamMark {
  private static var counters: [(StaticString, WritableKeyPath<StreamCounts, UInt64>)] {
    [
      ("received", \.received), ("recovered", \.recovered), ("lost", \.lost), ("duplicates", \.duplicates),
      ("inconsistent", \.inconsistent), ("receivedRecords", \.receivedRecords),
      ("lostRecords", \.lostRecords), ("unknown", \.unknown),
      ("unknownRecords", \.unknownRecords),
    ]
  }

  /// Writes the members of an object.
  func writeMembers(to writer: inout Writer) {
    writer.key("edge")
    writer.string(stream.edge)
    writer.key("boot")
    let boot = [UInt8](capacity: 16) { $0.append(hex: stream.boot, digits: 16) }
    boot.withBytes { writer.string($0) }
    writer.key("worker")
    writer.integer(Int(stream.worker))
    writer.key("next")
    writer.integer(Int(next))
    writer.key("records")
    writer.integer(Int(records))
    writer.key("contact")
    writer.integer(Int(contact))
    writer.key("missing")
    writer.array(missing) { writer, run in
      let (datagrams, records) = (run.datagrams, run.records)
      writer.array(
        [datagrams.lowerBound, records.lowerBound, datagrams.upperBound, records.upperBound]
      ) { $0.integer(Int($1)) }
    }
    for (name, place) in Self.counters where counts[keyPath: place] > 0 {
      writer.key(name)
      writer.integer(Int(counts[keyPath: place]))
    }
  }

  /// nil if the object is none that ``writeMembers(to:)`` wrote.
  init?(_ object: Element) {
    guard let edge = object["edge"]?.text, let boot = object["boot"]?.text.flatMap({ UInt64($0, radix: 16) }),
      let worker = object["worker"]?.integer.flatMap({ UInt16(exactly: $0) }),
      let next = object["next"]?.count, let records = object["records"]?.count,
      let contact = object["contact"]?.count
    else { return nil }
    var missing: [MissingRun] = []
    for run in object["missing"]?.elements.map({ $0.elements.compactMap(\.count) }) ?? [] {
      guard run.count == 4,
        let missed = MissingRun(from: run[0], recordsBefore: run[1], to: run[2], recordsBefore: run[3])
      else { return nil }
      missing.append(missed)
    }
    var counts = StreamCounts()
    for (name, place) in Self.counters { counts[keyPath: place] = object[name]?.count ?? 0 }
    self.init(
      stream: StreamIdentity(edge: edge, boot: boot, worker: worker), next: next, records: records,
      contact: contact, missing: missing, counts: counts)
  }
}

extension Element {
  /// A number from 0.
  var count: UInt64? { integer.flatMap { UInt64(exactly: $0) } }
}
