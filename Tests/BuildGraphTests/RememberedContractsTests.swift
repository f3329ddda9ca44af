import BuildGraph
import BuildTestSupport
import Synchronization
import Testing

@Suite struct RememberedContractsTests {
    /// Gives a term for each byte, and counts how often it is asked.
    private final class Reader: ContractReading {
        let count = Mutex(0)

        func kind(of bytes: [UInt8], name: String) -> ContractKind? { .pact }

        func terms(of bytes: [UInt8]) -> [ContractTerm] {
            count.withLock { $0 += 1 }
            return bytes.map { ContractTerm(name: "term \($0) ö", digest: .of([$0])) }.sorted()
        }
    }

    private let contents: [[UInt8]] = [[1, 2, 3], [], [4]]
    private let reader = Reader()
    private let folder: TemporaryFolder
    private var path: BytePath { folder.path.appending("terms") }

    init() throws { folder = try TemporaryFolder() }

    private func remembered(_ meaning: String = "1", isTrusted: Bool = true) -> RememberedContracts {
        RememberedContracts(reader, meaning: meaning, at: path, isTrusted: isTrusted)
    }

    /// Asks for all contents by their digests, and reads what is not known; gives how many were read.
    private func ask(_ contracts: RememberedContracts) -> Int {
        let before = reader.count.withLock { $0 }
        for bytes in contents {
            let terms = contracts.remembered(.of(bytes)) ?? contracts.terms(of: bytes)
            #expect(terms == bytes.map { ContractTerm(name: "term \($0) ö", digest: .of([$0])) }.sorted())
        }
        return reader.count.withLock { $0 } - before
    }

    @Test func readsEachContentOnce() {
        let first = remembered()
        #expect(ask(first) == 3)
        #expect(ask(first) == 0)
        #expect(ask(remembered()) == 3)
        first.save()
        #expect(ask(remembered()) == 0)
    }

    @Test func believesNothingOfAnotherMeaningOrWithoutTrust() {
        let first = remembered()
        #expect(ask(first) == 3)
        first.save()
        #expect(ask(remembered("2")) == 3)
        #expect(ask(remembered(isTrusted: false)) == 3)
    }

    /// What nobody has asked for any more is left behind when something new is written, and only then.
    @Test func forgetsWhatNobodyAsksFor() {
        let first = remembered()
        #expect(ask(first) == 3)
        first.save()
        let second = remembered()
        #expect(second.remembered(.of([4])) != nil)
        second.save()
        #expect(ask(remembered()) == 0)
        let third = remembered()
        #expect(third.remembered(.of([4])) != nil)
        #expect(third.terms(of: [5]).count == 1)
        third.save()
        #expect(ask(remembered()) == 2)
    }

    @Test func aDamagedFileSaysNothing() throws {
        let first = remembered()
        #expect(ask(first) == 3)
        first.save()
        let whole = try readFile(path.shown)
        for place in stride(from: 0, to: whole.count, by: 7) {
            var bytes = whole
            bytes[place] ^= 0x40
            try folder.write("terms", bytes: bytes)
            _ = ask(remembered())
        }
        try folder.write("terms", bytes: Array(whole.dropLast(1)))
        #expect(ask(remembered()) == 3)
    }

    @Test func aFolderThatCannotBeWrittenCostsReadingAgain() {
        let nowhere = RememberedContracts(
            reader, meaning: "1", at: BytePath("/nonexistent/terms"), isTrusted: true)
        #expect(ask(nowhere) == 3)
        nowhere.save()
        #expect(ask(nowhere) == 0)
    }
}
