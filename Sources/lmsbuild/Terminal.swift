import Glibc

/// Standard output, which scripts read, and standard error, which people do.
enum Terminal {
    static var hasColour: Bool {
        isatty(STDERR_FILENO) == 1 && getenv("NO_COLOR") == nil && getenv("CI") == nil
    }

    /// Writes what scripts read.
    static func out(_ text: String) { out(Array(text.utf8)) }

    static func out(_ bytes: [UInt8]) { write(bytes, to: STDOUT_FILENO) }

    /// Writes talk, ended by a newline.
    static func say(_ text: String) {
        write(Array((text.hasSuffix("\n") ? text : text + "\n").utf8), to: STDERR_FILENO)
    }

    private static func write(_ bytes: [UInt8], to descriptor: Int32) {
        var offset = 0
        while offset < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress?.advanced(by: offset), $0.count - offset)
            }
            if count > 0 { offset += count } else if errno != EINTR { return }
        }
    }
}
