// How far the process is on its way to its end: one word that the main thread moves on and the others look at.

import Publication

package struct Life: Sendable {
  package enum Stage: UInt64, Sendable {
    case serving
    /// A successor has the listeners too and is getting ready: what is kept on the disk is its business now.
    case handing
    /// The end is near: /ready says so, and everything else goes on, so that whoever spreads requests can look away.
    case announced
    /// Nothing is accepted any more; what is under way is answered.
    case ending
    /// The same, but the listeners live on in the successor, as does the admin port.
    case handedOver
  }

  private let word = SharedWord()

  package var stage: Stage {
    // Only stages are ever stored.
    get { Stage(rawValue: word.value)! }
    nonmutating set { word.value = newValue.rawValue }
  }

  /// Whether /ready has to say no. A successor says yes by then, and who asks does not care which one answers.
  var isEnding: Bool { isDraining ? !isHandedOver : word.value == Stage.announced.rawValue }

  /// Whether workers have to end; looked at in every turn.
  @inline(always)
  var isDraining: Bool { word.value >= Stage.ending.rawValue }

  var isHandedOver: Bool { word.value == Stage.handedOver.rawValue }

  /// Whether a successor writes to the state directory.
  var hasSuccessor: Bool {
    switch stage {
    case .handing, .handedOver: true
    case .serving, .announced, .ending: false
    }
  }
}
