import Reporting
import Testing

@Suite struct OutputFilterTests {
    private let plain = OutputFilter(allowsColour: false, neutralisesCommands: false)
    private let colour = OutputFilter(allowsColour: true, neutralisesCommands: false)
    private let ci = OutputFilter(allowsColour: false, neutralisesCommands: true)

    @Test(arguments: ["", "plain text\n\ttabs\n", "é € 漢字 😀 e\u{301}\n", "a \\x1b b"])
    func textStays(text: String) {
        #expect(plain.filtered(text) == text)
        #expect(colour.filtered(text) == text)
    }

    @Test func coloursPassOnlyWhereTheyWork() {
        #expect(colour.filtered("\u{1B}[1;31mred\u{1B}[K\n") == "\u{1B}[1;31mred\u{1B}[0m\n")
        #expect(colour.filtered("\u{1B}[38;5;8mgrey\u{1B}[m") == "\u{1B}[38;5;8mgrey\u{1B}[m\u{1B}[0m")
        #expect(plain.filtered("\u{1B}[1;31mred\u{1B}[K\n") == "red\n")
    }

    @Test(arguments: [
        ("\u{1B}]0;title\u{7}", #"\x1b]0;title\x07"#),
        ("\u{1B}]52;c;aGk=\u{1B}\\", #"\x1b]52;c;aGk=\x1b\"#),
        ("\u{1B}[2J\u{1B}[H", #"\x1b[2J\x1b[H"#),
        ("\u{1B}[1A\u{1B}[2K", #"\x1b[1A\x1b[2K"#),
        ("\u{1B}[?25l", #"\x1b[?25l"#),
        ("\u{1B}[8mhidden", #"\x1b[8mhidden"#),
        ("\u{1B}[1;8mhidden", #"\x1b[1;8mhidden"#),
        ("\u{1B}[>4m", #"\x1b[>4m"#),
        ("\u{1B}c", #"\x1bc"#),
        ("\u{1B}P0;0|1\u{1B}\\", #"\x1bP0;0|1\x1b\"#),
        ("\u{1B}", #"\x1b"#), ("\u{1B}[", #"\x1b["#), ("\u{1B}[31", #"\x1b[31"#),
        ("a\u{8}b\u{0}\u{7F}", #"a\x08b\x00\x7f"#),
        ("\u{9B}2J", #"\xc2\x9b2J"#),
        ("a\u{202E}b", #"a\xe2\x80\xaeb"#),
    ])
    func whatATerminalWouldObeyIsMadeVisible(text: String, shown: String) {
        #expect(colour.filtered(text) == shown)
        #expect(plain.filtered(text) == shown)
    }

    @Test func returnsBecomeLineEnds() {
        #expect(plain.filtered("a\r\nb\r\r\nc") == "a\nb\nc")
        #expect(plain.filtered("10%\r100%\rok\n") == "10%\n100%\nok\n")
    }

    @Test func bytesThatAreNotUTF8AreShown() {
        let bytes: [UInt8] = [0x61, 0xFF, 0xC3, 0x28, 0xED, 0xA0, 0x80, 0xC0, 0x80, 0xF0, 0x9F]
        #expect(
            String(decoding: plain.filtered(bytes), as: UTF8.self) == #"a\xff\xc3(\xed\xa0\x80\xc0\x80\xf0\x9f"#)
    }

    @Test func commandsOfCIRunnersAreBrokenUp() {
        #expect(ci.filtered("::set-env::x\n  ::error::y\na::b\n") == "\\::set-env::x\n  \\::error::y\na::b\n")
        #expect(ci.filtered("x ##[group]a\n##vso[task.x]\n## Title\n") == "x #\\#[group]a\n#\\#vso[task.x]\n## Title\n")
        #expect(ci.filtered("\u{1B}[31m::error::x") == "\\::error::x")
        #expect(ci.filtered("#\u{1B}[0m#[x") == "#\\#[x")
        #expect(ci.filtered("a\r::error::x") == "a\n\\::error::x")
        #expect(plain.filtered("::x") == "::x")
    }
}
