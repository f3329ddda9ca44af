// A web server on 127.0.0.1, or on a unix socket, whose answers a test writes in Python. Does not know what is asked.
import BuildEngine
package import BuildGraph

/// Runs `answer(self, body)`, a function of a `BaseHTTPRequestHandler`'s, for each request. `self.seen` is a list that all
/// requests share, for faults at the n-th; `self.state` a dictionary.
package final class ScriptedServer {
    /// `http://127.0.0.1:PORT`; empty on a unix socket.
    package let url: String
    /// `127.0.0.1:PORT`.
    package let address: String
    private let pipe: any CommandPipe
    private let folder: TemporaryFolder

    /// `script` defines `answer(self, body)`. Throws where it does not start.
    package init(_ script: String, socket: BytePath? = nil) throws {
        folder = try TemporaryFolder()
        try folder.write("script.py", script)
        try folder.write("server.py", Self.program)
        pipe = try ProcessRunner.ofTests.open(
            Command(
                [
                    "/usr/bin/python3", folder("server.py").shown, folder("script.py").shown, folder("requests").shown,
                    socket?.shown ?? "",
                ], environment: ["PATH": "/usr/bin:/bin", "HOME": "/nonexistent"], folder: folder.path))
        // It says where it listens once it does.
        let port = String(decoding: try pipe.readLine() ?? [], as: UTF8.self)
        address = "127.0.0.1:" + port
        url = socket == nil ? "http://" + address : ""
    }

    /// It ends with its standard input.
    package func end() { pipe.close() }

    deinit { pipe.close() }

    /// Method and path of each request, in the order in which they came.
    package var requests: [String] {
        let text = (try? String(decoding: readFile(folder("requests").shown), as: UTF8.self)) ?? ""
        return text.split(separator: "\n").map(String.init)
    }

    private static let program = #"""
        import os, socket, socketserver, sys, threading
        from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

        script, log, path = sys.argv[1:4]
        scope = {}
        exec(open(script).read(), scope)
        lock = threading.Lock()


        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            seen, state = [], {}

            def log_message(self, *words):
                pass

            def address_string(self):
                return ""

            def answer_any(self):
                with lock:
                    with open(log, "a") as file:
                        file.write(f"{self.command} {self.path}\n")
                    self.seen.append((self.command, self.path))
                if self.headers.get("Transfer-Encoding") == "chunked":
                    body = b""
                    while size := int(self.rfile.readline(), 16):
                        body += self.rfile.read(size)
                        self.rfile.readline()
                    self.rfile.readline()
                else:
                    body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                try:
                    scope["answer"](self, body)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

            do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = answer_any


        class UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
            daemon_threads = True

            def get_request(self):
                request, _ = super().get_request()
                return request, ("unix", 0)


        if path:
            server = UnixServer(path, Handler)
            port = 0
        else:
            server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
            port = server.server_address[1]
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(port, flush=True)
        sys.stdin.read()
        os._exit(0)
        """#
}
