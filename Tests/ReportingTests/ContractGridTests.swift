import Reporting
import Testing

@Suite struct ContractGridTests {
    private let grid = ContractGrid(
        [
            .init(
                consumer: "web", provider: "api", standing: .failed,
                terms: [("a book", .verified), ("a \"loan\" <b>", .failed)], count: "1 of 2"),
            .init(
                consumer: "app", provider: "api", standing: .verified, terms: [("a book", .verified)], count: "1 of 1"),
        ], title: "for the contents at hand")

    @Test func countsEachStanding() {
        #expect(grid.summary == "2 pairs: 1 verified, 1 failed")
        #expect(ContractGrid([], title: "").summary == "0 pairs")
    }

    @Test func thePageNamesWhatIsNotVerifiedAndEscapesNames() {
        let page = grid.page
        #expect(page.contains("<li class=\"failed\">✕ web → api: failed, 1 of 2</li>"))
        #expect(page.contains("a &quot;loan&quot; &lt;b&gt;"))
        #expect(!page.contains("<b>"))
        #expect(page.contains("aria-label=\"app and api: verified\""))
    }

    @Test func thePictureHasACellForEachPair() {
        let picture = grid.picture
        #expect(picture.hasPrefix("<svg"))
        #expect(picture.ranges(of: "<g class=").count == 2)
        #expect(picture.contains(">web</text>") && picture.contains(">api</text>"))
    }
}
