import BuildGraph
import Testing

@Suite struct BytePathTests {
    @Test func whatATerminalObeysIsShownEscaped() {
        #expect(BytePath("a\u{1b}[31m\n\té漢").shown == "a\\x1b[31m\\n\\té漢")
        #expect(BytePath("a\u{9b}b").shown == "a\\xc2\\x9bb")
        #expect(BytePath("invoice\u{202e}gpj.exe").shown == "invoice\\xe2\\x80\\xaegpj.exe")
        #expect(BytePath(bytes: [0x61, 0xff, 0xc3]).shown == "a\\xff\\xc3")
    }
}
