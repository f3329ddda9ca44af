// The files of blobs as seen from the open folder of blobs: for thousands of them in a row. Does not know how they come to be.
import BuildGraph
import CLinux
import Glibc
import Synchronization

/// One of the two files that a blob may have.
struct BlobFile: Hashable {
    let hash: SHA256Value
    /// The one that may be executed.
    let isTwin: Bool

    init(_ digest: Digest, isTwin: Bool = false) {
        hash = digest.hash
        self.isTwin = isTwin
    }

    /// Calls `body` with `ab/<64 hex digits>`, or with `.x` behind it.
    func withName<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
        // The two digits of the folder, the slash, the digits, the ending, the zero.
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 3 + 64 + 2 + 1) { name in
            hash.withBytes { bytes in
                var place = 0
                func add(_ byte: UInt8) {
                    put(byte >> 4)
                    put(byte & 15)
                }
                func put(_ half: UInt8) {
                    name[place] = CChar(half < 10 ? UInt8(ascii: "0") + half : UInt8(ascii: "a") + half - 10)
                    place += 1
                }
                add(bytes[0])
                name[place] = CChar(UInt8(ascii: "/"))
                place += 1
                for byte in bytes { add(byte) }
                if isTwin {
                    name[place] = CChar(UInt8(ascii: "."))
                    name[place + 1] = CChar(UInt8(ascii: "x"))
                    place += 2
                }
                name[place] = 0
            }
            var nothing: CChar = 0
            return name.baseAddress.map { body($0) } ?? body(&nothing)
        }
    }
}

extension LocalContentStore {
    /// `lstat`; nil where it is not there, or nobody can tell.
    func status(of file: BlobFile) -> stat? {
        guard blobs >= 0 else { return nil }
        var status = stat()
        return file.withName { fstatat(blobs, $0, &status, AT_SYMLINK_NOFOLLOW) } == 0 ? status : nil
    }

    /// Links the blob into the open `folder` as `name`, where nothing is yet, if its bytes are known to be good and that can be
    /// done just so; otherwise it is for `linkOrCopy`.
    func link(_ digest: Digest, executable: Bool, to name: UnsafePointer<CChar>, in folder: Int32) -> Bool {
        guard blobs >= 0 else { return false }
        let file = BlobFile(digest, isTwin: executable)
        var status = stat()
        return file.withName { source in
            guard fstatat(blobs, source, &status, AT_SYMLINK_NOFOLLOW) == 0,
                verified.withLock({ $0[file] }) == Seen(status)
            else { return false }
            return linkat(blobs, source, folder, name, 0) == 0
        }
    }
}
