// What is mounted where, as this process sees it. A mount in the middle of a workspace hides folders without a word to
// those who watch them.
import Glibc

package enum MountTable {
    /// Why a watch of `root` cannot be believed because of what is mounted below it; nil where nothing is that `has` knows.
    package static func doubt(of root: BytePath, has: (BytePath) -> Bool) -> String? {
        guard let points = mountPoints, let real = root.withCString({ realpath($0, nil) }) else {
            return "/proc/self/mountinfo cannot be read"
        }
        defer { free(real) }
        let root = BytePath(bytes: Array(UnsafeRawBufferPointer(start: real, count: strlen(real))))
        for point in points {
            guard point != root, let path = point.relative(to: root), has(path) else { continue }
            return "something is mounted on '\(path.shown)'"
        }
        return nil
    }

    /// Absolute; nil where the kernel does not say.
    private static var mountPoints: [BytePath]? {
        guard let text = contents else { return nil }
        return text.split(separator: UInt8(ascii: "\n")).compactMap { line in
            let fields = line.split(separator: UInt8(ascii: " "), maxSplits: 5)
            return fields.count > 4 ? BytePath(bytes: unescaped(fields[4])) : nil
        }
    }

    private static var contents: [UInt8]? {
        let descriptor = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16384)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            if count < 0 { return nil }
            if count == 0 { return bytes.isEmpty ? nil : bytes }
            bytes += buffer.prefix(count)
        }
    }

    /// Blanks and the like stand there as `\040`.
    private static func unescaped(_ field: ArraySlice<UInt8>) -> [UInt8] {
        var found: [UInt8] = []
        var rest = field
        while let byte = rest.popFirst() {
            let digits = rest.prefix(3)
            if byte == UInt8(ascii: "\\"), digits.count == 3, digits.allSatisfy({ (0x30...0x37).contains($0) }) {
                found.append(UInt8(truncatingIfNeeded: digits.reduce(0) { $0 * 8 + Int($1 - 0x30) }))
                rest = rest.dropFirst(3)
            } else {
                found.append(byte)
            }
        }
        return found
    }
}
