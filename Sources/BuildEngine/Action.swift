package import BuildGraph
package import Buildfile

/// A file an action reads, at its place in the workspace.
package struct ActionInput: Sendable, Hashable {
    /// Relative to the workspace's root.
    package let path: BytePath
    package let kind: FileKind
    package let digest: Digest

    package init(path: BytePath, kind: FileKind, digest: Digest) {
        self.path = path
        self.kind = kind
        self.digest = digest
    }
}

/// A place an action must fill.
package struct ActionOutput: Sendable, Hashable, Comparable {
    /// Relative to the workspace's root, without a trailing `/`.
    package let path: BytePath
    /// Declared with a trailing `/`: every file below it is an output.
    package let isFolder: Bool

    package init(path: BytePath, isFolder: Bool) {
        self.path = path
        self.isFolder = isFolder
    }

    package static func < (left: ActionOutput, right: ActionOutput) -> Bool { left.path < right.path }
}

/// What an action runs.
package enum ActionCommand: Sendable, Hashable {
    /// `interpreter + [script file]`, in `folder` (relative to the workspace's root).
    case recipe(interpreter: [String], script: String, folder: BytePath)
    /// The built-in image action.
    case image(ImageRequest)
}

/// What the built-in image action is asked for. Its files are the action's `inputs`, laid out as the build context.
package struct ImageRequest: Sendable, Hashable {
    /// `registry/name` without the tag.
    package let repository: String
    /// 64 hex digits: the target's input hash.
    package let tag: String
    /// Relative to the workspace's root.
    package let context: BytePath
    /// Handed to the engine beside the context: it is in the context only where the action's inputs hold it too.
    package let dockerfile: ActionInput
    /// The `[target STAGE]`, or nil for the last stage.
    package let targetStage: String?
    /// `[arg]` values and the references of image prerequisites (`base` = `registry/base:<tag>`), sorted by name.
    /// The driver replaces those of `imageArguments` by a reference pinned by digest.
    package let arguments: [String: String]
    /// Names in `arguments` whose value is an image reference built by another target.
    package let imageArguments: Set<String>
    /// `os/arch[/variant]`, empty for the machine's own.
    package let platforms: [String]
    /// Names of images from elsewhere as the Dockerfile has them → the digests to take in their place.
    package var pins: [String: String] = [:]

    package init(
        repository: String, tag: String, context: BytePath, dockerfile: ActionInput, targetStage: String?,
        arguments: [String: String], imageArguments: Set<String>, platforms: [String]
    ) {
        self.repository = repository
        self.tag = tag
        self.context = context
        self.dockerfile = dockerfile
        self.targetStage = targetStage
        self.arguments = arguments
        self.imageArguments = imageArguments
        self.platforms = platforms
    }

    /// `repository:tag`.
    package var reference: String { repository + ":" + tag }
}

/// One command with its inputs, environment and outputs: all that may influence its result.
package struct Action: Sendable {
    package let label: Label
    package let command: ActionCommand
    /// Sorted by path.
    package let inputs: [ActionInput]
    /// Hashed variables the recipe gets.
    package let environment: [String: String]
    /// `pass` and `secret` names with their values: given to the recipe, never hashed, stored or logged.
    package let unhashedEnvironment: [String: String]
    /// Names in `unhashedEnvironment` whose values must never be seen in a log.
    package let secretNames: Set<String>
    /// Sorted by path.
    package let outputs: [ActionOutput]
    package let attributes: ActionAttributes

    package init(
        label: Label, command: ActionCommand, inputs: [ActionInput], environment: [String: String],
        unhashedEnvironment: [String: String], secretNames: Set<String>, outputs: [ActionOutput],
        attributes: ActionAttributes
    ) {
        self.label = label
        self.command = command
        self.inputs = inputs
        self.environment = environment
        self.unhashedEnvironment = unhashedEnvironment
        self.secretNames = secretNames
        self.outputs = outputs
        self.attributes = attributes
    }

    /// The same action but for what is given.
    func with(
        command: ActionCommand? = nil, inputs: [ActionInput]? = nil, environment: [String: String]? = nil,
        unhashedEnvironment: [String: String]? = nil, attributes: ActionAttributes? = nil
    ) -> Action {
        Action(
            label: label, command: command ?? self.command, inputs: inputs ?? self.inputs,
            environment: environment ?? self.environment,
            unhashedEnvironment: unhashedEnvironment ?? self.unhashedEnvironment,
            secretNames: secretNames, outputs: outputs, attributes: attributes ?? self.attributes)
    }
}

/// How an action runs; none of it names what the action makes.
package struct ActionAttributes: Sendable, Hashable {
    /// Nil: no limit.
    package var timeout: Duration?
    /// Further tries after a failure.
    package var retries = 0
    package var network = false
    /// Folders that survive between runs of this target, relative to the workspace's root, or absolute (`~/…` expanded).
    package var keep: [BytePath] = []
    /// `[report junit GLOB]`: globs of files, relative to the workspace's root, kept although they are no outputs.
    package var reports: [BytePath] = []
    /// Absolute paths of files that the sandbox shows wherever they lie: the verifier and its libraries.
    package var programs: [BytePath] = []
    /// Inputs that are not the workspace's own: copies that `$contract` names, in this order. Where the recipe runs in the
    /// workspace itself they lie in its private folder.
    package var copies: [BytePath] = []
    /// It asks a container engine, which no sandbox lets through: it runs in the workspace itself.
    package var asksEngine = false

    package init() {}
}

/// One file or link an action has put out, with its content in the store.
package struct OutputFile: Sendable, Hashable {
    package let path: BytePath
    /// `.file`, `.executable` or `.link`; a link's digest is of its text.
    package let kind: FileKind
    package let digest: Digest

    package init(path: BytePath, kind: FileKind, digest: Digest) {
        self.path = path
        self.kind = kind
        self.digest = digest
    }
}

/// What running an action came to. A failing command is a result; a broken tool is an error.
package struct ActionResult: Sendable, Hashable {
    /// The command's exit status, 128+n where signal n ended it; 0 is success.
    package let exitCode: Int32
    /// Sorted by path; for an image empty.
    package let outputs: [OutputFile]
    /// The image's digest (`sha256:…` of its manifest) where the action is an image.
    package let imageDigest: String?
    /// Standard output and error as they came, masked; in the store.
    package let log: Digest?
    package let duration: Duration
    /// What its reports say; nil where the rule has none.
    package var reports: ActionReports?

    package init(
        exitCode: Int32, outputs: [OutputFile], imageDigest: String?, log: Digest?, duration: Duration,
        reports: ActionReports? = nil
    ) {
        self.exitCode = exitCode
        self.outputs = outputs
        self.imageDigest = imageDigest
        self.log = log
        self.duration = duration
        self.reports = reports
    }
}

extension ActionResult {
    /// Of a verification that had nothing left to verify.
    static let verified = ActionResult(exitCode: 0, outputs: [], imageDigest: nil, log: nil, duration: .zero)
}

/// Why a run of an action gives no result that may be kept.
package struct ActionFailure: Error, Sendable, Hashable {
    package enum Kind: String, Sendable, Hashable {
        /// The command ended with a status other than 0.
        case failed
        case timeout
        case outOfMemory = "oom"
        case missingOutput = "missing-output"
        /// Something was written outside the declared outputs.
        case undeclaredOutput = "undeclared-output"
        case gate
        /// A tool, the sandbox, the disk or a permission: the machine's fault (exit 36).
        case machine
        /// An engine or a server that was needed cannot be used (exit 34).
        case unavailable
        case interrupted
    }

    package let kind: Kind
    package let diagnostic: Diagnostic
    /// Nil where no command was run.
    package let exitCode: Int32?
    /// What the command printed, masked, at most the store's log limit.
    package let output: [UInt8]
    package var duration: Duration
    /// The files that the rule's `[report]` names, as far as the command wrote them; in the store.
    package var reports: [OutputFile] = []

    package init(
        kind: Kind, diagnostic: Diagnostic, exitCode: Int32? = nil, output: [UInt8] = [], duration: Duration = .zero
    ) {
        self.kind = kind
        self.diagnostic = diagnostic
        self.exitCode = exitCode
        self.output = output
        self.duration = duration
    }
}
