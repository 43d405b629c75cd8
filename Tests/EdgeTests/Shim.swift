// What stands between a program and the system, made of Shims/NAME.c for one test.

import Kernel
import ProgramSupport

enum Shim {
  /// Makes a library in `folder`; what LD_PRELOAD must say.
  static func make(_ name: String, in folder: Folder) throws -> String {
    try compile(name, to: folder.path(name + ".so"), ["-shared", "-fPIC", "-ldl"])
  }

  /// Makes a program in `folder` that starts others.
  static func launcher(_ name: String, in folder: Folder) throws -> String {
    try compile(name, to: folder.path(name))
  }

  private static func compile(_ name: String, to path: String, _ options: [String] = []) throws -> String {
    let source = File.directory(of: #filePath) + "/Shims/\(name).c"
    try Program.check("/usr/bin/gcc", ["-O2", "-o", path, source] + options)
    return path
  }
}
