// What the last look found, and at which moment of whose watch: `.lmsbuild/watched`. Does not look, and does not ask.
import Buildfile
import Glibc

/// At the moment `clock` of the watcher `source` everything was as in the base, but for what is named here. Worth nothing
/// without the watcher that gave the clock: what happened since only that one knows.
struct WatchNote: Sendable, Equatable {
    let source: String
    let clock: [UInt8]
    let device: UInt64
    let inode: UInt64
    /// Of the base's file when its checksum had been found right.
    let base: FileStatus
    let generation: Fingerprint
    var differing: Differing
    /// Places of files with more than one name: they may be written to by a name that nobody watches.
    let linked: [Int]
    /// Names the files that the base does not have as they are and that have more than one name.
    let linkedOthers: Fingerprint

    /// Places in the base.
    struct Differing: Sendable, Equatable {
        var files: [Int] = []
        var folders: [Int] = []

        var count: Int { files.count + folders.count }
    }

    private static let magic: UInt64 = 0x4843_5457_5342_4D4C
    private static let version: UInt32 = 1

    /// Nil where there is none that is whole. `limit` bounds what a place may be.
    static func read(_ file: BytePath) -> WatchNote? {
        guard let file = try? SectionFile.open(file, magic: magic, version: version, sections: 1) else { return nil }
        var reader = ByteReader(file.section(0))
        let source = reader.string()
        let clock = reader.text()
        let (device, inode) = (reader.number(), reader.number())
        let base = reader.status()
        func places() -> [Int] { (0..<max(0, min(reader.small(), 1 << 24))).map { _ in reader.small() } }
        let differing = Differing(files: places(), folders: places())
        let linked = places()
        let others = Fingerprint(high: reader.number(), low: reader.number())
        return WatchNote(
            source: source, clock: clock, device: device, inode: inode, base: base, generation: file.generation,
            differing: differing, linked: linked, linkedOthers: others)
    }

    /// Replaces `file`. To lose it is no failure.
    func write(_ file: BytePath) {
        var bytes = ByteWriter()
        bytes.append(source)
        bytes.append(clock)
        bytes.append(device)
        bytes.append(inode)
        bytes.append(base)
        for places in [differing.files, differing.folders, linked] {
            bytes.append(small: places.count)
            for place in places { bytes.append(small: place) }
        }
        bytes.append(linkedOthers.high)
        bytes.append(linkedOthers.low)
        try? SectionFile.write(
            file, SectionFormat(magic: Self.magic, version: Self.version), generation: generation, isSynced: false,
            [bytes.bytes])
    }
}
