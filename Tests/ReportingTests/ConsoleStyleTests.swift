import Reporting
import Testing

@Suite struct ConsoleStyleTests {
    @Test(arguments: [
        (ConsoleStyle.auto, true, ["TERM": "xterm"], true, true),
        (.auto, false, ["TERM": "xterm"], false, false),
        (.auto, true, ["TERM": "dumb"], false, false),
        (.auto, true, [:], false, false),
        (.auto, true, ["TERM": "xterm", "CI": "true"], false, false),
        (.auto, true, ["TERM": "xterm", "CI": ""], true, true),
        (.auto, true, ["TERM": "xterm", "NO_COLOR": "1"], true, false),
        (.auto, true, ["TERM": "xterm", "NO_COLOR": ""], true, true),
        (.plain, true, ["TERM": "xterm"], false, true),
        (.plain, false, ["TERM": "xterm"], false, false),
        (.tty, false, ["TERM": "xterm", "CI": "1"], true, true),
        (.tty, true, ["TERM": "dumb"], true, false),
        (.none, true, ["TERM": "xterm"], false, true),
    ])
    func looks(
        style: ConsoleStyle, isTerminal: Bool, environment: [String: String], isLive: Bool, hasColour: Bool
    ) {
        let look = style.look(isTerminal: isTerminal, environment: environment)
        #expect(look.isLive == isLive)
        #expect(look.hasColour == hasColour)
        #expect(look.namesSuccesses == (style != .none))
        #expect(look.isSpoken == (style == .plain))
    }
}
