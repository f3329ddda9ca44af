import Glibc

/// Exit statuses are sysexits': 64 wrong use, 78 wrong settings; 1 anything else.
func complain(_ text: String) {
    let line = Array("gateway: \(text)\n".utf8)
    _ = line.withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
}

func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

/// A request's own id where it is fit for a log line, a new one otherwise.
func requestID(_ request: Request) -> String {
    if let given = request.header("X-Request-Id"), (1...64).contains(given.utf8.count),
        given.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) })
    {
        return given
    }
    return String(UInt64.random(in: .min ... .max), radix: 16)
}

func checkHealth() -> Int32 {
    guard let port = environment("PORT"), let upstream = Upstream(name: "gateway", url: "http://127.0.0.1:\(port)")
    else {
        complain("PORT is not set")
        return 78
    }
    do {
        return try Client.send(Request(method: "GET", target: "/health"), to: upstream).status == 200 ? 0 : 1
    } catch {
        complain(error.reason)
        return 1
    }
}

func serve() -> Int32 {
    let settings: Settings
    do {
        settings = try Settings(environment)
    } catch {
        Log.write("error", "bad-settings", ["problems": .array(error.problems.map { .string($0) })])
        complain("cannot start: " + error.problems.joined(separator: "; "))
        return 78
    }
    // Before any thread starts, so that all inherit it: TERM and INT wait for sigwait below.
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGTERM)
    sigaddset(&signals, SIGINT)
    pthread_sigmask(SIG_BLOCK, &signals, nil)
    signal(SIGPIPE, SIG_IGN)
    let server: Server
    do {
        server = try Server(host: settings.host, port: settings.port)
    } catch {
        Log.write("error", "cannot-start", ["error": .string(error.text)])
        complain("cannot start: \(error.text)")
        return 1
    }
    let upstreams = settings.upstreams
    let gateway = Gateway(version: version) { request, service throws(Unavailable) in
        guard let upstream = upstreams[service] else { throw Unavailable(service: service, reason: "not configured") }
        return try Client.send(request, to: upstream)
    }
    let accepting = startThread {
        server.run { request in
            let started = Deadline.now
            let id = requestID(request)
            let response = gateway.answer(request, id: id)
            Log.write(
                "info", "request",
                [
                    "method": .string(request.method), "path": .string(request.target),
                    "status": .number("\(response.status)"),
                    "request_id": .string(id), "ms": .number("\(Deadline.now - started)"),
                ])
            return response
        }
    }
    guard accepting else {
        complain("cannot start a thread")
        return 1
    }
    Log.write("info", "started", ["port": .number("\(server.port)"), "version": .string(version)])
    var number: Int32 = 0
    sigwait(&signals, &number)
    Log.write("info", "stopping")
    let isDone = server.stop(milliseconds: 12_000)
    Log.write(isDone ? "info" : "warning", "stopped")
    return isDone ? 0 : 1
}

switch Array(CommandLine.arguments.dropFirst()) {
case []: exit(serve())
case ["--version"]: print(version)
case ["--health-check"]: exit(checkHealth())
default:
    complain("usage: gateway [--health-check | --version]; settings come from the environment")
    exit(64)
}
