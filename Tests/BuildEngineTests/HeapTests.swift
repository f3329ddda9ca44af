import BuildTestSupport
import Testing

@testable import BuildEngine

@Suite struct HeapTests {
    @Test(arguments: 0..<20) func givesTheSmallestFirst(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var heap = Heap<Int>()
        var rest: [Int] = []
        for _ in 0..<500 {
            if rest.isEmpty || Int.random(in: 0..<3, using: &random) > 0 {
                // Few values, so that many are equal.
                let value = Int.random(in: 0..<40, using: &random)
                heap.insert(value)
                rest.append(value)
            } else {
                rest.sort()
                #expect(heap.first == rest[0])
                #expect(heap.popFirst() == rest.removeFirst())
            }
        }
        while let next = heap.popFirst() {
            rest.sort()
            #expect(next == rest.removeFirst())
        }
        #expect(rest.isEmpty)
        #expect(heap.isEmpty)
        #expect(heap.first == nil)
    }
}
