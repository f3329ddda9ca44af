// A real engine with somebody before it who says no from a change on, or hangs up. Does not know stacks.
import BuildEngine
import BuildGraph
import BuildTestSupport
import Glibc

/// Passes on what it is asked, until it is told to fail.
final class FailingEngine {
    /// From now on counted: changes of services, the first being 1.
    enum Fault {
        /// The engine has no room for changes between these two.
        case refuses(ClosedRange<Int>)
        /// From that change on nobody is answered anything.
        case isGone(from: Int)
    }

    /// For `DOCKER_HOST`.
    let address: String
    private let server: ScriptedServer
    private let folder: TemporaryFolder
    private var orders = 0

    init(before engine: DockerEngine) throws {
        folder = try TemporaryFolder()
        let real = engine.address.dropFirst("unix://".count)
        address = "unix://" + folder("sock").shown
        server = try ScriptedServer(
            "real, order = \"\(real)\", \"\(folder("order").shown)\"\n" + Self.script, socket: folder("sock"))
    }

    func fail(_ fault: Fault?) throws {
        orders += 1
        let text =
            switch fault {
            case .refuses(let changes): "refuse \(changes.lowerBound) \(changes.upperBound) \(orders)"
            case .isGone(let first): "gone \(first) 0 \(orders)"
            case nil: "pass 0 0 \(orders)"
            }
        // Put in place whole: it is read all the time.
        try folder.write("new-order", text)
        let (new, old) = (folder("new-order"), folder("order"))
        _ = new.withCString { from in old.withCString { rename(from, $0) } }
    }

    private static let script = #"""
        import http.client, re, socket, threading
        CHANGE = re.compile(r"^(/v[0-9.]+)?/services/(create|[^/?]+/update)")
        OWN = ("connection", "transfer-encoding", "content-length", "host")
        guard, counted = threading.Lock(), {"text": "", "changes": 0}

        class Engine(http.client.HTTPConnection):
            def connect(self):
                self.sock = socket.socket(socket.AF_UNIX)
                self.sock.connect(real)

        def fault(method, path):
            with guard:
                try:
                    text = open(order).read()
                except FileNotFoundError:
                    return None
                if text != counted["text"]:
                    counted.update(text=text, changes=0)
                how, first, last, _ = text.split()
                if method == "POST" and CHANGE.match(path):
                    counted["changes"] += 1
                    if how == "refuse" and int(first) <= counted["changes"] <= int(last):
                        return how
                return how if how == "gone" and counted["changes"] >= int(first) else None

        def say(self, status, kind, data):
            self.send_response(status)
            for name, value in [("Content-Type", kind), ("Api-Version", "1.41"), ("Connection", "close"),
                                ("Content-Length", str(len(data)))]:
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)
            self.close_connection = True

        def answer(self, body):
            how = fault(self.command, self.path)
            self.close_connection = True
            if how == "gone":
                return
            if how == "refuse":
                return say(self, 500, "application/json", b'{"message": "no space left on device"}')
            engine = Engine("engine", timeout=120)
            try:
                headers = {name: value for name, value in self.headers.items() if name.lower() not in OWN}
                engine.request(self.command, self.path, body or None, headers)
                reply = engine.getresponse()
                say(self, reply.status, reply.getheader("Content-Type", "application/json"), reply.read())
            except OSError:
                pass
            finally:
                engine.close()
        """#
}
