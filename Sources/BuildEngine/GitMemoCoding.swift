// A memo of git's answers as a file: a line that names the version, the checksum of the rest, then fields one after the
// other, each as `<length>:<bytes>,`. Does not know what a field means to git.
import BuildGraph
import Buildfile
import Glibc

extension GitMemo {
    private static let header = Array("lmsbuild git 2\n".utf8)

    /// The memo in the absolute `file`; nil where there is none, or one that is damaged, of another version or another
    /// user's.
    static func read(_ file: BytePath) -> GitMemo? {
        guard let status = Disk.status(file), status.isFile, status.st_uid == geteuid(), status.st_mode & 0o022 == 0,
            let bytes = try? Disk.contents(of: file), bytes.starts(with: header)
        else { return nil }
        var reader = FieldReader(bytes[header.count...])
        guard let sum = reader.field(), Fingerprint.of(Array(reader.rest)).text == Array(sum) else { return nil }
        return GitMemo(&reader)
    }

    /// Replaces the absolute `file`. To lose it is no failure.
    func write(_ file: BytePath) {
        var body = FieldWriter()
        encode(&body)
        var whole = FieldWriter()
        whole.add(Fingerprint.of(body.bytes).text)
        let bytes = Self.header + whole.bytes + body.bytes
        try? FileReplacement.write(bytes, to: file, isSynced: false)
    }

    private func encode(_ body: inout FieldWriter) {
        for path in [place.top, place.commonFolder, place.gitFolder] { body.add(path.bytes) }
        body.add(place.identity)
        body.add(program)
        body.add(environment)
        body.add(watched.count)
        for file in watched { body.add(file) }
        body.add(excludesFile?.bytes ?? [])
        body.add(settings)
        body.add(configuration.text)
        body.add(idSize)
        guard let tracked else { return body.add(0) }
        body.add(1)
        body.add(tracked.root.bytes)
        body.add(tracked.index.text)
        body.add(tracked.key.text)
        body.add(tracked.hasAttributes ? 1 : 0)
        body.add(tracked.outer.count)
        for state in tracked.outer { body.add(state.text) }
        body.add(tracked.rules.text)
        body.add(tracked.ignored.count)
        for path in tracked.ignored { body.add(path.bytes) }
        body.add(tracked.submodules.count)
        for path in tracked.submodules.keys.sorted() {
            body.add(path.bytes)
            body.add(tracked.submodules[path] ?? [])
        }
    }

    private init?(_ reader: inout FieldReader) {
        guard let top = reader.path(), let common = reader.path(), let own = reader.path(),
            let identity = reader.field(), let program = reader.watched(), let environment = reader.field(),
            let watched = reader.list({ $0.watched() }), let excludes = reader.path(), let settings = reader.field(),
            let configuration = reader.fingerprint(), let idSize = reader.number(), [20, 32].contains(idSize),
            let hasTracked = reader.number()
        else { return nil }
        place = GitPlace(top: top, commonFolder: common, gitFolder: own, identity: Array(identity))
        self.program = program
        self.environment = Array(environment)
        self.watched = watched
        excludesFile = excludes.isEmpty ? nil : excludes
        self.settings = Array(settings)
        self.configuration = configuration
        self.idSize = idSize
        if hasTracked == 0 { return }
        guard let root = reader.path(), let index = reader.state(), let key = reader.fingerprint(),
            let hasAttributes = reader.number(), let outer = reader.list({ $0.state() }),
            let rules = reader.fingerprint(),
            let ignored = reader.list({ $0.path() }),
            let submodules = reader.list({ reader in
                reader.path().flatMap { path in reader.field().map { (path, Array($0)) } }
            })
        else { return nil }
        tracked = Tracked(
            root: root, index: index, key: key, hasAttributes: hasAttributes != 0, outer: outer, rules: rules,
            ignored: ignored,
            submodules: Dictionary(submodules, uniquingKeysWith: { first, _ in first }))
    }
}

private struct FieldWriter {
    var bytes: [UInt8] = []

    mutating func add(_ field: [UInt8]) {
        bytes += Array("\(field.count):".utf8) + field + [UInt8(ascii: ",")]
    }

    mutating func add(_ number: Int) { add(Array("\(number)".utf8)) }

    mutating func add(_ file: GitMemo.Watched) {
        add(file.path.bytes)
        add(file.state.text)
    }
}

/// Everything is nil past the end or where it is of another form.
private struct FieldReader {
    private(set) var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    mutating func field() -> ArraySlice<UInt8>? {
        guard let colon = rest.prefix(20).firstIndex(of: UInt8(ascii: ":")),
            let length = Int(String(decoding: rest[..<colon], as: UTF8.self)), length >= 0,
            length < rest.endIndex - colon - 1, rest[colon + 1 + length] == UInt8(ascii: ",")
        else { return nil }
        defer { rest = rest[(colon + length + 2)...] }
        return rest[(colon + 1)..<(colon + 1 + length)]
    }

    mutating func path() -> BytePath? { field().map { BytePath(bytes: Array($0)) } }

    mutating func number() -> Int? { field().flatMap { Int(String(decoding: $0, as: UTF8.self)) } }

    mutating func state() -> FileState? { field().flatMap { FileState(text: $0) } }

    mutating func fingerprint() -> Fingerprint? { field().flatMap { Fingerprint(text: $0) } }

    mutating func watched() -> GitMemo.Watched? {
        guard let path = path(), let state = state() else { return nil }
        return GitMemo.Watched(path: path, state: state)
    }

    mutating func list<Element>(_ next: (inout FieldReader) -> Element?) -> [Element]? {
        guard let count = number(), count >= 0 else { return nil }
        var found: [Element] = []
        while found.count < count {
            guard let element = next(&self) else { return nil }
            found.append(element)
        }
        return found
    }
}

extension Fingerprint {
    var text: [UInt8] { Array("\(high) \(low)".utf8) }

    fileprivate init?(text: ArraySlice<UInt8>) {
        let words = text.split(separator: 32).compactMap { UInt64(String(decoding: $0, as: UTF8.self)) }
        guard words.count == 2 else { return nil }
        self.init(high: words[0], low: words[1])
    }
}

extension FileState {
    var text: [UInt8] {
        switch self {
        case .absent: Array("absent".utf8)
        case .unknown: Array("unknown".utf8)
        case .present(let status):
            Array("\(status.device) \(status.inode) \(status.size) \(status.modified) \(status.changed)".utf8)
        }
    }

    fileprivate init?(text: ArraySlice<UInt8>) {
        if text.elementsEqual("absent".utf8) {
            self = .absent
            return
        }
        let words = text.split(separator: 32).map { String(decoding: $0, as: UTF8.self) }
        guard words.count == 5, let device = UInt64(words[0]), let inode = UInt64(words[1]),
            let size = Int64(words[2]), let modified = Int64(words[3]), let changed = Int64(words[4])
        else {
            self = .unknown
            return
        }
        self = .present(
            FileStatus(device: device, inode: inode, size: size, modified: modified, changed: changed))
    }
}
