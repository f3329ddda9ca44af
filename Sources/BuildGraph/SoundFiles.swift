// Which files of the workspace's state were found whole since the machine was started: `.lmsbuild/sound`. To sum up a hundred
// megabytes at each start takes longer than much of what is done with them. Does not know what they hold.
import Glibc

/// The statuses that the large files of a workspace's state had when their checksums were right. They are only ever replaced by a
/// rename, so one with that status holds what it held. But what a crash of the machine leaves of a file may have
/// the status of the whole one: a note of before the machine was started is none.
struct SoundFiles: Equatable, Sendable {
    var base: FileStatus?
    var graph: FileStatus?

    static let magic: UInt64 = 0x4E55_4F53_5342_4D4C
    static let version: UInt32 = 1

    /// Nothing where there is no such note that is whole and of this start of the machine.
    static func read(_ file: BytePath) -> SoundFiles {
        guard let start = machineStart,
            let file = try? SectionFile.open(file, magic: magic, version: version, sections: 1)
        else { return SoundFiles() }
        var reader = ByteReader(file.section(0))
        guard reader.text() == start else { return SoundFiles() }
        var found = SoundFiles()
        if reader.flag() { found.base = reader.status() }
        if reader.flag() { found.graph = reader.status() }
        return found
    }

    /// Replaces `file`. To lose it is no failure.
    func write(_ file: BytePath) {
        guard let start = Self.machineStart else { return }
        var bytes = ByteWriter()
        bytes.append(start)
        for status in [base, graph] {
            bytes.append(status != nil)
            if let status { bytes.append(status) }
        }
        try? SectionFile.write(
            file, SectionFormat(magic: Self.magic, version: Self.version), isSynced: false, [bytes.bytes])
    }

    /// Another each time that the machine is started (random(4)); nil where the kernel does not say.
    private static var machineStart: [UInt8]? {
        let descriptor = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var buffer = [UInt8](repeating: 0, count: 64)
        let count = Glibc.read(descriptor, &buffer, buffer.count)
        return count > 0 ? Array(buffer.prefix(count)) : nil
    }
}

extension StateFiles {
    /// The base, mapped and checked. One with the status `vouched` is not summed up again, nor one that was found whole.
    func openBase(vouched: FileStatus? = nil) throws(MappedFile.Failure) -> WorkspaceBase {
        let moment = FileStatus.now
        let known = vouched ?? SoundFiles.read(sound).base
        let found = try WorkspaceBase.open(base, vouched: known)
        if found.file.status != known { note(found.file.status, \.base, moment) }
        return found
    }

    /// The graph, mapped and checked, as the base is.
    func openGraph() throws(MappedFile.Failure) -> GraphSnapshot {
        let moment = FileStatus.now
        let known = SoundFiles.read(sound).graph
        let found = try GraphSnapshot.open(graph, vouched: known)
        if found.status != known { note(found.status, \.graph, moment) }
        return found
    }

    /// A file that was written a moment ago could be written to again and keep its status.
    private func note(_ status: FileStatus, _ file: WritableKeyPath<SoundFiles, FileStatus?>, _ moment: Int64) {
        guard status.isSettled(at: moment) else { return }
        var all = SoundFiles.read(sound)
        all[keyPath: file] = status
        all.write(sound)
    }
}
