// The two places where deployments are written down: a swarm's configs, which all who deploy to it see, and a folder.
import BuildEngine
import BuildGraph
import CLinux
import Glibc

/// In a swarm's configs: their names are given once in the whole swarm, so one of two who create is told.
struct SwarmShelf: Shelf {
    /// An engine takes no config of more than 500 KiB.
    private static let partSize = 300 << 10

    private let api: EngineAPI
    private let project: String

    init(_ api: EngineAPI, project: String) {
        self.api = api
        self.project = project
    }

    private static let nameLabel = "io.lmsbuild.name"
    private static let partLabel = "io.lmsbuild.part"

    private struct Part {
        let id: String
        let number: Int
        let count: Int
        let bytes: [UInt8]
    }

    private func parts(_ kind: ShelfKind) async throws -> [String: [Part]] {
        let filter = EngineAPI.filter("label", "\(DeployLabel.kind)=\(kind.rawValue)")
        var found: [String: [Part]] = [:]
        for config in try await api.get("/configs?\(filter)").elements ?? [] {
            let labels = config.at("Spec", "Labels")?.texts ?? [:]
            let place = (labels[Self.partLabel] ?? "0/1").split(separator: "/").compactMap { Int($0) }
            guard labels[DeployLabel.project] == project, let name = labels[Self.nameLabel], place.count == 2,
                let id = config.member("ID")?.text,
                let bytes = config.at("Spec", "Data")?.text.flatMap({ Base64.decode($0) })
            else { continue }
            found[name, default: []].append(Part(id: id, number: place[0], count: place[1], bytes: bytes))
        }
        return found
    }

    func list(_ kind: ShelfKind) async throws -> [String: [UInt8]] {
        try await parts(kind).compactMapValues { parts in
            let sorted = parts.sorted { $0.number < $1.number }
            guard sorted.first?.count == sorted.count else { return nil }
            return sorted.flatMap(\.bytes)
        }
    }

    func create(_ kind: ShelfKind, _ name: String, _ bytes: [UInt8]) async throws {
        let count = max(1, (bytes.count + Self.partSize - 1) / Self.partSize)
        for number in 0..<count {
            let part = bytes.dropFirst(number * Self.partSize).prefix(Self.partSize)
            try await api.post(
                "/configs/create",
                .object([
                    ("Name", .string(engineName(kind, name, number))), ("Data", .string(Base64.encode(Array(part)))),
                    (
                        "Labels",
                        .object([
                            (DeployLabel.project, .string(project)), (DeployLabel.kind, .string(kind.rawValue)),
                            (Self.nameLabel, .string(name)), (Self.partLabel, .string("\(number)/\(count)")),
                        ])
                    ),
                ]))
        }
    }

    /// At most 64 characters, the same for the same name.
    private func engineName(_ kind: ShelfKind, _ name: String, _ number: Int) -> String {
        let own = SHA256Value.of(Array("\(project)\0\(name)\0\(number)".utf8)).hex
        return "lmsbuild-\(kind.rawValue)-\(own.prefix(24))"
    }

    func remove(_ kind: ShelfKind, _ name: String, ofBytes bytes: [UInt8]) async throws {
        let parts = (try await parts(kind)[name] ?? []).sorted { $0.number < $1.number }
        guard parts.flatMap(\.bytes) == bytes || parts.first.map({ $0.count != parts.count }) == true else { return }
        for part in parts { try await api.delete("/configs/\(part.id)") }
    }
}

/// In a folder: for engines that keep no documents. Seen only by those who deploy from this workspace.
struct FolderShelf: Shelf {
    let folder: BytePath

    private func place(_ kind: ShelfKind) -> BytePath { folder.appending(kind.rawValue) }

    func list(_ kind: ShelfKind) async throws -> [String: [UInt8]] {
        var found: [String: [UInt8]] = [:]
        for name in Self.names(in: place(kind)) {
            found[name] = try? Disk.contents(of: place(kind).appending(name))
        }
        return found
    }

    /// What a folder holds, without what begins with a dot; nothing where there is none.
    static func names(in folder: BytePath) -> [String] {
        ((try? Disk.names(in: folder)) ?? []).map { String(decoding: $0.bytes, as: UTF8.self) }.filter {
            !$0.hasPrefix(".")
        }
    }

    func create(_ kind: ShelfKind, _ name: String, _ bytes: [UInt8]) async throws {
        for folder in [folder, place(kind)] { _ = folder.withCString { mkdir($0, 0o700) } }
        let file = place(kind).appending(name)
        let new = place(kind).appending(".\(name).\(getpid())")
        try writePrivate(bytes, to: new)
        defer { _ = new.withCString { unlink($0) } }
        // A link, unlike a rename, never takes the place of what is there.
        let code = new.withCString { from in file.withCString { link(from, $0) } }
        if code == 0 { return }
        if errno == EEXIST { throw EngineError(.conflict, "\(file.shown) is there already") }
        throw EngineError(.refused, "\(file.shown) cannot be made: \(String(cString: strerror(errno)))")
    }

    func remove(_ kind: ShelfKind, _ name: String, ofBytes bytes: [UInt8]) async throws {
        let guardian = folder.appending(".removing")
        let descriptor = guardian.withCString { clinux_openat(AT_FDCWD, $0, O_RDWR | O_CREAT | O_CLOEXEC, 0o600) }
        defer { if descriptor >= 0 { close(descriptor) } }
        if descriptor >= 0 { while flock(descriptor, LOCK_EX) != 0, errno == EINTR {} }
        let file = place(kind).appending(name)
        guard let there = try? Disk.contents(of: file), there == bytes else { return }
        _ = file.withCString { unlink($0) }
    }
}
