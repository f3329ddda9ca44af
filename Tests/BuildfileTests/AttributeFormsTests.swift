import Buildfile
import Testing

@Suite struct AttributeFormsTests {
    private func read(_ text: String) -> RuleAttribute? {
        let parsed = parse("service a\n    \(text)\n    build: x\n")
        guard case .component(let component) = parsed.declarations.first, case .rule(let rule) = component.items.first
        else { return nil }
        return rule.attributes.first.flatMap(RuleAttribute.init)
    }

    @Test(arguments: [
        ("90s", 90), ("10m", 600), ("1h", 3600), ("1h30m", 5400), ("1h1m1s", 3661), ("0s", 0),
    ])
    func durations(text: String, seconds: Int) {
        #expect(parseDuration(text) == .seconds(seconds))
    }

    @Test(arguments: [
        "", "10", "m", "1m1h", "1s1s", "1.5h", "-1s", "1 s", "99999999999999999999s", "9000h", "1S", "1d",
    ])
    func noDurations(text: String) {
        #expect(parseDuration(text) == nil)
    }

    @Test func typedAttributes() {
        #expect(read("[timeout 1h30m]") == .timeout(.seconds(5400)))
        #expect(read("[retries 2]") == .retries(2))
        #expect(read("[pool heavy]") == .pool("heavy"))
        #expect(read("[network]") == .network)
        #expect(read("[uncached]") == .uncached)
        #expect(read("[platform linux/amd64 linux/arm64/v8]") == .platform(["linux/amd64", "linux/arm64/v8"]))
        guard case .gate(let gate) = read("[gate coverage >= 80.5 c.json]") else {
            Issue.record("no gate")
            return
        }
        #expect((gate.metric, gate.threshold, gate.file.text) == (.coverage, 80.5, "c.json"))
        #expect(gate.comparison.accepts(80.5, gate.threshold))
        #expect(!gate.comparison.accepts(80, gate.threshold))
        guard case .argument(let name, let value) = read("[arg A=b=c]") else {
            Issue.record("no argument")
            return
        }
        #expect((name, value.text, value.span.length) == ("A", "b=c", 3))
    }

    @Test(arguments: [
        "[timeout 10]", "[timeout 0s]", "[timeout]", "[timeout 1s 2s]", "[retries x]", "[retries -1]", "[retries 101]",
        "[pool A]", "[network on]", "[keep dir]", "[report html x]", "[report junit]", "[gate lint ~ 1 f]",
        "[gate speed > 1 f]", "[gate lint > nan f]", "[gate lint > 80% f]", "[platform linux]", "[platform linux/]",
        "[arg A]", "[arg 1=2]", "[dockerfile \"\"]", "[gate $x > many f]", "[platform $x linux]",
    ])
    func wrongForms(text: String) {
        #expect(parse("service a\n    \(text)\n    build: x\n").diagnostics.map(\.code) == [.badAttribute])
    }

    @Test(arguments: ["[timeout $t]", "[retries ${n}]", "[gate lint <= $most f]", "[arg A=$b]", "[keep $dir]"])
    func variablesAreCheckedWhenTheyAreExpanded(text: String) {
        #expect(parse("service a\n    \(text)\n    build: x\n").diagnostics.isEmpty)
    }
}
