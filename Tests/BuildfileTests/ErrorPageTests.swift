import Buildfile
import Foundation
import Testing

/// The pages about this module's codes say what the parser does.
@Suite struct ErrorPageTests {
    private static let codes = DiagnosticCode.allCases.filter { $0.rawValue.hasPrefix("LMS0") }

    @Test(arguments: codes)
    func examplesAreWrongAndRight(code: DiagnosticCode) throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/errors")
        let page = try String(contentsOf: folder.appending(path: "\(code.rawValue).md"), encoding: .utf8)
        #expect(page.hasPrefix("# \(code.rawValue): "))
        let blocks = page.components(separatedBy: "```").enumerated().filter { $0.offset % 2 == 1 }
            .map { String($0.element.dropFirst("make\n".count)) }
        #expect(blocks.count == 2)
        // A page cannot hold a bad byte or a mebibyte: there the wrong example only shows the cause.
        if code != .badEncoding, code != .tooLarge {
            let found = Set(parse(blocks[0]).diagnostics.map(\.code))
            #expect(found == [code])
        }
        #expect(rendered(parse(blocks[1])) == "")
    }
}
