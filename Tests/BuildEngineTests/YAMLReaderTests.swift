// Reading YAML with what Compose files hold, beside PyYAML, which reads it as Compose's readers do.
import BuildEngine
import BuildGraph
import BuildTestSupport
import Testing

struct YAMLReaderTests {
    private func read(_ text: String, as form: YAMLForm = .stack) throws -> String {
        try YAMLReader.parse(Array(text.utf8), as: form).text(pretty: false)
    }

    @Test(arguments: [
        ("a: &x 1\nb: *x\n", #"{"a":1,"b":1}"#),
        ("a: &x {k: 1}\nb: [*x, *x]\n", #"{"a":{"k":1},"b":[{"k":1},{"k":1}]}"#),
        ("a: &x\n  k: 1\nb:\n  <<: *x\n  l: 2\n", #"{"a":{"k":1},"b":{"k":1,"l":2}}"#),
        // The block's own keys win, wherever << stands.
        ("a: &x {k: 1, l: 1}\nb:\n  k: 2\n  <<: *x\n", #"{"a":{"k":1,"l":1},"b":{"l":1,"k":2}}"#),
        // Of a list the first one wins.
        (
            "a: &x {k: 1}\nb: &y {k: 2, l: 3}\nc: {<<: [*x, *y]}\n",
            #"{"a":{"k":1},"b":{"k":2,"l":3},"c":{"k":1,"l":3}}"#
        ),
        ("a: {<<: {k: 1}}\n", #"{"a":{"k":1}}"#),
        ("- &x\n  k: 1\n- *x\n", #"[{"k":1},{"k":1}]"#),
        ("- &x text\n- &y |\n  more\n- [*x, *y]\n", #"["text","more\n",["text","more\n"]]"#),
        // A name may be given again.
        ("a: &x 1\nb: *x\nc: &x 2\nd: *x\n", #"{"a":1,"b":1,"c":2,"d":2}"#),
        ("a: &x\nb: *x\n", #"{"a":null,"b":null}"#),
        ("\"<<\": 1\n", #"{"<<":1}"#),
        ("&x\na: 1\n", #"{"a":1}"#),
        ("a: 0440\nb: 089\nc: 0\nd: 0.5\n", #"{"a":288,"b":"089","c":0,"d":0.5}"#),
    ])
    func whatAliasesStandFor(_ text: String, _ expected: String) throws {
        #expect(try read(text) == expected)
    }

    @Test func onlyStacksHaveOctalNumbers() throws {
        #expect(try read("a: 0440\n", as: .document) == #"{"a":440}"#)
    }

    @Test(arguments: [
        ("a: *x\n", "there is no anchor &x above", 3),
        ("a: &x [*x]\n", "there is no anchor &x above", 7),
        ("a: &x 1\nb:\n  <<: *x\n", "<< takes mappings alone", 13),
        ("a: & 1\n", "this name is empty", 3),
        ("- &x a: 1\n", "an anchor can't stand before a key", 5),
        ("a: &x &y 1\n", "an anchor marks a value of its own", 6),
        ("a: {<<: {k: 1}, <<: {l: 1}}\n", "\"<<\" stands there twice", 16),
        ("a: !reset null\n", "Compose's !reset is not supported", 3),
        ("a: *x b\n", "there is no anchor &x above", 3),
    ])
    func mistakes(_ text: String, _ message: String, _ offset: Int) {
        let error = #expect(throws: YAMLError.self) { try read(text) }
        #expect(error?.message == message)
        #expect(error?.offset == offset)
    }

    @Test func aFewLinesCannotBecomeABillionValues() {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1..<12 {
            let aliases = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
            text += "a\(level): &a\(level) [\(aliases)]\n"
        }
        for form in [YAMLForm.stack, .document] {
            let error = #expect(throws: YAMLError.self) { try read(text, as: form) }
            #expect(error?.message.hasPrefix("this YAML has more than") == true)
        }
    }

    @Test func aliasesCannotNestWithoutEnd() {
        var text = "a0: &a0 [[[[[[[[x]]]]]]]]\n"
        for level in 1..<12 { text += "a\(level): &a\(level) [[[[[[[[*a\(level - 1)]]]]]]]]\n" }
        let error = #expect(throws: YAMLError.self) { try read(text) }
        #expect(error?.message == "this is nested more than 64 deep")
    }

    @Test func whatIsTooLargeIsNotRead() {
        let error = #expect(throws: YAMLError.self) { try read("a: " + String(repeating: "x", count: 1 << 20)) }
        #expect(error?.message == "this YAML is larger than 1 MiB")
    }

    private static let documents = [
        """
        x-base: &base
          image: a
          env: &env {A: "1", B: two}
        x-more: &more
          image: b
          list:
          - one
          - &item two # said
          - *item
        services:
          web:
            <<: [*base, *more]
            image: c
            command: ["sh", '-c', "echo \\"hi\\""]
          db:
            <<: *base
            env:
              <<: *env
              B: three
            text: >-
              folded
              text

              with a break
            literal: |
              line one
                indented
          empty:
        """,
        """
        - &a [1, 2.5, true, null, ~, text]
        - *a
        - {x: *a , y: [*a, {z: "q"}]}
        - - nested
          - &n
            k: v
          - *n
        """,
    ]

    @Test(arguments: documents.indices)
    func asPyYAMLReadsIt(_ number: Int) async throws {
        try await compare(Array(Self.documents[number].utf8))
    }

    /// The sample system's stack is an example of what must read.
    @Test(arguments: ["compose.yml", "prod.yml"])
    func theSampleSystemsStacks(_ name: String) async throws {
        let root = BytePath(#filePath).parent.parent.parent
        try await compare(try readFile(root.appending("services/deploy/" + name).shown))
    }

    private func compare(_ bytes: [UInt8]) async throws {
        let program = "import json, sys, yaml; print(json.dumps(yaml.safe_load(sys.stdin), sort_keys=True))"
        let environment = ["PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"]
        var command = Command(["/usr/bin/python3", "-c", program], environment: environment, folder: BytePath("/"))
        command.input = bytes
        command.separateErrors = true
        let result = try await ProcessRunner.ofTests.run(command)
        try #require(result.succeeded, "needs python3-yaml: \(String(decoding: result.errors, as: UTF8.self))")
        let mine = try JSONValue.parse(YAMLReader.parse(bytes, as: .stack).bytes)
        #expect(sorted(mine) == sorted(try JSONValue.parse(result.output)))
    }

    private func sorted(_ value: JSONValue) -> JSONValue {
        switch value {
        case .object(let members):
            .object(members.map { ($0.0, sorted($0.1)) }.sorted { $0.0.utf8.lexicographicallyPrecedes($1.0.utf8) })
        case .array(let elements): .array(elements.map(sorted))
        default: value
        }
    }
}
