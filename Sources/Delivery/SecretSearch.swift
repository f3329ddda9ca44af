// Looks an image through for secrets: its own layers, its configuration, its history. Does not know how a secret got there, and
// never says a value.
import BuildEngine
import BuildGraph
import Buildfile
import Glibc

/// Where a secret was found.
struct SecretPlace: Sendable, Hashable {
    /// Its name.
    let secret: String
    /// Such as `layer 2 of 3, 'app/config.txt'` or `the configuration, history[1].created_by`.
    let place: String
}

/// What is looked for.
struct SecretSearch: Sendable {
    /// Sorted by name.
    private let traces: [(name: String, bytes: [[UInt8]])]
    private let runner: any CommandRunner
    private let environment: [String: String]

    /// Nil where no value is long enough to be looked for.
    init?(_ values: [String: String], runner: any CommandRunner, environment: [String: String]) {
        traces = values.sorted { $0.key < $1.key }.map { ($0.key, SecretMask.traces(of: $0.value)) }
            .filter { !$0.1.isEmpty }
        self.runner = runner
        self.environment = environment
        if traces.isEmpty { return nil }
    }

    /// The first secret in the image `reference` of `engine`'s store; nil where there is none. Layers of the images in `bases`
    /// are not its own, and were looked through when those were made. `folder` is absolute, is made, and is removed again.
    func find(
        in reference: String, on bases: [String], of engine: String, below folder: BytePath
    ) async throws -> SecretPlace? {
        let images = EngineImages(engine: engine, runner: runner, environment: environment)
        var known: Set<String> = []
        for base in bases { known.formUnion(try await images.image(base)?.layers ?? []) }
        let own = try await images.image(reference)?.layers ?? []
        Disk.remove(folder)
        defer { Disk.remove(folder) }
        let exporter = ImageExporter(engine: engine, runner: runner, environment: environment)
        let image = try await exporter.export(reference, to: folder, decompressing: true)
        let configuration = folder.appending(BytePath(String(image.configuration.dropFirst(7))))
        for (name, bytes) in [("the manifest", image.manifest), ("the configuration", try Self.bytes(configuration))] {
            if let found = find(inDocument: bytes, name) { return found }
        }
        for (place, layer) in image.layers.enumerated() {
            if own.count == image.layers.count, known.contains(own[place]) { continue }
            let file = folder.appending(BytePath(String(layer.dropFirst(7))))
            guard let (name, offset) = try find(inFile: file) else { continue }
            let path = TarReader.path(in: file, at: offset).map { ", '\($0.shown)'" } ?? ""
            return SecretPlace(secret: name, place: "layer \(place + 1) of \(image.layers.count)\(path)")
        }
        return nil
    }

    private static func bytes(_ file: BytePath) throws -> [UInt8] {
        do throws(StoreError) {
            return try Disk.contents(of: file)
        } catch {
            throw error
        }
    }

    // MARK: Documents

    /// Texts count as they are meant, whatever escapes they are written with.
    func find(inDocument bytes: [UInt8], _ name: String) -> SecretPlace? {
        guard let document = try? JSONValue.parse(bytes) else {
            return find(in: bytes).map { SecretPlace(secret: $0.name, place: name) }
        }
        return find(in: document, "").map { SecretPlace(secret: $0.secret, place: "\(name), \($0.place)") }
    }

    private func find(in value: JSONValue, _ path: String) -> SecretPlace? {
        switch value {
        case .string(let text):
            return find(in: Array(text.utf8)).map { SecretPlace(secret: $0.name, place: path) }
        case .array(let elements):
            for (index, element) in elements.enumerated() {
                if let found = find(in: element, "\(path)[\(index)]") { return found }
            }
        case .object(let members):
            for (name, member) in members {
                // A member's own name may be the value: then it is not said.
                if let found = find(in: Array(name.utf8)) {
                    return SecretPlace(secret: found.name, place: path.isEmpty ? "a member's name" : path)
                }
                let inner = BytePath(name).shown
                if let found = find(in: member, path.isEmpty ? inner : "\(path).\(inner)") { return found }
            }
        default: break
        }
        return nil
    }

    // MARK: Bytes

    func find(in bytes: [UInt8]) -> (name: String, offset: Int)? {
        bytes.withUnsafeBytes { find(in: $0) }
    }

    private func find(in bytes: UnsafeRawBufferPointer) -> (name: String, offset: Int)? {
        for (name, traces) in traces {
            for trace in traces {
                if let offset = trace.withUnsafeBytes({ Self.offset(of: $0, in: bytes) }) { return (name, offset) }
            }
        }
        return nil
    }

    /// Horspool's search: most bytes of a layer are not even looked at.
    private static func offset(of needle: UnsafeRawBufferPointer, in bytes: UnsafeRawBufferPointer) -> Int? {
        let count = needle.count
        guard count > 0, bytes.count >= count else { return nil }
        var steps = [Int](repeating: count, count: 256)
        for place in 0..<(count - 1) { steps[Int(needle[place])] = count - 1 - place }
        let last = needle[count - 1]
        return steps.withUnsafeBufferPointer { steps in
            var end = count - 1
            while end < bytes.count {
                let byte = bytes[end]
                if byte == last {
                    var place = count - 2
                    while place >= 0, bytes[end - (count - 1 - place)] == needle[place] { place -= 1 }
                    if place < 0 { return end - (count - 1) }
                }
                end += steps[Int(byte)]
            }
            return nil
        }
    }

    /// The file is mapped and not read: layers may be larger than the memory.
    private func find(inFile file: BytePath) throws -> (name: String, offset: Int)? {
        let descriptor = file.withCString { open($0, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) }
        guard descriptor >= 0 else { throw StoreError.system("open", file, errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw StoreError.system("stat", file, errno) }
        let size = Int(status.st_size)
        if size == 0 { return nil }
        guard let mapped = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), mapped != MAP_FAILED else {
            throw StoreError.system("mmap", file, errno)
        }
        defer { munmap(mapped, size) }
        return find(in: UnsafeRawBufferPointer(start: mapped, count: size))
    }
}

extension ActionFailure {
    /// LMS514: the image holds a secret. Says which and where, and never what.
    static func secretInImage(_ label: Label, _ place: SecretPlace, output: [UInt8]) -> ActionFailure {
        ActionFailure(
            kind: .failed,
            diagnostic: Diagnostic(
                .secretInImage, .error,
                "the image of '\(label)' holds the secret '\(place.secret)': \(place.place)",
                hint: "RUN --mount=type=secret shows it to one RUN; write it nowhere, and give it to no ARG or ENV"),
            output: output)
    }
}
