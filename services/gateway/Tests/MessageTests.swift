struct Test: Sendable {
    let name: String
    let run: @Sendable () throws -> Void

    init(_ name: String, _ run: @escaping @Sendable () throws -> Void) {
        self.name = name
        self.run = run
    }
}

private func parse(_ text: String) throws(JSONError) -> JSON { try JSONParser.parse(Array(text.utf8)) }

let jsonTests = [
    Test("JSON that was read is written the same") {
        for text in [#"{"a":[1,-2.5e+3,true,false,null],"b":{"c":"é"}}"#, "[]", "{}", "0", #""""#] {
            try expectEqual(try parse(text).encoded, text)
        }
    },
    Test("escapes are read and needed ones written") {
        try expectEqual(try parse(#""a\"\\\/\b\f\n\r\t\u0041\ud83d\ude00""#), .string("a\"\\/\u{8}\u{c}\n\r\tA😀"))
        try expectEqual(JSON.string("\"\\\n\u{1}").encoded, #""\"\\\n\u0001""#)
    },
    Test("what is no JSON is refused") {
        let bad = [
            "", "{", "[1,]", "{\"a\"}", "{a:1}", "01", "1.", "-", "1e", "tru", "\"", "\"\u{1}\"", "1 2", "NaN", "'a'",
            #""\x""#, #""\ud800""#, #""\u00""#, "[1 2]",
        ]
        for text in bad {
            do throws(JSONError) {
                _ = try parse(text)
                throw JSONError(reason: "taken", offset: -1)
            } catch {
                try expect(error.offset >= 0, "'\(text)' was taken")
            }
        }
    },
    Test("bad UTF-8 and deep nesting are refused") {
        try expect((try? JSONParser.parse([0x22, 0xFF, 0x22])) == nil)
        try expect((try? parse(String(repeating: "[", count: 65) + String(repeating: "]", count: 65))) == nil)
        try expect((try? parse(String(repeating: "[", count: 60) + String(repeating: "]", count: 60))) != nil)
    },
    Test("members are found by name") {
        let value = try parse(#"{"a":{"b":"x"},"l":[1]}"#)
        try expectEqual(value["a"]?["b"]?.text, "x")
        try expectEqual(value["l"]?.items?.count, 1)
        try expect(value["z"] == nil && value["l"]?["a"] == nil)
    },
]

private func head(_ text: String) throws(MessageError) -> Head { try Head.parse(Array(text.utf8)) }

let messageTests = [
    Test("a request's head is read") {
        let request = try head("GET /a?b=1 HTTP/1.1\r\nHost: x\r\nX-A:  y \r\n\r\n").request()
        try expectEqual(request.method, "GET")
        try expectEqual(request.target, "/a?b=1")
        try expectEqual(request.path, "/a")
        try expectEqual(request.header("x-a"), "y")
    },
    Test("the end of a head is found only when it is there") {
        try expectEqual(Head.end(in: Array("GET / HTTP/1.1\r\n\r\nrest".utf8)), 18)
        try expectEqual(Head.end(in: Array("GET / HTTP/1.1\r\n\r".utf8)), nil)
    },
    Test("heads that are no requests are refused") {
        for text in [
            "GET /\r\n\r\n", "GET / HTTP/2\r\n\r\n", "GET x HTTP/1.1\r\n\r\n", "GET /é HTTP/1.1\r\n\r\n", "\r\n",
        ] {
            try expect((try? head(text).request()) == nil, text)
        }
        for text in [
            "GET / HTTP/1.1\r\n: x\r\n\r\n", "GET / HTTP/1.1\r\nA B: x\r\n\r\n", "GET / HTTP/1.1\r\nA\r\n\r\n",
        ] {
            try expect((try? head(text)) == nil, text)
        }
    },
    Test("a body's length is one small number") {
        func status(_ header: String) -> Int? {
            do throws(MessageError) {
                _ = try head("POST / HTTP/1.1\r\n\(header)\r\n\r\n").bodyLength()
                return nil
            } catch {
                return error.status
            }
        }
        try expectEqual(status("Content-Length: 5"), nil)
        try expectEqual(status("Content-Length: -5"), 400)
        try expectEqual(status("Content-Length: 5\r\nContent-Length: 6"), 400)
        try expectEqual(status("Content-Length: 99999999"), 413)
        try expectEqual(status("Transfer-Encoding: chunked"), 411)
    },
    Test("a response that ended early is noticed") {
        try expect((try? Client.response(Array("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc".utf8))) == nil)
        try expect((try? Client.response(Array("nonsense\r\n\r\n".utf8))) == nil)
        let whole = try Client.response(Array("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc".utf8))
        try expectEqual(whole.body, Array("abc".utf8))
    },
    Test("values are percent-encoded") {
        try expectEqual(percentEncoded("a b@c.é&=-_~"), "a%20b%40c.%C3%A9%26%3D-_~")
    },
]

let settingsTests = [
    Test("addresses of services are http, host and port") {
        try expectEqual(Upstream(name: "a", url: "http://h:81/")?.port, 81)
        try expectEqual(Upstream(name: "a", url: "http://h")?.port, 80)
        for url in [
            "https://h", "h:80", "http://", "http://h:0", "http://h:70000", "http://h:x", "http://a b:1", "http://h/x",
        ] {
            try expect(Upstream(name: "a", url: url) == nil, url)
        }
    },
    Test("all wrong settings are named at once") {
        do throws(Settings.Invalid) {
            _ = try Settings { ["PORT": "x", "CATALOG_URL": "ftp://x", "READERS_URL": "http://h:1"][$0] }
            throw Settings.Invalid(problems: [])
        } catch {
            try expectEqual(
                error.problems,
                [
                    "PORT is 'x', expected a number from 0 to 65535",
                    "CATALOG_URL is 'ftp://x', expected http://host:port",
                    "LENDING_URL is not set", "NOTICES_URL is not set",
                ])
        }
    },
]
