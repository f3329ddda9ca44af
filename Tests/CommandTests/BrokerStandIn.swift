import BuildEngine
import BuildGraph
import BuildTestSupport
import Foundation

/// A stand-in for a Pact Broker on 127.0.0.1 that speaks the documented interface, as far as lmsbuild uses it. What it was asked is
/// in `requests`.
final class BrokerStandIn {
    let url: String
    private let pipe: any CommandPipe
    private let folder: TemporaryFolder

    /// `settings`: `token` or `password` that it wants, `old`: true where it knows no selectors, `conflict`: true where it takes
    /// no pact, `elsewhere`: true where its links lead to another machine.
    init(_ settings: String = "{}") throws {
        folder = try TemporaryFolder()
        try folder.write("broker.py", Self.program)
        pipe = try ProcessRunner.ofTests.open(
            Command(
                ["/usr/bin/python3", folder("broker.py").shown, folder("requests").shown, settings],
                environment: ["PATH": "/usr/bin:/bin"], folder: folder.path))
        // It says where it listens once it does.
        url = "http://127.0.0.1:" + String(decoding: try pipe.readLine() ?? [], as: UTF8.self)
    }

    /// It ends with its standard input.
    func end() { pipe.close() }

    deinit { pipe.close() }

    /// Method and path, and whether credentials came with it, of each request.
    var requests: [String] {
        let text = (try? String(contentsOfFile: folder("requests").shown, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").map(String.init)
    }

    private static let program = #"""
        import base64, json, sys, threading
        from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
        from urllib.parse import unquote

        log, settings = sys.argv[1], json.loads(sys.argv[2])
        pacts = {}


        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *words):
                pass

            def answer(self, status, value):
                body = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/hal+json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def base(self):
                return "http://192.0.2.1" if settings.get("elsewhere") else "http://" + self.headers["Host"]

            def do(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                given = self.headers.get("Authorization", "")
                with open(log, "a") as file:
                    file.write(f"{self.command} {self.path}{' with credentials' if given else ''}\n")
                wanted = None
                if "token" in settings:
                    wanted = "Bearer " + settings["token"]
                if "password" in settings:
                    wanted = "Basic " + base64.b64encode(("reader:" + settings["password"]).encode()).decode()
                if wanted and given != wanted:
                    return self.answer(401, {"error": "who is " + given + "?"})
                parts = [unquote(part) for part in self.path.strip("/").split("/")]
                if self.command == "PUT" and parts[0] == "pacts":
                    provider, consumer, version = parts[2], parts[4], parts[6]
                    if settings.get("conflict"):
                        return self.answer(409, {"errors": ["this version has another pact"]})
                    new = (provider, consumer, version) not in pacts
                    pacts[(provider, consumer, version)] = json.loads(body)
                    return self.answer(201 if new else 200, pacts[(provider, consumer, version)])
                if parts[:2] == ["pacts", "provider"]:
                    own = [(consumer, version) for (provider, consumer, version) in pacts if provider == parts[2]]
                    links = [{"href": f"{self.base()}/pacts/provider/{parts[2]}/consumer/{c}/version/{v}", "name": c}
                             for c, v in own]
                    if parts[3:] == ["for-verification"] and self.command == "POST" and not settings.get("old"):
                        json.loads(body)["consumerVersionSelectors"]
                        return self.answer(200, {"_embedded": {"pacts": [
                            {"shortDescription": "latest", "_links": {"self": link}} for link in links]}})
                    if parts[3:] == ["latest"]:
                        return self.answer(200, {"_links": {"pb:pacts": links}})
                    if len(parts) > 5 and parts[3] == "consumer":
                        for (c, v) in own:
                            if c == parts[4] and (parts[5] == "latest" or parts[6:] == [v]):
                                pact = dict(pacts[(parts[2], c, v)])
                                pact["_links"] = {"pb:publish-verification-results": {
                                    "href": f"{self.base()}/results/{c}/{v}"}}
                                return self.answer(200, pact)
                if parts[0] == "results" and self.command == "POST":
                    result = json.loads(body)
                    with open(log, "a") as file:
                        file.write(f"{result['success']} {result['providerApplicationVersion']}\n")
                    return self.answer(201, result)
                self.answer(404, {})

            do_GET = do_POST = do_PUT = do


        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(server.server_port, flush=True)
        sys.stdin.read()

        """#
}
