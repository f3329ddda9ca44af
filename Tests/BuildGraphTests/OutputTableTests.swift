import Buildfile
import Testing

@testable import BuildGraph

@Suite struct OutputTableTests {
    private func table(_ outputs: [(String, Bool)]) -> OutputTable {
        var table = OutputTable()
        let span = SourceSpan(SourceText(name: "t", bytes: []), offset: 0, length: 0)
        for (owner, output) in outputs.enumerated() {
            table.add(DeclaredOutput(path: BytePath(output.0), isFolder: output.1, span: span), of: owner)
        }
        table.finish()
        return table
    }

    /// What is claimed below a folder agrees with what is asked of each file, however many claims there are.
    @Test(arguments: [0, 20]) func aPartSaysWhatTheTableSays(more: Int) {
        let outputs = [("a/dist", true), ("a/x", false), ("b", true), ("a-b/x", false), ("c/d/e/f", true)]
        let table = table(outputs + (0..<more).map { ("a/many/\($0)", false) })
        let paths = [
            "a/dist", "a/dist/x", "a/dist-x", "a/x", "a/x/y", "a/y", "a/many/3", "b/x", "b/x/y", "a-b/x", "c/d/e/f/g",
            "c/d/e",
        ]
        for folder in ["", "a", "a/dist", "b", "b/x", "c/d", "c/d/e/f", "none"] {
            let part = table.claimed(below: BytePath(folder))
            for path in paths.map({ BytePath($0) }) where path.isInside(BytePath(folder)) {
                #expect(part.contains(path) == (table.owner(of: path) != nil), "'\(path.shown)' below '\(folder)'")
            }
        }
    }

    @Test func allInsideAFolderAreSorted() {
        let table = table([("a/z", false), ("a/b/c", true), ("a", false), ("a-b", false), ("ab/x", false)])
        func inside(_ folder: String) -> [String] {
            table.all(inside: BytePath(folder)).map(\.output.path.shown)
        }
        #expect(inside("a") == ["a", "a/b/c", "a/z"])
        #expect(inside("a/b") == ["a/b/c"])
        #expect(inside("") == ["a", "a-b", "a/b/c", "a/z", "ab/x"])
        #expect(inside("b") == [])
    }
}
