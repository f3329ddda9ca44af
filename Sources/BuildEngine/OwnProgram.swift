// Where this program itself lies on disk, so that an action can run it. Does not know what it is run for.
package import BuildGraph
import Glibc

/// The program that runs now, and what it needs to run again elsewhere.
package struct OwnProgram: Sendable, Hashable {
    /// Absolute.
    package let path: BytePath
    /// Absolute paths of the shared libraries that it has loaded.
    package let libraries: [BytePath]

    package init(path: BytePath, libraries: [BytePath] = []) {
        self.path = path
        self.libraries = libraries
    }

    /// Nil where the kernel does not say.
    package static func find() -> OwnProgram? {
        guard let path = try? Disk.linkText(BytePath("/proc/self/exe")), path.first == UInt8(ascii: "/") else {
            return nil
        }
        let maps = (try? Disk.contents(of: BytePath("/proc/self/maps"))) ?? []
        var libraries: Set<BytePath> = []
        for line in maps.split(separator: UInt8(ascii: "\n")) {
            guard let start = line.firstIndex(of: UInt8(ascii: "/")) else { continue }
            let file = Array(line[start...])
            if file != path { libraries.insert(BytePath(bytes: file)) }
        }
        return OwnProgram(path: BytePath(bytes: path), libraries: libraries.sorted())
    }
}
