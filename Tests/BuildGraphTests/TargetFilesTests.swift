import BuildTestSupport
import Testing

@testable import BuildGraph

@Suite struct TargetFilesTests {
    /// A sorted list stands for a set: it must say what a set says.
    @Test func anEntrySetIsASet() {
        var random = SeededGenerator(seed: 3)
        for _ in 0..<300 {
            var set: Set<Int> = []
            var entries = EntrySet()
            for _ in 0..<Int.random(in: 0..<8, using: &random) {
                let start = Int.random(in: 0..<20, using: &random)
                let other = (start..<start + 12).filter { _ in Bool.random(using: &random) }
                switch Int.random(in: 0..<3, using: &random) {
                case 0:
                    set.subtract(other)
                    entries.subtract(other)
                case 1:
                    set.insert(start)
                    entries.insert(start)
                default:
                    set.formUnion(other)
                    entries.formUnion(other)
                }
                #expect(entries.indices == set.sorted())
            }
        }
    }
}
