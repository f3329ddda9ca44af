// What a look at the workspace asks of whoever has watched it meanwhile. Does not know who that is, nor how it is asked.
import Buildfile

/// A path of the workspace at which the disk may have something else than at an earlier moment.
package struct Suspect: Sendable, Hashable {
    package enum Kind: UInt8, Sendable {
        /// The file of this name: its content, its mode, or whether it is there.
        case file = 1
        /// The folder's own list of names, times and mode.
        case folder = 2
        /// The folder with all that is below it: it may be another one.
        case tree = 3
    }

    /// Relative to the workspace's root.
    package let path: BytePath
    package let kind: Kind

    package init(_ kind: Kind, _ path: BytePath) {
        self.kind = kind
        self.path = path
    }
}

/// Which state is asked about: the root folder itself, and the base that was written of it.
package struct BaseIdentity: Sendable, Hashable {
    /// Absolute.
    package let root: BytePath
    package let device: UInt64
    package let inode: UInt64
    /// Another for each base that is written.
    package let generation: Fingerprint
    /// How many files the base has.
    package let count: Int

    package init(root: BytePath, device: UInt64, inode: UInt64, generation: Fingerprint, count: Int) {
        self.root = root
        self.device = device
        self.inode = inode
        self.generation = generation
        self.count = count
    }
}

/// What the one who watched has to say.
package enum ChangeAnswer: Sendable {
    /// Nobody watches.
    case nobody
    /// Somebody does, but cannot be believed now: why.
    case doubt(String)
    /// It has watched everything since the moment `clock`, which is now, and knows of nothing before: why.
    case fromNow(clock: [UInt8], String)
    /// Nothing but `suspects` may have changed between the moment that was asked for and the moment `clock`, which is now.
    case since(clock: [UInt8], [Suspect])
}

/// Somebody who has watched the workspace while nobody looked.
package protocol ChangeSource: Sendable {
    /// Names who gave a clock: clocks of others mean nothing.
    var name: String { get }
    /// What may have changed since `clock`, which an earlier answer gave; nil for a first question. Bounded in time.
    func changes(of base: BaseIdentity, since clock: [UInt8]?) -> ChangeAnswer
}
