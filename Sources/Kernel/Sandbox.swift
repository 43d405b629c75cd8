// What the process gives up once it has opened what it needs. The calling thread and those that it starts from then on
// are bound, so this is called before any other thread starts; nothing takes it back.

internal import CLiburing
import Glibc

package enum Sandbox {
  /// Gives up capabilities, and the right to gain any by starting a program.
  package static func renounce() throws(SystemFailure) {
    let code = turnout_renounce()
    guard code == 0 else { throw SystemFailure("give up capabilities", code: code) }
  }

  /// Keeps what is in memory out of core files and away from debuggers of the same user.
  package static func hide() throws(SystemFailure) {
    let code = turnout_hide()
    guard code == 0 else { throw SystemFailure("prctl PR_SET_DUMPABLE", code: code) }
  }

  /// What may be done below a path.
  package enum Use: Int32, Sendable { case reading, removing, writing }

  /// Keeps the process to the files below these paths and to the TCP ports that it listens on; nothing may be executed.
  /// A path that is not there is left out. The version of Landlock that does it, 0 where the kernel has none
  /// (Linux 5.13).
  package static func keepToFiles(_ paths: [(path: String, use: Use)]) throws(SystemFailure) -> Int {
    let version = turnout_landlock_version()
    guard version > 0 else { return 0 }
    let set = turnout_landlock_begin(version)
    guard set >= 0 else { throw SystemFailure("landlock_create_ruleset", code: -set) }
    defer { Socket.close(set) }
    for (path, use) in paths {
      let code = unsafe turnout_landlock_allow(set, version, path, use.rawValue)
      guard code == 0 || code == ENOENT || code == ENOTDIR || code == EACCES else {
        throw SystemFailure("landlock_add_rule \(path)", code: code)
      }
    }
    let code = turnout_landlock_end(set)
    guard code == 0 else { throw SystemFailure("landlock_restrict_self", code: code) }
    return Int(version)
  }

  /// Has the kernel refuse calls that a proxy never makes, such as starting a program; false where it has no filters, or
  /// another one forbids them.
  package static func refuseCalls() throws(SystemFailure) -> Bool {
    let code = turnout_refuse_calls()
    if code == ENOSYS || code == EINVAL || code == EPERM { return false }
    guard code == 0 else { throw SystemFailure("seccomp", code: code) }
    return true
  }
}
