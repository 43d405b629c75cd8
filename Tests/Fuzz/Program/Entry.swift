// What libFuzzer calls with each input: the law of the target that `--target=NAME` names.

import Bytes
import Laws

/// libFuzzer has one thread, and leaves alone what begins with two hyphens.
nonisolated(unsafe) private let law: any Law = {
  let name = CommandLine.arguments.compactMap { argument in
    argument.hasPrefix("--target=") ? String(argument.dropFirst("--target=".count)) : nil
  }.first
  guard let target = name.flatMap(Target.init(rawValue:)) else {
    fatalError("name a target: --target=\(Target.allCases.map(\.rawValue).joined(separator: "|"))")
  }
  do {
    return try target.law()
  } catch {
    fatalError("\(error)")
  }
}()

/// Holds one input against the law; a law that is broken ends the process, which is what a finding is.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafeRawPointer, _ count: Int) -> CInt {
  do {
    try unsafe law.check(count == 0 ? .empty : ByteView(start: start, count: count))
  } catch {
    fatalError("broken: \(error)")
  }
  return 0
}
