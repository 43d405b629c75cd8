// What a figure counts with: the machine it was measured on, the day, and the command.

import Bytes
import Glibc
import JSON
import Kernel

package struct Machine {
  package var kernel: String
  package var processor: String
  /// Processors of the machine, however few of them the caller keeps to.
  package var cores: Int
  package var date: String
  package var command: [String]

  package init(kernel: String, processor: String, cores: Int, date: String, command: [String]) {
    self.kernel = kernel
    self.processor = processor
    self.cores = cores
    self.date = date
    self.command = command
  }

  /// This machine, now, and this process.
  package init() {
    func lines(_ path: String) -> [Substring] {
      String(decoding: (try? File.readVirtual(path)) ?? [], as: UTF8.self).split(separator: "\n")
    }
    let model = lines("/proc/cpuinfo").first { $0.hasPrefix("model name") }?.split(separator: ":").last
    self.init(
      kernel: lines("/proc/sys/kernel/osrelease").first.map(String.init) ?? "unknown",
      processor: model.map { String($0.drop { $0 == " " }) } ?? "unknown",
      cores: sysconf(Int32(_SC_NPROCESSORS_ONLN)),
      date: Timestamp.text(milliseconds: Double(Clock.wall() / 1_000_000)),
      command: CommandLine.arguments)
  }

  /// The members `machine`, `date` and `command`.
  func write(to writer: inout Writer) {
    writer.key("machine")
    writer.object { writer in
      writer.key("kernel")
      writer.string(kernel)
      writer.key("processor")
      writer.string(processor)
      writer.key("cores")
      writer.integer(cores)
    }
    writer.key("date")
    writer.string(date)
    writer.key("command")
    writer.array(command) { writer, word in writer.string(word) }
  }
}
