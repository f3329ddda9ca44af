// Which tracked files git converts between the disk and its store, and to what: by git, by reading, and by what is remembered of
// both. Does not know what is done with the answer.
import BuildGraph
import Buildfile
import Glibc

/// One look at all tracked files of a workspace that git may convert. A file that is as it was when it was looked at before is
/// neither read nor asked for.
struct ConversionPass: Sendable {
    private let repository: GitRepository
    private let disk: WorkingTree
    private let prefix: BytePath
    private let settings: CheckoutSettings
    private let memo: ConversionMemo
    private let tracked: TrackedFiles
    /// Whether what becomes of a file may be taken from the memo, and be kept in it.
    private let isRemembering: Bool
    /// Whether all attributes are on disk.
    private let hasAttributesOnDisk: Bool

    private static let portion = 1 << 16
    private static let slash = UInt8(ascii: "/")
    private static let names = ["text", "crlf", "eol", "working-tree-encoding", "ident", "filter"]

    /// What a class of attributes has git do.
    private enum Handling {
        case nothing
        case largeFile
        case driver
        case lineEnds
        case rewriting
    }

    /// Nil where git's index cannot be understood.
    init?(
        _ repository: GitRepository, _ disk: WorkingTree, _ prefix: BytePath, _ settings: CheckoutSettings,
        _ answers: GitAnswers?, _ memo: ConversionMemo
    ) async throws {
        self.repository = repository
        self.disk = disk
        self.prefix = prefix
        self.settings = settings
        self.memo = memo
        let idSize = try await repository.idSize(answers)
        guard let folder = GitFolder.of(repository.top),
            let tracked = TrackedFiles(folder.appending("index"), idSize: idSize, of: disk, below: prefix)
        else { return nil }
        self.tracked = tracked
        // Of attributes that are staged and not on disk 'check-attr' knows and 'hash-object' does not: what comes of both
        // together depends on more than a key names.
        hasAttributesOnDisk = tracked.attributeFiles.allSatisfy {
            Disk.status(repository.top.appending($0))?.isFile == true
        }
        isRemembering = hasAttributesOnDisk && memo.isKept
    }

    func run() async throws -> (stored: [BytePath: CheckedOutTree.Stored], pointers: Set<BytePath>) {
        let key = memo.isKept ? attributesKey : nil
        var classes: PathClasses
        var isLasting = key != nil
        if let key, let known = memo.classes(key, count: tracked.count) {
            classes = known
        } else {
            classes = try await askedClasses()
            // What was asked is of the same files only if they are still as they were.
            isLasting = isLasting && attributesKey == key && tracked.isIndexAsItWas
        }
        let handlings = classes.texts.map(handling)
        var found = GitRepository.Findings()
        try await takeDrivers(classes, handlings, &found)
        let asked = try await takeConversions(classes, handlings, &found)
        memo.save(asked: asked, classes: key.flatMap { isLasting ? ($0, classes) : nil })
        return (found.stored, found.pointers)
    }

    // MARK: Attributes

    /// Names the paths and everything that their attributes come from; nil where that may change without showing.
    private var attributesKey: Fingerprint? {
        if settings.namesAttributesFile { return nil }
        let moment = tracked.moment
        var writer = PackedWriter(bytes: [])
        writer.add(tracked.key.text)
        for file in attributeFiles {
            let state = FileState.of(file, followingLinks: false).settled(at: moment)
            if state == .unknown { return nil }
            writer.add(state.text)
        }
        return Fingerprint.of(writer.bytes)
    }

    private var attributeFiles: [BytePath] { outerAttributeFiles + innerAttributeFiles }

    /// Those that speak of all paths.
    private var outerAttributeFiles: [BytePath] {
        let asker = repository.asker
        var files = [BytePath("/etc/gitattributes"), repository.commonFolder.appending("info/attributes")]
        files += CheckoutSettings.ownAttributes(asker)
        if let path = asker.environment["PATH"], let program = ProgramSearch(path: path).file(named: "git") {
            files.append(BytePath(program).parent.parent.appending("etc/gitattributes"))
        }
        var above = prefix
        while !above.isEmpty {
            above = above.parent
            files.append(repository.top.appending(above).appending(".gitattributes"))
        }
        return files
    }

    /// Those in the folders that lead to the paths, of which hardly any is there.
    private var innerAttributeFiles: [BytePath] {
        let root = repository.top.appending(prefix)
        return tracked.folders.map { root.appending($0).appending(".gitattributes") }
    }

    /// The attributes of all paths, by git: of one path of each kind where the kinds can be told, or of each.
    private func askedClasses() async throws -> PathClasses {
        guard let kinds = pathKinds() else { return try await askedClasses(of: tracked.count) { $0 } }
        let asked = try await askedClasses(of: kinds.first.count) { kinds.first[$0] }
        return PathClasses(texts: asked.texts, numbers: kinds.numbers.map { asked.numbers[Int($0)] })
    }

    /// For each path the number of its kind, and of each kind the first path; nil where they cannot be told.
    private func pathKinds() -> (numbers: [UInt32], first: [Int])? {
        guard hasAttributesOnDisk, !settings.namesAttributesFile else { return nil }
        let inner = innerAttributeFiles
        let isThere = Threads.map(inner.count) { Disk.status(inner[$0]) != nil }
        let files = zip(inner, isThere).filter(\.1).map(\.0)
        guard let patterns = AttributePatterns(outerAttributeFiles + files, wanted: Self.names) else { return nil }
        let root = repository.top.appending(prefix)
        let folders = Set(files.compactMap { $0.parent.relative(to: root) })
        var kinds: [[UInt8]: UInt32] = [:]
        var numbers: [UInt32] = []
        numbers.reserveCapacity(tracked.count)
        var first: [Int] = []
        var key: [UInt8] = []
        var (folder, nearest): ([UInt8], [UInt8]) = ([], folders.contains(.root) ? [Self.slash] : [])
        for place in 0..<tracked.count {
            disk.entries.withPath(tracked.position(place)) { path in
                let cut = path.lastIndex(of: Self.slash)
                let parent = path[..<(cut ?? 0)]
                if !parent.elementsEqual(folder) {
                    folder = Array(parent)
                    nearest = Self.nearest(to: BytePath(bytes: folder), in: folders)
                }
                key.removeAll(keepingCapacity: true)
                key += nearest
                // No path has a zero byte.
                key.append(0)
                patterns.add(UnsafeRawBufferPointer(rebasing: path[(cut.map { $0 + 1 } ?? 0)...]), to: &key)
            }
            if let known = kinds[key] {
                numbers.append(known)
            } else {
                let number = UInt32(truncatingIfNeeded: first.count)
                kinds[key] = number
                numbers.append(number)
                first.append(place)
            }
        }
        return (numbers, first)
    }

    /// What stands for the last folder on the way to `folder`, itself included, that is among `folders`.
    private static func nearest(to folder: BytePath, in folders: Set<BytePath>) -> [UInt8] {
        if folders.isEmpty { return [] }
        var folder = folder
        while !folders.contains(folder) {
            if folder.isEmpty { return [] }
            folder = folder.parent
        }
        return [Self.slash] + folder.bytes
    }

    /// The attributes of `count` paths: those at the places that `place` gives.
    private func askedClasses(of count: Int, _ place: (Int) -> Int) async throws -> PathClasses {
        var classes = PathClasses(texts: [], numbers: [])
        classes.numbers.reserveCapacity(count)
        var numbers: [[UInt8]: UInt16] = [:]
        for start in stride(from: 0, to: count, by: Self.portion) {
            let asked = start..<min(count, start + Self.portion)
            var command = repository.asker.command(["check-attr", "-z", "--stdin"] + Self.names)
            for number in asked { command.input += prefix.appending(path(place(number))).bytes + [0] }
            let result = try await repository.runner.run(command)
            guard result.succeeded else { throw repository.asker.refusal("check-attr", result) }
            var answers = AttributeAnswers(result.output)
            for _ in asked {
                let text = answers.next(of: Self.names.count)
                var number = numbers[text]
                if number == nil {
                    number = UInt16(clamping: classes.texts.count)
                    numbers[text] = number
                    classes.texts.append(text)
                }
                classes.numbers.append(number ?? 0)
            }
            guard answers.isAtEnd, classes.texts.count < Int(UInt16.max) else {
                throw repository.asker.refusal("check-attr", result)
            }
        }
        return classes
    }

    private func handling(_ text: [UInt8]) -> Handling {
        var own: [String: String] = [:]
        for attribute in text.split(separator: 0) {
            let parts = attribute.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { continue }
            own[String(decoding: parts[0], as: UTF8.self)] = String(decoding: parts[1], as: UTF8.self)
        }
        if let filter = own["filter"], !["unset", "set"].contains(filter) {
            return filter == "lfs" ? .largeFile : .driver
        }
        guard settings.mayConvert(own) else { return .nothing }
        return own["ident"] == "set" || own["working-tree-encoding"] != nil ? .rewriting : .lineEnds
    }

    // MARK: Files

    private func path(_ place: Int) -> BytePath { disk.entries[tracked.position(place)].path }

    /// Files that programs convert.
    private func takeDrivers(
        _ classes: PathClasses, _ handlings: [Handling], _ found: inout GitRepository.Findings
    ) async throws {
        var driven: [BytePath] = []
        var staged: [BytePath: GitRepository.StagedEntry] = [:]
        for (place, number) in classes.numbers.enumerated() {
            switch handlings[Int(number)] {
            case .largeFile: try repository.takeLargeFile(path(place), disk, &found)
            case .driver:
                let path = path(place)
                driven.append(path)
                if let id = tracked.id(place) { staged[path] = (disk.entries.kind(tracked.position(place)), id) }
            default: break
            }
        }
        if !driven.isEmpty { try await repository.takeFiltered(driven, disk, prefix, staged, &found) }
    }

    /// Files that git itself converts; gives the keys of all of them, where they are remembered.
    private func takeConversions(
        _ classes: PathClasses, _ handlings: [Handling], _ found: inout GitRepository.Findings
    ) async throws -> [Fingerprint] {
        var keys: [Fingerprint] = []
        for start in stride(from: 0, to: tracked.count, by: Self.portion) {
            let places = (start..<min(tracked.count, start + Self.portion)).filter {
                let handling = handlings[Int(classes.numbers[$0])]
                return handling == .lineEnds || handling == .rewriting
            }
            guard isRemembering else {
                let learned = try await learned(places, classes, handlings)
                for (place, form) in zip(places, learned) {
                    if let form, form != .asItLies { try await take(form, path(place), &found) }
                }
                continue
            }
            let known = Threads.map(places.count) { number in
                let place = places[number]
                let text = classes.texts[Int(classes.numbers[place])]
                let key = disk.statusKey(tracked.position(place), with: text + [0] + tracked.idBytes(place))
                return Remembered(place: place, key: key, form: memo.form(key))
            }
            for file in known {
                keys.append(file.key)
                if let form = file.form { try await take(form, path(file.place), &found) }
            }
            let unknown = known.filter { $0.form == nil }
            let learned = try await learned(unknown.map(\.place), classes, handlings)
            for (file, form) in zip(unknown, learned) {
                guard let form else { continue }
                let path = path(file.place)
                if disk.isAsLookedAt(path) { memo.record(file.key, form) }
                try await take(form, path, &found)
            }
        }
        return keys
    }

    private struct Remembered: Sendable {
        let place: Int
        let key: Fingerprint
        let form: StoredForm?
    }

    private func take(_ form: StoredForm, _ path: BytePath, _ found: inout GitRepository.Findings) async throws {
        switch form {
        case .asItLies: break
        case .lineEnds(let digest, let blob): found.stored[path] = .lineEnds(digest, tracked.id(of: blob))
        case .rewritten(let blob): found.stored[path] = try await repository.rewritten(tracked.id(of: blob))
        }
    }

    /// What git stores of the files at `places`, which are read for it; nil for what it cannot be asked about.
    private func learned(
        _ places: [Int], _ classes: PathClasses, _ handlings: [Handling]
    ) async throws -> [StoredForm?] {
        func isRewritten(_ number: Int) -> Bool {
            handlings[Int(classes.numbers[places[number]])] == .rewriting
        }
        // Nothing but a line end that has a carriage return is converted by the others.
        let read = places.indices.filter { !isRewritten($0) }
        let hasReturn = try disk.haveCarriageReturns(read.map { tracked.position(places[$0]) })
        var forms = [StoredForm?](repeating: nil, count: places.count)
        for (number, hasReturn) in zip(read, hasReturn) where !hasReturn { forms[number] = .asItLies }
        // Paths are asked for by lines.
        let asked = forms.indices.filter { forms[$0] == nil && !path(places[$0]).bytes.contains(10) }
        if asked.isEmpty { return forms }
        let paths = asked.map { path(places[$0]) }
        async let cleaned = repository.blobIDs(paths, prefix, [])
        let raw = try await repository.blobIDs(paths, prefix, ["--no-filters"])
        for ((number, clean), raw) in zip(zip(asked, try await cleaned), raw) {
            if clean == raw {
                forms[number] = .asItLies
            } else if isRewritten(number) {
                forms[number] = .rewritten(blob: clean.words)
            } else {
                let bytes = try disk.contents(of: path(places[number]))
                forms[number] = .lineEnds(Digest.of(CheckedOutTree.withoutCarriageReturns(bytes)), blob: clean.words)
            }
        }
        return forms
    }
}

/// Takes apart what `git check-attr -z` prints.
private struct AttributeAnswers {
    private let output: [UInt8]
    private var offset = 0

    init(_ output: [UInt8]) { self.output = output }

    var isAtEnd: Bool { offset == output.count }

    /// `name=value` and a zero byte for each of the next `count` attributes that is specified, all of one path.
    mutating func next(of count: Int) -> [UInt8] {
        var text: [UInt8] = []
        for _ in 0..<count {
            _ = field()
            let name = field()
            let value = field()
            if value.elementsEqual("unspecified".utf8) { continue }
            text += name
            text.append(UInt8(ascii: "="))
            text += value
            text.append(0)
        }
        return text
    }

    private mutating func field() -> ArraySlice<UInt8> {
        let end = output[offset...].firstIndex(of: 0) ?? output.count
        defer { offset = min(output.count, end + 1) }
        return output[offset..<end]
    }
}
