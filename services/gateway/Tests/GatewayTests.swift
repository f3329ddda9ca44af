import Glibc
import Synchronization

/// Services that answer from a table and remember what they were asked.
private final class Services: Sendable {
    let asked = Mutex<[String]>([])
    let answers: [String: Response]

    init(_ answers: [String: Response]) { self.answers = answers }

    var gateway: Gateway {
        Gateway(version: "9") { [self] request, service throws(Unavailable) in
            let line = "\(service) \(request.method) \(request.target)"
            asked.withLock {
                $0.append(line + (request.body.isEmpty ? "" : " " + String(decoding: request.body, as: UTF8.self)))
            }
            guard let answer = answers[line] else { throw Unavailable(service: service, reason: "no table entry") }
            return answer
        }
    }

    func ask(_ method: String, _ target: String, _ body: String = "") -> (status: Int, body: JSON?, response: Response)
    {
        let request = Request(
            method: method, target: target, headers: [Header(name: "Content-Type", value: "application/json")],
            body: Array(body.utf8))
        let response = gateway.answer(request, id: "id-1")
        return (response.status, try? JSONParser.parse(response.body), response)
    }
}

private let ada = JSON.object(["id": .string("r-ada"), "blocked": .bool(false)])

let gatewayTests = [
    Test("health says who and which version") {
        let answer = Services([:]).ask("GET", "/health")
        try expectEqual(answer.status, 200)
        try expectEqual(answer.body?["version"]?.text, "9")
    },
    Test("paths below /api go to their owners with their query") {
        let services = Services(["catalog GET /books?q=a%20b": Response(status: 200, .object([]))])
        try expectEqual(services.ask("GET", "/api/books?q=a%20b").status, 200)
    },
    Test("a location is below /api again, and the request's id is there") {
        let made = Response(status: 201, headers: [Header(name: "Location", value: "/readers/r-1")], body: [])
        let answer = Services(["readers POST /readers": made]).ask("POST", "/api/readers", "{}")
        try expectEqual(answer.response.header("Location"), "/api/readers/r-1")
        try expectEqual(answer.response.header("X-Request-Id"), "id-1")
    },
    Test("what nobody owns is 404, and asks nobody") {
        let services = Services([:])
        for path in [
            "/", "/api", "/api/", "/books", "/api/secrets", "/api/books/../../health", "/apix/books", "//api/books",
        ] {
            try expectEqual(services.ask("GET", path).status, 404)
        }
        try expectEqual(services.asked.withLock { $0 }, [])
    },
    Test("methods that nobody has are 405") {
        try expectEqual(Services([:]).ask("TRACE", "/api/books").status, 405)
        try expectEqual(Services([:]).ask("GET", "/api/checkout").status, 405)
    },
    Test("a service that is away is 503 and named") {
        let answer = Services([:]).ask("GET", "/api/loans")
        try expectEqual(answer.status, 503)
        try expectEqual(answer.body?["message"]?.text, "lending cannot be reached at the moment")
    },
    Test("errors of a service go through unchanged") {
        let services = Services(["lending POST /loans": .problem(409, "reader-blocked", "no")])
        let answer = services.ask("POST", "/api/loans", "{}")
        try expectEqual(answer.status, 409)
        try expectEqual(answer.body?["error"]?.text, "reader-blocked")
    },
    Test("a check-out finds the reader and makes the loan") {
        let services = Services([
            "readers GET /readers?email=ada%40example.org": Response(status: 200, .object(["readers": .array([ada])])),
            "lending POST /loans": Response(status: 201, .object(["id": .number("7")])),
        ])
        let answer = services.ask("POST", "/api/checkout", #"{"email":"ada@example.org","isbn":"9780131103627"}"#)
        try expectEqual(answer.status, 201)
        try expectEqual(answer.body?["loan"]?["id"], .number("7"))
        try expectEqual(answer.body?["reader"], ada)
        try expectEqual(
            services.asked.withLock { $0.last }, #"lending POST /loans {"reader_id":"r-ada","isbn":"9780131103627"}"#)
    },
    Test("a check-out for nobody makes no loan") {
        let services = Services([
            "readers GET /readers?email=x%40y.z": Response(status: 200, .object(["readers": .array([])]))
        ])
        let answer = services.ask("POST", "/api/checkout", #"{"email":"x@y.z","isbn":"9780131103627"}"#)
        try expectEqual(answer.status, 422)
        try expectEqual(services.asked.withLock { $0.count }, 1)
    },
    Test("a check-out's body is checked") {
        let services = Services([:])
        for (body, status) in [("", 400), ("[]", 400), ("{", 400), ("{}", 422), (#"{"email":1,"isbn":"x"}"#, 422)] {
            try expectEqual(services.ask("POST", "/api/checkout", body).status, status)
        }
    },
    Test("the system is well when every service is") {
        let well = Response(status: 200, .object(["status": .string("ok")]))
        var answers = [String: Response](uniqueKeysWithValues: Settings.services.map { ("\($0) GET /health", well) })
        try expectEqual(Services(answers).ask("GET", "/api/health").status, 200)
        answers["notices GET /health"] = nil
        let answer = Services(answers).ask("GET", "/api/health")
        try expectEqual(answer.status, 503)
        try expectEqual(answer.body?["services"]?["notices"]?.text, "unavailable")
    },
]

/// Sends bytes to a server as they are and returns the status of the answer.
private func status(_ text: String, to port: Int) throws -> Int {
    let deadline = Deadline(milliseconds: 5_000)
    let connection = try Connection.open(host: "127.0.0.1", port: port, deadline: deadline)
    try connection.write(Array(text.utf8), deadline: deadline)
    var bytes: [UInt8] = []
    while true {
        let more = try connection.read(deadline: deadline)
        if more.isEmpty { break }
        bytes += more
    }
    return try Client.response(bytes).status
}

/// Runs `body` while a server answers that echoes what it gets.
private func withServer(_ body: (Int) throws -> Void) throws {
    let server = try Server(host: "127.0.0.1", port: 0)
    try expect(startThread { server.run { Response(status: 200, body: $0.body) } })
    try body(server.port)
    try expect(server.stop(milliseconds: 5_000), "a connection stayed open")
}

let serverTests = [
    Test("a request goes there and back over a socket") {
        try withServer { port in
            guard let upstream = Upstream(name: "self", url: "http://127.0.0.1:\(port)") else {
                throw Failure(text: "url")
            }
            let body = [UInt8](repeating: 0x61, count: 300_000)
            let answer = try Client.send(Request(method: "POST", target: "/", body: body), to: upstream)
            try expectEqual(answer.body.count, body.count)
        }
    },
    Test("many requests at once are all answered") {
        try withServer { port in
            let done = Mutex(0)
            for _ in 0..<20 {
                try expect(
                    startThread {
                        if (try? status("GET / HTTP/1.1\r\n\r\n", to: port)) == 200 { done.withLock { $0 += 1 } }
                    })
            }
            let deadline = Deadline(milliseconds: 10_000)
            while done.withLock({ $0 }) < 20 && deadline.left > 0 { usleep(5_000) }
            try expectEqual(done.withLock { $0 }, 20)
        }
    },
    Test("what is no request gets its answer") {
        try withServer { port in
            try expectEqual(try status("nonsense\r\n\r\n", to: port), 400)
            try expectEqual(try status("POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", to: port), 413)
            try expectEqual(
                try status("GET / HTTP/1.1\r\nX: " + String(repeating: "x", count: 20_000) + "\r\n\r\n", to: port), 431)
        }
    },
    Test("nobody there is unavailable, not a crash") {
        guard let upstream = Upstream(name: "gone", url: "http://127.0.0.1:9") else { throw Failure(text: "url") }
        do throws(Unavailable) {
            _ = try Client.send(Request(method: "GET", target: "/"), to: upstream)
            throw Unavailable(service: "", reason: "an answer")
        } catch {
            try expectEqual(error.service, "gone")
        }
    },
]
