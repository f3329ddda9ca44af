// How large the blobs are that git's index names: from the packs, and from git for what these do not tell. Does not know files.
import BuildGraph
import Buildfile
import Glibc

/// What a checkout has converted is of another size than its blob.
enum BlobSizes {
    /// How many one git is asked for, and how many are asked at once.
    private static let portion = 1 << 16
    private static let most = 2

    /// Whether the size of what the entry names is worth asking for.
    static func asks(for entry: GitIndexFile.Entry) -> Bool {
        !entry.isSubmodule && !entry.isLeftOut && !entry.isAssumed && entry.size != 0
    }

    /// The sizes of the blobs of all such entries below `prefix`, in the index's order, each at most the greatest number,
    /// which also stands for a blob that is not there.
    static func ask(
        _ index: GitIndexFile, below prefix: BytePath, _ repository: GitRepository
    ) async throws -> [UInt32] {
        let ids = ids(index, prefix)
        var sizes = packed(ids, index.idSize, in: repository.commonFolder.appending("objects/pack"))
        let unknown = sizes.indices.filter { sizes[$0] == GitPack.unknown }
        let asker = repository.asker
        try await withThrowingTaskGroup(of: (Int, [UInt32]).self) { group in
            func take(_ first: Int, _ found: [UInt32]) {
                let numbers = unknown[first...].prefix(portion)
                // An answer for each, or none is believed.
                guard found.count == numbers.count else { return }
                for (number, size) in zip(numbers, found) { sizes[number] = size }
            }
            for (count, first) in stride(from: 0, to: unknown.count, by: portion).enumerated() {
                if count >= most, let (done, found) = try await group.next() { take(done, found) }
                let numbers = unknown[first...].prefix(portion)
                group.addTask { (first, try await ask(ids, index.idSize, numbers, asker)) }
            }
            for try await (done, found) in group { take(done, found) }
        }
        return sizes
    }

    /// One after the other.
    private static func ids(_ index: GitIndexFile, _ prefix: BytePath) -> [UInt8] {
        var ids: [UInt8] = []
        _ = index.forEach(below: prefix) { entry, _ in
            if asks(for: entry) { ids.append(contentsOf: entry.id) }
        }
        return ids
    }

    // MARK: Packs

    /// How many ids of packs are gone through for each that is wanted; where there are more, git is as fast.
    private static let mostPassed = 256
    /// How many objects' sizes one thread reads at a time.
    private static let stretch = 1 << 12

    /// The size of each of these objects, `GitPack.unknown` for what the packs in `folder` do not tell.
    static func packed(_ ids: [UInt8], _ idSize: Int, in folder: BytePath) -> [UInt32] {
        var sizes = [UInt32](repeating: GitPack.unknown, count: ids.count / idSize)
        guard !sizes.isEmpty, sizes.count <= SortedIDs.most, let names = try? Disk.names(in: folder) else {
            return sizes
        }
        var wanted = SortedIDs(ids, idSize)
        var effort = sizes.count * mostPassed + 1 << 16
        let packs = names.filter { $0.bytes.suffix(4).elementsEqual(".idx".utf8) }.compactMap {
            let path = folder.appending($0)
            return Disk.followed(path).map { (path: path, size: $0.st_size) }
        }
        // Most are in the largest.
        for (path, _) in packs.sorted(by: { $0.size > $1.size }) {
            if wanted.keys.isEmpty { break }
            guard let pack = GitPack(index: path, idSize: idSize) else { continue }
            effort -= pack.count + wanted.keys.count
            if effort < 0 { break }
            // By where they are in the pack, which is read from front to back.
            let objects = wanted.take(pack.places(of: wanted), below: pack.end)
            let parts = Threads.map((objects.count + stretch - 1) / stretch) { part in
                pack.sizes(of: objects[(part * stretch)...].prefix(stretch))
            }
            for (object, size) in zip(objects, parts.joined()) { sizes[SortedIDs.number(object)] = size }
        }
        return sizes
    }

    // MARK: Git

    private static func ask(
        _ ids: [UInt8], _ idSize: Int, _ numbers: ArraySlice<Int>, _ asker: GitAsker
    ) async throws -> [UInt32] {
        var command = asker.command(["cat-file", "--batch-check=%(objectsize)", "--buffer"])
        let digits = Array("0123456789abcdef".utf8)
        command.input.reserveCapacity(numbers.count * (idSize * 2 + 1))
        for number in numbers {
            for byte in ids[(number * idSize)...].prefix(idSize) {
                command.input.append(digits[Int(byte >> 4)])
                command.input.append(digits[Int(byte & 15)])
            }
            command.input.append(UInt8(ascii: "\n"))
        }
        // A partial clone lacks no blob of a file that is there.
        command.environment["GIT_NO_LAZY_FETCH"] = "1"
        let result = try await asker.runner.run(command)
        guard result.succeeded else { throw asker.refusal("cat-file", result) }
        var sizes: [UInt32] = []
        var number: UInt64? = 0
        for byte in result.output {
            switch byte {
            case UInt8(ascii: "\n"):
                sizes.append(number.map { UInt32(clamping: $0) } ?? UInt32.max)
                number = 0
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                number = number.map { min($0, 1 << 40) * 10 + UInt64(byte - UInt8(ascii: "0")) }
            default: number = nil
            }
        }
        return sizes
    }
}
