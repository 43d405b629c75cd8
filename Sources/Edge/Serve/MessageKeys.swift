// The keys that a worker tags with, all of them made of the key files, and made anew when these are read again.

import Kernel
import Operations
import Publication
import Trust

final class MessageKeys: Sendable {
  /// Of decision ids. Without a key file nobody can verify them; they are still unlike any other.
  let tokens: MessageKey
  /// Of exposure datagrams; nil leaves them without a tag.
  let datagrams: MessageKey?
  /// Of what users keep.
  let stickies: MessageKey

  /// Those of a configuration that takes the place of the one that `former` was made of. Whether datagrams have a tag
  /// stays as it was.
  init(_ configuration: Configuration, former: MessageKeys? = nil) throws {
    let key = try configuration.exposures.key.map { try Self.read($0, of: "exposures.keyFile") }
    if let former, (key == nil) != (former.datagrams == nil) {
      tokens = former.tokens
      datagrams = former.datagrams
    } else {
      tokens = key?.derived(for: "decision tokens") ?? former?.tokens ?? Self.random
      datagrams = key?.derived(for: "exposure datagrams")
    }
    let stickyKey = try configuration.visitors.key.map { try Self.read($0, of: "visitors.keyFile") }
    stickies = stickyKey?.derived(for: "sticky assignments") ?? former?.stickies ?? Self.random
  }

  private static var random: MessageKey { MessageKey(SecureRandom.bytes(32)) }

  static func read(_ path: String, of setting: String) throws -> MessageKey {
    let file = try File.read(path, limit: 4096)
    do throws(TrustFailure) {
      return try MessageKey(decoding: file)
    } catch {
      throw ConfigurationFault(setting, "\(path): \(error)")
    }
  }

  /// Gives every worker the keys anew when the configuration is read again.
  func reload(_ mailboxes: [Mailbox<MessageKeys>]) -> Reloads.Part {
    { [self] configuration in
      let keys = try MessageKeys(configuration, former: self)
      return { for mailbox in mailboxes { mailbox.put(keys) } }
    }
  }
}
