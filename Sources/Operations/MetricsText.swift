// The Prometheus text of a /metrics page: values in base units, and label sets that are fixed at the start.

import Arguments
package import Kernel

package struct MetricsText {
  /// The text so far.
  package private(set) var text: [UInt8] = []

  package init() {}

  package mutating func counter(_ name: String, _ help: String) { declare(name, help, "counter") }
  package mutating func gauge(_ name: String, _ help: String) { declare(name, help, "gauge") }
  package mutating func histogram(_ name: String, _ help: String) { declare(name, help, "histogram") }

  private mutating func declare(_ name: String, _ help: String, _ type: String) {
    text += Array("# HELP \(name) \(help)\n# TYPE \(name) \(type)\n".utf8)
  }

  package mutating func sample(_ name: String, _ labels: String, _ value: Double) {
    let number = Int(exactly: value).map(String.init) ?? String(value)
    text += Array("\(name)\(labels.isEmpty ? "" : "{\(labels)}") \(number)\n".utf8)
  }

  /// A counter without labels.
  package mutating func counter(_ name: String, _ help: String, _ value: Double) {
    counter(name, help)
    sample(name, "", value)
  }

  /// A gauge without labels.
  package mutating func gauge(_ name: String, _ help: String, _ value: Double) {
    gauge(name, help)
    sample(name, "", value)
  }

  /// What every program says of itself. `startedAt` is in seconds since 1970.
  package mutating func process(startedAt: Double, on backend: Backend) {
    gauge("turnout_build_info", "The version of this program.")
    sample("turnout_build_info", "version=\"\(Version.text)\"", 1)
    gauge("turnout_io_backend", "The driver that does input and output.")
    sample("turnout_io_backend", "backend=\"\(backend.rawValue)\"", 1)
    gauge("process_start_time_seconds", "When the process started, in seconds since 1970.", startedAt)
    counter(
      "process_cpu_seconds_total", "Processor time of the process, user and system.", Process.processorTime)
    if let bytes = Process.residentBytes {
      gauge("process_resident_memory_bytes", "Resident memory.", Double(bytes))
    }
  }
}
