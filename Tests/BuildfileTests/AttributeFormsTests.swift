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
        guard case .gate(let relative) = read("[gate lint new == 0 l.sarif if-unknown=fail]") else {
            Issue.record("no gate")
            return
        }
        #expect((relative.subject, relative.failsIfUnknown, relative.file.text) == (.new, true, "l.sarif"))
        guard case .argument(let name, let value) = read("[arg A=b=c]") else {
            Issue.record("no argument")
            return
        }
        #expect((name, value.text, value.span.length) == ("A", "b=c", 3))
    }

    @Test(arguments: [
        "[timeout 10]", "[timeout 0s]", "[timeout]", "[timeout 1s 2s]", "[retries x]", "[retries -1]", "[retries 101]",
        "[pool A]", "[network on]", "[keep dir]", "[report html x]", "[report junit]", "[gate lint ~ 1 f]",
        "[gate lint drop <= 0 f]", "[gate coverage new == 0 f]", "[gate lint new == 0]",
        "[gate lint == 0 f if-unknown=fail]",
        "[gate lint new == 0 f unknown=fail]", "[gate lint new == 0 f if-unknown=fail f]", "[gate speed > 1 f]",
        "[gate lint > nan f]", "[gate lint > 80% f]", "[platform linux]", "[platform linux/]",
        "[arg A]", "[arg 1=2]", "[dockerfile \"\"]", "[gate $x > many f]", "[platform $x linux]",
    ])
    func wrongForms(text: String) {
        #expect(parse("service a\n    \(text)\n    build: x\n").diagnostics.map(\.code) == [.badAttribute])
    }

    @Test(arguments: [
        "[timeout $t]", "[retries ${n}]", "[gate lint <= $most f]", "[gate lint new == $n f]",
        "[gate coverage drop <= $n f if-unknown=$p]", "[arg A=$b]", "[keep $dir]",
    ])
    func variablesAreCheckedWhenTheyAreExpanded(text: String) {
        #expect(parse("service a\n    \(text)\n    build: x\n").diagnostics.isEmpty)
    }

    // MARK: How a contract is verified

    private func verify(_ attributes: String, stage: String = "verify", recipe: String = "        x\n")
        -> ParsedBuildfile
    {
        parse("service a\n    \(attributes)\n    \(stage): x\n\(recipe)")
    }

    private func attributes(_ text: String) -> [RuleAttribute?] {
        guard case .component(let component) = verify(text).declarations.first,
            case .rule(let rule) = component.items.first
        else { return [] }
        return rule.attributes.map { RuleAttribute($0) }
    }

    @Test func contractAttributes() {
        #expect(attributes("[pact]") == [.pact(PactSettings())])
        var all = PactSettings()
        all.health = "/h?x=1"
        all.states = "/s"
        all.messages = "/m"
        all.wait = .seconds(90)
        all.answer = .seconds(5)
        all.parallel = 4
        #expect(
            attributes("[pact wait=1m30s health=/h?x=1 states=/s messages=/m answer=5s parallel=4] [pending]")
                == [.pact(all), .pending])
        #expect(
            attributes("[pact] [states python3 \"a b\"] [batch]")
                == [.pact(PactSettings()), .states(["python3", "a b"]), .batch])
    }

    @Test(arguments: [
        ("[pact health]", "health"), ("[pact health=x]", "health=x"), ("[pact health=]", "health="),
        ("[pact wait=0s]", "wait=0s"), ("[pact wait=soon]", "wait=soon"), ("[pact parallel=0]", "parallel=0"),
        ("[pact parallel=65]", "parallel=65"), ("[pact speed=1]", "speed=1"),
        ("[pact health=/a health=/b]", "health=/b"), ("[pact \"health=/a b\"]", "health=/a b"),
        ("[pact speed=$x]", "speed=$x"), ("[pact health=$h states=x]", "states=x"),
    ])
    func wrongWordsOfPactHaveTheCaret(text: String, word: String) {
        let found = verify(text).diagnostics
        #expect(found.map(\.code) == [.badAttribute])
        #expect(found.first?.message == "'pact' does not take '\(word)'")
        #expect(found.first?.hint?.contains("health=/PATH states=/PATH") == true)
    }

    @Test(arguments: ["[pact] [states]", "[pending now]", "[batch 3]", "[pact] [pact]", "[pact states=/s] [states x]"])
    func otherWrongFormsOfContractAttributes(text: String) {
        #expect(verify(text).diagnostics.map(\.code) == [.badAttribute])
    }

    @Test func contractAttributesBelongToVerifyWithARecipe() {
        #expect(verify("[pact]", stage: "unit").diagnostics.map(\.code) == [.misplaced])
        #expect(verify("[pending]", stage: "unit").diagnostics.map(\.code) == [.misplaced])
        #expect(verify("[pact]", recipe: "").diagnostics.map(\.code) == [.misplaced])
        #expect(verify("[states x]").diagnostics.map(\.code) == [.misplaced])
        #expect(verify("[pending] [batch]").diagnostics.isEmpty)
        #expect(verify("[pact health=$h wait=${w}]").diagnostics.isEmpty)
    }
}
