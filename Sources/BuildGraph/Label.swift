/// `component:stage`, or `component:verify[consumer]`: the name of a target.
package struct Label: Sendable, Hashable, Comparable, CustomStringConvertible {
    package let component: String
    package let stage: String
    /// The consumer of a `verify` instance.
    package let consumer: String?

    package init(component: String, stage: String, consumer: String? = nil) {
        self.component = component
        self.stage = stage
        self.consumer = consumer
    }

    package var description: String {
        // Added up: an interpolation takes several times as long, and labels are shown by the thousand.
        let text = component + ":" + stage
        return consumer.map { text + "[" + $0 + "]" } ?? text
    }

    package static func < (left: Label, right: Label) -> Bool {
        (left.component, left.stage, left.consumer ?? "") < (right.component, right.stage, right.consumer ?? "")
    }
}

/// The digest of an action: keys the action cache.
package struct ActionKey: Sendable, Hashable {
    package let digest: Digest

    package init(_ digest: Digest) {
        self.digest = digest
    }
}
