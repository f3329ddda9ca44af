import BuildEngine
import BuildGraph
import BuildTestSupport
import Contracts
import Testing

@Suite struct VerdictLogTests {
    private func value(_ text: String) -> SHA256Value { .of(Array(text.utf8)) }

    private func verdict(_ key: String, _ term: String, passed: Bool) -> Verdict {
        Verdict(key: value(key), term: value(term), consumer: "web", provider: "api", passed: passed)
    }

    @Test func keepsTheLastVerdictOfAKey() throws {
        let folder = try TemporaryFolder()
        let path = folder.path.appending("state/verdicts")
        let log = VerdictLog(at: path, now: { 7 })
        #expect(log.known(value("k")) == nil)
        try log.keep([verdict("k", "t", passed: false), verdict("other", "u", passed: true)])
        try VerdictLog(at: path, now: { 9 }).keep([verdict("k", "t", passed: true)])
        let read = VerdictLog(at: path)
        #expect(read.known(value("k")) == .init(passed: true, time: 9))
        #expect(read.known(value("other")) == .init(passed: true, time: 7))
        #expect(read.firstAsked(value("t"), of: "api") == 7)
    }

    @Test func knowsWhetherAProviderEverDidIt() throws {
        let folder = try TemporaryFolder()
        let path = folder.path.appending("verdicts")
        let log = VerdictLog(at: path)
        try log.keep([verdict("before", "t", passed: true), verdict("now", "t", passed: false)])
        try log.keep([verdict("now", "new", passed: false)])
        for known in [log, VerdictLog(at: path)] {
            #expect(known.wasEverSatisfied(value("t"), by: "api"))
            #expect(!known.wasEverSatisfied(value("t"), by: "other"))
            #expect(!known.wasEverSatisfied(value("new"), by: "api"))
        }
    }

    /// A killed run leaves a part of a record: what it would have said has to be verified again, and later ones count.
    @Test(arguments: [1, 40, 95]) func survivesAPartOfARecord(cut: Int) throws {
        let folder = try TemporaryFolder()
        let path = folder.path.appending("verdicts")
        try VerdictLog(at: path).keep([verdict("a", "t", passed: true), verdict("b", "t", passed: true)])
        let whole = try Disk.contents(of: path)
        try folder.write("verdicts", bytes: whole.dropLast(cut))
        let log = VerdictLog(at: path)
        #expect(log.known(value("a"))?.passed == true)
        #expect(log.known(value("b")) == nil)
        try log.keep([verdict("c", "t", passed: true)])
        let read = VerdictLog(at: path)
        #expect(read.known(value("a"))?.passed == true)
        #expect(read.known(value("b")) == nil)
        #expect(read.known(value("c"))?.passed == true)
    }

    @Test func aDamagedRecordSaysNothing() throws {
        let folder = try TemporaryFolder()
        let path = folder.path.appending("verdicts")
        try VerdictLog(at: path).keep([verdict("a", "t", passed: false), verdict("b", "t", passed: true)])
        var bytes = try Disk.contents(of: path)
        bytes[bytes.count - 96 - 4] = 1
        try folder.write("verdicts", bytes: bytes)
        let read = VerdictLog(at: path)
        #expect(read.known(value("a")) == nil)
        #expect(read.known(value("b"))?.passed == true)
    }

    @Test func mergesWhatItDoesNotKnow() throws {
        let folder = try TemporaryFolder()
        let (one, other) = (folder.path.appending("one"), folder.path.appending("other"))
        try VerdictLog(at: one).keep([verdict("a", "t", passed: true)])
        try VerdictLog(at: other).keep([verdict("a", "t", passed: false), verdict("b", "t", passed: true)])
        let log = VerdictLog(at: one)
        #expect(try log.merge(try Disk.contents(of: other)) == 1)
        #expect(try log.merge(Array("something else".utf8)) == nil)
        let read = VerdictLog(at: one)
        #expect(read.known(value("a"))?.passed == true)
        #expect(read.known(value("b"))?.passed == true)
    }
}
