// Which files of a look have a carriage return in them. Does not know what that means to anybody.
import Buildfile
import Glibc
import Synchronization

extension WorkingTree {
    /// Of each of the files at `positions`, in their order, whether it has a carriage return; read by several threads.
    package func haveCarriageReturns(_ positions: [Int]) throws(FileSystemError) -> [Bool] {
        let portion = 256
        let next = Atomic<Int>(0)
        let all = Mutex<(found: [Bool], error: FileSystemError?)>(
            (Array(repeating: false, count: positions.count), nil))
        // Small files are soonest read by more threads than there are cores: they wait for the disk.
        Threads.run(min(8, positions.count / portion + 1)) {
            var opener = FileOpener(self)
            var buffer = [UInt8](repeating: 0, count: FileHashing.bufferSize)
            while true {
                let start = next.add(portion, ordering: .relaxed).oldValue
                if start >= positions.count { break }
                let range = start..<min(start + portion, positions.count)
                var found: [Bool] = []
                do throws(FileSystemError) {
                    for number in range {
                        found.append(try hasCarriageReturn(positions[number], &opener, &buffer))
                    }
                    all.withLock { all in all.found.replaceSubrange(range, with: found) }
                } catch {
                    all.withLock { all in
                        if all.error.map({ error.path < $0.path }) ?? true { all.error = error }
                    }
                }
            }
        }
        let (found, error) = all.withLock { $0 }
        if let error { throw error }
        return found
    }

    private func hasCarriageReturn(
        _ position: Int, _ opener: inout FileOpener, _ buffer: inout [UInt8]
    ) throws(FileSystemError) -> Bool {
        let file = opener.open(position)
        // Whatever is wrong with it is said there.
        guard file >= 0 else { return try contents(of: entries[position].path).contains(13) }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0, FileKind(mode: status.st_mode) == looked.kind(position) else {
            throw .changed(entries[position].path)
        }
        while true {
            let count = buffer.withUnsafeMutableBytes { Glibc.read(file, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw FileSystemError("read", entries[position].path, errno: errno) }
            if count == 0 { return false }
            let isThere = buffer.withUnsafeBytes { $0.baseAddress.map { memchr($0, 13, count) != nil } ?? false }
            if isThere { return true }
            // One read is nearly always all of it.
            if count < buffer.count, count >= Int(status.st_size) { return false }
        }
    }
}
