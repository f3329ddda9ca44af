import Buildfile
import Testing

@Suite struct NearestWordTests {
    @Test(
        arguments: [
            ("catalg", "catalog"), ("Catalog", "catalog"), ("unti", "unit"), ("image", nil), ("x", nil), ("", nil),
            ("lendnig", "lending"), ("unot", "unit"),
        ] as [(String, String?)])
    func findsWhatWasMeant(word: String, expected: String?) {
        #expect(nearestWord(to: word, among: ["lending", "unit", "catalog"]) == expected)
    }

    @Test func orderOfCandidatesDoesNotMatter() {
        #expect(nearestWord(to: "bat", among: ["cat", "bag", "hat"]) == "bag")
        #expect(nearestWord(to: "bat", among: ["hat", "cat", "bag"]) == "bag")
    }
}
