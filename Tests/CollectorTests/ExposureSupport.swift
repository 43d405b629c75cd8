// Blocks of exposures, made by the edge's own outbox.

import Bytes
import Collector
import Exposures
import Kernel

/// One exposure as tests state it.
struct Shown: Sendable {
  var user: String
  var experiment = "e1"
  var variant = "v1"
  var environment = "prod"
  var version: Int64 = 7
  var rate = 1.0
  var isOverride = false
  /// Microseconds since 1970.
  var occurredAt: UInt64 = UInt64(now) * 1000
}

extension String {
  /// Calls `body` with the string's bytes.
  func withView<Result>(_ body: (ByteView) -> Result) -> Result { Array(utf8).withBytes(body) }
}

/// The block that holds `exposures`, each one of a decision of its own, sent by worker 3 of the edge "web-1".
func block(_ exposures: [Shown]) throws -> Block {
  var settings = Outbox.Settings()
  settings.boot = 0x00AB_CDEF_0123_4567
  settings.worker = 3
  let memory = try Memory(byteCount: settings.byteCount)
  let name = try Memory(byteCount: 5)
  name.region.copy(("web-1" as StaticString).bytes, to: 0)
  var outbox = Outbox(memory.region, edge: name.region, settings)
  for shown in exposures {
    let isRecorded = shown.user.withView { user in
      shown.environment.withView { environment in
        shown.experiment.withView { experiment in
          shown.variant.withView { variant in
            outbox.beginDecision(
              userKey: user, environment: environment, version: shown.version, occurredAt: shown.occurredAt,
              now: 0)
            return outbox.record(
              experiment: experiment, variant: variant, rate: shown.rate, isOverride: shown.isOverride,
              arm: Fingerprint.of(experiment) &+ 3 &* Fingerprint.of(variant) ^ shown.rate.bitPattern)
          }
        }
      }
    }
    precondition(isRecorded)
  }
  outbox.close(sentAt: 0)
  let block = try Block()
  for sequence in 0..<outbox.next {
    block.append(outbox.kept(sequence)!.bytes, records: Int(outbox.records(first: sequence, count: 1)))
  }
  return block
}
