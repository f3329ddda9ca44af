import CLinux
import Glibc

/// What lies at one path now: for outputs, which no scan lists.
package struct PlacedFile: Sendable {
    package let kind: FileKind
    package let digest: Digest

    /// The file or link at `path` below the absolute `root`; nil where nothing usable is there. `index` saves reading
    /// a file whose status it knows.
    package init?(at path: BytePath, in root: BytePath, index: FileIndex?) {
        let absolute = root.appending(path)
        var status = stat()
        guard absolute.withCString({ lstat($0, &status) }) == 0, let kind = FileKind(mode: status.st_mode) else {
            return nil
        }
        self.kind = kind
        switch kind {
        case .file, .executable:
            if let known = index?.digest(of: path, FileStatus(status)) {
                digest = known
                return
            }
            let size = max(0, min(FileHashing.bufferSize - 1, Int(status.st_size)))
            var buffer = [UInt8](repeating: 0, count: size + 1)
            do {
                let file = try OpenFile(reading: absolute, shownAs: path)
                let entry = FileEntry(path: path, kind: kind)
                digest = try FileHashing(entry: entry, index: index).digest(of: file, &buffer)
            } catch {
                return nil
            }
        case .link:
            var text = [CChar](repeating: 0, count: 4096)
            let count = absolute.withCString { readlink($0, &text, text.count) }
            guard count >= 0 else { return nil }
            digest = Digest.of(text.prefix(count).map { UInt8(bitPattern: $0) })
        default: return nil
        }
    }
}
