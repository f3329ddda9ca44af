"""An HTTP/1.1 server for JSON services: a thread for each connection, one request a connection.

Bounds: the size of a body, the time a client may take, the number of connections at once.
"""

import json
import re
import socketserver
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from lms_http.routing import Problem, Request

BODY_LIMIT = 1 << 20
CLIENT_SECONDS = 10
CONNECTIONS = 64


class JsonServer(ThreadingHTTPServer):
    """Serves a router. `server_close` waits for the requests that are under way."""

    daemon_threads = False
    block_on_close = True
    request_queue_size = 128

    def __init__(self, address, router, log):
        self.router = router
        self.log = log
        self._slots = threading.BoundedSemaphore(CONNECTIONS)
        super().__init__(address, _Handler)

    def server_bind(self):
        # The standard library's own looks the host's name up, which can hang where there is no DNS.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]

    def process_request(self, request, client_address):
        self._slots.acquire()
        super().process_request(request, client_address)

    def process_request_thread(self, request, client_address):
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._slots.release()

    def handle_error(self, request, client_address):
        self.log.warning("connection-failed", client=client_address[0])

    @property
    def port(self):
        return self.server_address[1]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = CLIENT_SECONDS
    server_version = "lms"
    sys_version = ""

    def do_GET(self):
        self._serve()

    do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_GET

    def log_message(self, *_):
        """The access log is one JSON line, written when the answer is known."""

    def _serve(self):
        started = time.monotonic()
        given = self.headers.get("X-Request-Id", "")
        request_id = given if re.fullmatch(r"[A-Za-z0-9._-]{1,64}", given) else uuid.uuid4().hex
        log = self.server.log
        try:
            request = Request(self.command, self.path, dict(self.headers), self._body(), request_id)
            answer = self.server.router.answer(request)
        except Problem as problem:
            answer = problem.answer()
        except TimeoutError:
            answer = Problem(408, "timeout", "the request did not arrive in time").answer()
        except Exception as error:
            log.error("request-failed", request_id=request_id, error=f"{type(error).__name__}: {error}")
            answer = Problem(500, "internal", "this is our mistake; it has been logged").answer()
        self._send(answer, request_id)
        log.info("request", method=self.command, path=self.path, status=answer.status,
                 request_id=request_id, ms=round((time.monotonic() - started) * 1000, 1))

    def _body(self):
        if self.headers.get("Transfer-Encoding"):
            raise Problem(411, "length-required", "a body needs a Content-Length")
        length = self.headers.get("Content-Length", "0")
        if not re.fullmatch(r"[0-9]{1,12}", length):
            raise Problem(400, "bad-length", "the Content-Length is not a number")
        if int(length) > BODY_LIMIT:
            raise Problem(413, "too-large", f"a body has at most {BODY_LIMIT} bytes")
        body = self.rfile.read(int(length))
        if len(body) != int(length):
            raise Problem(400, "short-body", "the body ended early")
        return body

    def _send(self, answer, request_id):
        payload = b"" if answer.body is None else json.dumps(answer.body, ensure_ascii=False).encode()
        self.close_connection = True
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.send_header("Connection", "close")
        self.send_header("X-Request-Id", request_id)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(payload)
