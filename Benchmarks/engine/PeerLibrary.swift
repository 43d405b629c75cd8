// The shared libraries of peers' engines, in the Python packages that carry them (`.ci/setup bench`), and the C strings
// that they take.

import Glibc
import Kernel

/// Safe because a library once loaded stays.
@safe struct PeerLibrary: @unchecked Sendable {
  /// The package's name and version.
  let name: String
  private let handle: UnsafeMutableRawPointer

  /// The library at `path` of the package; nil if it is not installed, or not for this kind of processor.
  init?(_ package: String, _ path: String) {
    let libraries = ".build/python-bench/lib"
    guard let python = try? File.names(in: libraries).first(where: { $0.hasPrefix("python3") }) else {
      return nil
    }
    let packages = "\(libraries)/\(python)/site-packages"
    let prefix = package + "-"
    guard let record = try? File.names(in: packages).first(where: { $0.hasPrefix(prefix) }),
      let handle = unsafe dlopen("\(packages)/\(path)", RTLD_NOW | RTLD_LOCAL)
    else { return nil }
    unsafe self.handle = handle
    name = package + " " + record.dropFirst(prefix.count).replacing(".dist-info", with: "")
  }

  /// The function called `name`, whose C type must be `Function`.
  func function<Function>(_ name: String, as type: Function.Type = Function.self) -> Function {
    guard let address = unsafe dlsym(handle, name) else { preconditionFailure("\(self.name) has no \(name)") }
    return unsafe unsafeBitCast(address, to: type)
  }
}

/// Strings as C has them, alive as long as the process.
@safe struct CStrings {
  private let pointers: [UnsafeMutablePointer<CChar>]

  init(_ strings: [String]) {
    unsafe pointers = strings.map { unsafe strdup($0) }
  }

  subscript(_ index: Int) -> UnsafeMutablePointer<CChar> { unsafe pointers[index] }
}
