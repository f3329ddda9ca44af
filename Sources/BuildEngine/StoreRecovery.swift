// Looks at what a power cut may have left in a store. Does not know what the blobs are for.
import BuildGraph
import Glibc

/// Blobs are not synced one by one, so after a power cut the newest may be empty or hold anything. Each is verified before
/// it is used anyway; this only removes them early, so that they count as missing and nobody runs into them.
///
/// The file `boot` names the kernel's run in which the store was last opened, and its time is that of the opening. Only
/// where the machine was started since, and only what was written not long before, is read.
struct StoreRecovery {
    /// Kernels write within half a minute, and may be set to take some minutes.
    static let doubt = 3600

    let store: LocalContentStore
    /// Names this run of the kernel; empty where that can't be told.
    var boot: [UInt8] = (try? Disk.contents(of: BytePath("/proc/sys/kernel/random/boot_id"))) ?? []

    private var note: BytePath { store.folder.appending("boot") }

    /// Does its best: what fails costs no more than a later look.
    func run() {
        if let status = Disk.status(note), status.isFile {
            if let before = try? Disk.contents(of: note), before == boot {
                _ = note.withCString { utimensat(AT_FDCWD, $0, nil, AT_SYMLINK_NOFOLLOW) }
                return
            }
            removeDamaged(since: status.st_mtim.tv_sec - Self.doubt)
        }
        try? Disk.replace(note, with: boot, mode: 0o600)
    }

    private func removeDamaged(since seconds: Int) {
        let blobs = store.folder.appending("cas")
        for shard in (try? Disk.names(in: blobs)) ?? [] {
            let folder = blobs.appending(shard)
            for name in (try? Disk.names(in: folder)) ?? [] {
                let path = folder.appending(name)
                guard let hash = SHA256Value(hex: String(decoding: name.bytes.prefix(64), as: UTF8.self)),
                    let status = Disk.status(path), status.isFile, status.st_ctim.tv_sec >= seconds
                else { continue }
                // Throws where it is damaged, after removing it.
                try? store.verify(
                    path, is: Digest(hash: hash, size: Int(status.st_size)), isTwin: name.bytes.count > 64)
            }
        }
    }
}
