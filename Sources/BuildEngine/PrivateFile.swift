// A file for one program to read and nobody else. Does not know what is in it.
import BuildGraph
import Glibc

/// A temporary file of mode 0600, there until it is removed.
struct PrivateFile {
    let path: BytePath

    /// Holds `bytes`; lies in the absolute `folder`.
    init(_ bytes: [UInt8], in folder: String) throws(HTTPFailure) {
        var template = Array((folder + "/lmsbuild-body-XXXXXX").utf8CString)
        let descriptor = mkstemp(&template)
        guard descriptor >= 0 else {
            throw HTTPFailure(
                .badRequest, "a body cannot be kept in '\(BytePath(folder).shown)': \(String(cString: strerror(errno)))"
            )
        }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        defer { close(descriptor) }
        path = BytePath(bytes: template.dropLast().map { UInt8(bitPattern: $0) })
        do throws(StoreError) {
            try Disk.write(bytes, to: descriptor, path)
        } catch {
            Disk.remove(path)
            throw HTTPFailure(.badRequest, "a body cannot be kept in '\(BytePath(folder).shown)': the disk may be full")
        }
    }

    func remove() { Disk.remove(path) }
}
