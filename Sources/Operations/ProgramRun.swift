// From a command line to an exit code: what every program does around the one call it makes.

package import Arguments
import Bytes
import Kernel

extension Program {
  /// Parses the command line, runs what it asks for, and ends the process with the code that `--help` documents.
  /// `isRefusal` tells errors that mean that a document was refused, or that a check found something.
  package func main(
    isRefusal: (any Error) -> Bool = { _ in false }, _ run: (Invocation) throws -> Void
  ) -> Never {
    guard Process.hasInstructions else {
      fail(
        1,
        "the processor is older than x86-64-v3 (AVX2, BMI2): build with instructionSet = [] in Package.swift")
    }
    do {
      switch try parse(Array(CommandLine.arguments.dropFirst())) {
      case .print(let text): print(text)
      case .run(let invocation): try run(invocation)
      }
      Process.end(0)
    } catch let fault as UsageFault {
      fail(2, "\(fault); \(name) --help tells more")
    } catch let fault as ConfigurationFault {
      fail(2, fault.description)
    } catch let error where isRefusal(error) {
      fail(3, "\(error)")
    } catch {
      fail(1, "\(error)")
    }
  }

  private func fail(_ code: Int32, _ message: String) -> Never {
    Array("\(name): \(message)\n".utf8).withBytes { Process.writeError($0) }
    Process.end(code)
  }
}
