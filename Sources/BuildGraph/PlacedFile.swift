import Glibc

/// What lies at one path now: for outputs, which no scan lists.
package struct PlacedFile: Sendable {
    package let kind: FileKind
    package let digest: Digest
    /// The status under which it had that content; nil where a change since then might not show in it.
    package let status: FileStatus?

    /// The file or link at `path` below the absolute `root`; nil where nothing usable is there. `index` saves reading
    /// a file whose status it knows.
    package init?(at path: BytePath, in root: BytePath, index: FileIndex?) {
        let absolute = root.appending(path)
        let moment = FileStatus.now
        var status = stat()
        guard absolute.withCString({ lstat($0, &status) }) == 0, let kind = FileKind(mode: status.st_mode) else {
            return nil
        }
        self.kind = kind
        switch kind {
        case .file, .executable:
            let seen = FileStatus(status)
            if let known = index?.content(of: path, seen) {
                digest = known.content.digest
                self.status = known.isSettled ? seen : nil
                return
            }
            let size = max(0, min(FileHashing.bufferSize - 1, Int(status.st_size)))
            var buffer = [UInt8](repeating: 0, count: size + 1)
            do {
                let file = try OpenFile(reading: absolute, shownAs: path)
                let entry = FileEntry(path: path, kind: kind)
                let found = try FileHashing(entry: entry, index: index).digest(of: file, &buffer)
                let known = index?.content(of: path, seen)
                digest = found
                self.status = known?.isSettled == true && known?.content.digest == found ? seen : nil
            } catch {
                return nil
            }
        case .link:
            var text = [CChar](repeating: 0, count: 4096)
            let count = absolute.withCString { readlink($0, &text, text.count) }
            guard count >= 0 else { return nil }
            digest = Digest.of(text.prefix(count).map { UInt8(bitPattern: $0) })
            self.status = FileStatus(status).isSettled(at: moment) ? FileStatus(status) : nil
        default: return nil
        }
    }
}
