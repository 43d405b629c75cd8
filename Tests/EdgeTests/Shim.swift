// Libraries that stand between a program and the C library, made of Shims/NAME.c for one test.

import Kernel
import ProgramSupport

enum Shim {
  /// Makes the library in `folder`; what LD_PRELOAD must say.
  static func make(_ name: String, in folder: Folder) throws -> String {
    let source = File.directory(of: #filePath) + "/Shims/\(name).c"
    try Program.check(
      "/usr/bin/gcc", ["-O2", "-shared", "-fPIC", "-o", folder.path(name + ".so"), source, "-ldl"])
    return folder.path(name + ".so")
  }
}
