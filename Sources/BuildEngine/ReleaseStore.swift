// The releases that a workspace keeps, and what people call them. Does not know how a release is made.
package import BuildGraph
package import Buildfile
import Glibc

/// The folder `.lmsbuild/releases`: a file `<64 hex digits>.json` for each release that was made here, named by its content.
package struct ReleaseStore: Sendable {
    /// What a release can be called that is made when it is asked for.
    package enum Made: String, Sendable, CaseIterable {
        /// The contents at hand, uncommitted files included.
        case here
        /// The commit that is checked out.
        case head = "HEAD"
    }

    /// What an argument named, and how.
    package struct Found: Sendable {
        /// The release itself.
        package let release: Release
        /// The file that it was read from; nil where it was made.
        package let file: BytePath?
        /// The name that whoever wrote the file claimed: 64 digits in the file's own name.
        package let claimed: SHA256Value?
    }

    /// One release that is kept.
    package struct Kept: Sendable {
        /// What the file's name says.
        package let name: SHA256Value
        /// When the file was last written, in seconds since the epoch.
        package let time: Int
    }

    private let folder: BytePath

    /// `state` is the workspace's `.lmsbuild`, absolute.
    package init(in state: BytePath) {
        folder = state.appending("releases")
    }

    /// The file that a release of this name is kept in: absolute.
    package func file(of name: SHA256Value) -> BytePath { folder.appending(BytePath(name.hex + ".json")) }

    /// Keeps `release` under its name, readable by its owner alone, so that it survives a crash of the machine from here on.
    /// What is known of the one that is kept already stays known.
    package func keep(_ release: Release) throws(FileSystemError) {
        let release = release.knowing((try? read(release.name))?.verdicts ?? [])
        let bytes = Array((release.json.text(pretty: true) + "\n").utf8)
        let file = file(of: release.name)
        if let kept = try? Disk.contents(of: file), kept == bytes { return }
        try FileReplacement.write(bytes, to: file)
    }

    /// Newest first.
    package var kept: [Kept] {
        let names = (try? Disk.names(in: folder)) ?? []
        let all = names.compactMap { file -> Kept? in
            guard let name = Self.claimed(by: file), file.shown == name.hex + ".json",
                let status = Disk.status(folder.appending(file))
            else { return nil }
            return Kept(name: name, time: Int(status.st_mtim.tv_sec))
        }
        return all.sorted { ($1.time, $0.name) < ($0.time, $1.name) }
    }

    /// The kept release of this name. Throws LMS311 where it is not there, or is not what its name says.
    package func read(_ name: SHA256Value) throws(Diagnostic) -> Release {
        let file = file(of: name)
        let release = try Self.read(file, shown: "\(name.hex.prefix(12))")
        guard release.name == name else {
            throw .noRelease(
                file.shown, "its content has the name \(release.shortName), so it was damaged or altered")
        }
        return release
    }

    /// What `argument` names: `here` or `HEAD`, which `made` makes; a file; or the first digits (four or more) of a
    /// release's name that is kept here, or else `elsewhere`, which keeps what it finds. Throws LMS311 for anything else, and
    /// whatever `made` and `elsewhere` throw.
    package func find(
        _ argument: String, elsewhere: (_ digits: String) async throws -> SHA256Value? = { _ in nil },
        made: (Made) async throws -> Release
    ) async throws -> Found {
        if let wanted = Made(rawValue: argument) {
            return Found(release: try await made(wanted), file: nil, claimed: nil)
        }
        let path = BytePath(argument)
        if Disk.followed(path).map({ !$0.isFolder }) ?? false {
            return Found(
                release: try Self.read(path, shown: argument), file: path, claimed: Self.claimed(by: path))
        }
        var name = try named(argument)
        if name == nil { name = try await elsewhere(argument) }
        guard let name else {
            throw Diagnostic(
                .badRecord, "no release that is kept here begins with '\(argument)'",
                hint: "'lmsbuild release list' shows those that are")
        }
        return Found(release: try read(name), file: file(of: name), claimed: name)
    }

    /// Nil where no kept release's name begins with the digits.
    private func named(_ argument: String) throws(Diagnostic) -> SHA256Value? {
        let isHex = argument.utf8.allSatisfy { "0123456789abcdef".utf8.contains($0) }
        guard isHex, (4...64).contains(argument.utf8.count) else {
            throw Diagnostic(
                .badRecord, "there is no release '\(BytePath(argument).shown)': no such file",
                hint: "a release is a file, digits of a kept one's name ('lmsbuild release list'), 'here' or 'HEAD'")
        }
        let found = kept.map(\.name).filter { $0.hex.hasPrefix(argument) }.sorted()
        if found.count < 2 { return found.first }
        throw .ambiguous(argument, found)
    }

    private static func read(_ file: BytePath, shown: String) throws(Diagnostic) -> Release {
        let bytes: [UInt8]
        do {
            bytes = try Disk.contents(of: file)
        } catch {
            var reason = "\(error)"
            if case .system(_, _, let code) = error { reason = String(cString: strerror(code)) }
            throw Diagnostic(
                .badRecord, "cannot read the release '\(BytePath(shown).shown)': \(reason)",
                hint: "'lmsbuild release -o FILE' writes one")
        }
        return try Release(reading: bytes, name: shown)
    }

    /// The 64 digits that a file's name begins with.
    private static func claimed(by file: BytePath) -> SHA256Value? {
        guard let last = file.components.last else { return nil }
        return SHA256Value(hex: String(decoding: last.prefix(64), as: UTF8.self))
    }
}

extension Diagnostic {
    /// LMS311: several releases' names begin with `digits`. `found` are those names, at least two.
    package static func ambiguous(_ digits: String, _ found: [SHA256Value]) -> Diagnostic {
        let shown = found.prefix(4).map { String($0.hex.prefix(12)) }.joined(separator: ", ")
        return Diagnostic(
            .badRecord, "'\(digits)' begins the names of \(found.count) releases",
            hint: "one more digit tells them apart: \(shown)")
    }
}
