// The choice of a driver, said once in the log where it is not the faster one.

package import Kernel

extension Backend {
  /// As ``choose(_:)``.
  package static func chooseAloud(_ wanted: Backend?) throws(SystemFailure) -> Backend {
    let (backend, refusal) = try choose(wanted)
    if let refusal {
      Log.write(
        .warning, "no_io_uring",
        ["driver": .text(backend.rawValue), "reason": .text(refusal.description)])
    }
    return backend
  }
}
