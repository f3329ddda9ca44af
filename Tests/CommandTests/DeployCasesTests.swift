import BuildGraph
import BuildTestSupport
import Glibc
import Testing

/// docs/deploy-cases.md names tests: they are there.
@Suite struct DeployCasesTests {
    private let root = BytePath(#filePath).parent.parent.parent

    @Test func everyTestThatIsNamedIsThere() throws {
        let page = String(decoding: try readFile(root.appending("docs/deploy-cases.md").shown), as: UTF8.self)
        var declared: Set<Substring> = []
        for folder in ["Tests/DeliveryTests", "Tests/CommandTests"] {
            for text in try sources(in: root.appending(BytePath(folder))) { declared.formUnion(names(in: text)) }
        }
        // Between backquotes; a test's name has a capital letter somewhere.
        let quoted = page.split(separator: "`", omittingEmptySubsequences: false).enumerated().filter {
            $0.offset % 2 == 1
        }
        let named = quoted.flatMap { $0.element.split(separator: ".") }.filter { word in
            word.allSatisfy { $0.isLetter || $0.isNumber } && word.contains { $0.isUppercase }
        }
        #expect(named.count > 40)
        #expect(named.filter { !declared.contains($0) } == [])
    }

    /// What `struct`, `func` and `case` declare.
    private func names(in text: String) -> [Substring] {
        text.split(separator: "\n").flatMap { line -> [Substring] in
            let words = line.split { !($0.isLetter || $0.isNumber || $0 == "_") }
            guard let place = words.firstIndex(where: { ["struct", "func", "case"].contains($0) }) else { return [] }
            let rest = words[(place + 1)...]
            return words[place] == "case" ? Array(rest) : Array(rest.prefix(1))
        }
    }

    private func sources(in folder: BytePath) throws -> [String] {
        let opened = try #require(folder.withCString { opendir($0) })
        defer { closedir(opened) }
        var texts: [String] = []
        while let entry = readdir(opened) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if !name.hasSuffix(".swift") { continue }
            texts.append(String(decoding: try readFile(folder.appending(BytePath(name)).shown), as: UTF8.self))
        }
        return texts
    }
}
