import BuildEngine
import BuildGraph
import Contracts
import Testing

@Suite struct ContractDocumentTests {
    private func read(_ text: String, _ name: String = "a.json") throws -> ContractDocument {
        try ContractDocument.read(Array(text.utf8), name: name)
    }

    static let pact = """
        {"consumer": {"name": "web"}, "provider": {"name": "api"},
         "interactions": [
          {"description": "one", "request": {"method": "GET", "path": "/a"}, "response": {"status": 200}},
          {"description": "two", "providerState": "s", "request": {"path": "/b"}, "response": {"status": 201}}
         ],
         "metadata": {"pactSpecification": {"version": "2.0.0"}}}
        """

    @Test func aPactHasItsInteractions() throws {
        let document = try read(Self.pact)
        #expect(document.kind == .pact)
        #expect(document.consumer == "web")
        #expect(document.provider == "api")
        #expect(Set(document.interactions.map(\.description)) == ["one", "two"])
        #expect(document.interactions.first { $0.description == "two" }?.line == 4)
        #expect(document.interactions.first { $0.description == "two" }?.providerStates.map(\.name) == ["s"])
    }

    @Test func narrowingKeepsDigests() throws {
        let document = try read(Self.pact)
        let wanted = try #require(document.interactions.first)
        let narrowed = try ContractDocument.read(document.narrowed(to: [wanted.digest]), name: "a.json")
        #expect(narrowed.interactions.map(\.digest) == [wanted.digest])
        #expect(narrowed.provider == "api")
    }
}
