"""A provider made of a contract: answers each request as the contract says, and 501 otherwise.

Consumers test themselves against it, so a contract that a consumer does not live by fails there.
"""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from contract.document import body, interactions


class Stub:
    """`with Stub(path) as stub:` serves on `stub.url`; `stub.calls` lists what was asked for."""

    def __init__(self, path):
        self._interactions = interactions(path)
        self.calls = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self):
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def respond(self, method, target, sent):
        """The status and body for one request: of the first interaction whose example it is."""
        parts = urlsplit(target)
        self.calls.append((method, parts.path, sent))
        for interaction in self._interactions:
            request, response = interaction["request"], interaction["response"]
            if (request["method"], request["path"]) == (method, parts.path) \
                    and request.get("query", {}) == parse_qs(parts.query) \
                    and ("body" not in request or body(request["body"]) == sent):
                return response["status"], body(response.get("body"))
        return 501, {"error": "not-in-contract", "message": f"{method} {target} is in no interaction"}

    def _handler(stub):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status, answer = stub.respond(self.command, self.path, json.loads(data) if data else None)
                payload = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            do_POST = do_PUT = do_DELETE = do_PATCH = do_GET

            def log_message(self, *_):
                """Quiet: what matters fails in the test."""

        return Handler
