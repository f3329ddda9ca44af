import BuildEngine
import Testing

@Suite struct JSONStreamTests {
    @Test func aStreamHasTheTextOfItsTree() {
        let odd = "a\"b\\c\u{7F}\n{[:,é"
        let tree = JSONValue.object([
            ("first", .string(odd)), ("count", .number(-3)), ("empty", .array([])), ("none", .object([])),
            (
                "list",
                .array([
                    .string(odd), .object([("x", .number(1)), ("y", .null)]), .array([.string("{"), .string("")]),
                    .bool(true),
                ])
            ), ("last", .double(1.5)),
        ])
        var stream = JSONStream(reserving: 10)
        stream.object { all in
            all.text("first", odd)
            all.number("count", -3)
            all.name("empty")
            all.array { _ in }
            all.name("none")
            all.object { _ in }
            all.name("list")
            all.array { list in
                list.text(odd)
                list.object { pair in
                    pair.number("x", 1)
                    pair.name("y")
                    pair.value(.null)
                }
                list.array { inner in
                    inner.text("{")
                    inner.text("")
                }
                list.value(.bool(true))
            }
            all.name("last")
            all.value(.double(1.5))
        }
        #expect(String(decoding: stream.bytes, as: UTF8.self) == tree.text(pretty: false))
    }
}
