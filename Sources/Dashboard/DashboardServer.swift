// Brings requests to pages: who may see them, which page it is, the headers that every answer has, and the parts of pages that
// are told as they change. Does not know sockets.
import BuildEngine
import BuildGraph
import Synchronization

/// A dashboard on 127.0.0.1.
package final class DashboardServer: Sendable {
    private let site: DashboardSite
    private let gate: RequestGate
    private let listener: LoopbackListener

    /// The port that it is on.
    package var port: Int { listener.port }

    /// Listens on `port`, or on one that is free where that is 0. `token` is 64 hex digits, and whoever has not got it sees
    /// nothing. Throws where the port cannot be had.
    package init(_ source: any DashboardSource, port: Int, token: String) throws(PortTaken) {
        listener = try LoopbackListener(port: port)
        site = DashboardSite(source, isServed: true)
        gate = RequestGate(token: token, port: listener.port)
    }

    /// Answers until `stop` says so.
    package func run(until stop: @escaping @Sendable () -> Bool) async {
        await listener.serve(until: stop) { [self] asked in await answer(asked) }
    }

    private static let always = [
        ("X-Content-Type-Options", "nosniff"), ("X-Frame-Options", "DENY"), ("Referrer-Policy", "no-referrer"),
        ("Cache-Control", "no-store"), ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
    ]

    func answer(_ asked: HTTPAsked) async -> HTTPReply {
        let reply: HTTPReply
        switch gate.answer(asked) {
        case .refuse(let status, let reason): reply = LoopbackListener.plain(status, reason)
        case .takeToken(let cookie, let location):
            reply = HTTPReply(
                status: 303, headers: [("Set-Cookie", cookie), ("Location", location)], body: .whole([]))
        case .pass: reply = await page(asked.target)
        }
        var headers = reply.headers + Self.always
        if !headers.contains(where: { $0.name == "Content-Security-Policy" }) {
            headers.append(("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"))
        }
        return HTTPReply(status: reply.status, headers: headers, body: reply.body)
    }

    private func page(_ target: String) async -> HTTPReply {
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let path = String(parts[0])
        if path == "/live" { return stream(of: nil) }
        if path.hasPrefix("/runs/"), path.hasSuffix(".live") {
            return stream(of: String(path.dropFirst(6).dropLast(5)))
        }
        let search = parts.count > 1 ? Self.value(of: "q", in: parts[1]) : ""
        guard let file = await site.file(path, search: search) else {
            return LoopbackListener.plain(404, "there is no such page")
        }
        return HTTPReply(
            status: 200,
            headers: [
                ("Content-Type", file.type), ("Content-Security-Policy", file.policy + "; frame-ancestors 'none'"),
            ], body: .whole(file.bytes))
    }

    /// `application/x-www-form-urlencoded`; what is no text is shown as what it is.
    static func value(of name: String, in query: Substring) -> String {
        let pair = query.split(separator: "&").first { $0.hasPrefix(name + "=") }
        var bytes: [UInt8] = []
        var rest = Array((pair?.dropFirst(name.utf8.count + 1) ?? "").utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "+") {
                bytes.append(0x20)
            } else if byte == UInt8(ascii: "%"), rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Server-sent events (HTML, section 9.2): the part as it is, and again whenever it is another. Ends after ten minutes; browsers
    /// ask again by themselves.
    private func stream(of id: String?) -> HTTPReply {
        let told = Mutex(Told())
        return HTTPReply(
            status: 200, headers: [("Content-Type", "text/event-stream")],
            body: .parts { [site] in
                let now = told.withLock { $0.isOver } ? nil : site.live(of: id)
                return told.withLock { $0.next(now) }
            })
    }

    private struct Told {
        private var last: String?
        private let end = ContinuousClock.now + .seconds(600)
        private var saidAt = ContinuousClock.now
        var isOver = false

        mutating func next(_ state: LiveState?) -> [UInt8]? {
            let now = ContinuousClock.now
            guard let state, now < end else { return nil }
            if state.html == last {
                guard now - saidAt >= .seconds(10) else { return [] }
                saidAt = now
                return Array(": still here\n\n".utf8)
            }
            (last, saidAt, isOver) = (state.html, now, state.isEnd)
            let data = JSONValue.object([("html", .string(state.html))]).text(pretty: false)
            return Array("data: \(data)\n\n\(state.isEnd ? "event: end\ndata: end\n\n" : "")".utf8)
        }
    }
}
