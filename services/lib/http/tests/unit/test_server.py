import http.client
import io
import json
import socket
import threading
import unittest

from lms_http.client import JsonClient, Unavailable
from lms_http.fields import Fields
from lms_http.logs import Log
from lms_http.routing import Answer, Problem, Router
from lms_http.server import BODY_LIMIT, JsonServer


class ServerTest(unittest.TestCase):
    def setUp(self):
        self.output = io.StringIO()
        router = Router()
        router.add("GET", "/things/{id}", lambda request: Answer(200, {"id": request.params["id"]}))
        router.add("POST", "/things", self.post)
        router.add("GET", "/broken", lambda request: 1 / 0)
        self.server = JsonServer(("127.0.0.1", 0), router, Log("test", self.output))
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()
        self.client = JsonClient("test", f"http://127.0.0.1:{self.server.port}")

    def tearDown(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    @staticmethod
    def post(request):
        fields = Fields(request.json())
        name = fields.text("name")
        fields.check()
        return Answer(201, {"name": name})

    def raw(self, text):
        with socket.create_connection(("127.0.0.1", self.server.port), 5) as connection:
            connection.sendall(text)
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            return answer.status, json.loads(answer.read())["error"]

    def test_parameters_are_decoded(self):
        self.assertEqual(self.client.call("GET", "/things/a%20b"), (200, {"id": "a b"}))

    def test_unknown_paths_are_404_and_wrong_methods_405(self):
        self.assertEqual(self.client.call("GET", "/nothing")[0], 404)
        self.assertEqual(self.client.call("DELETE", "/things")[0], 405)

    def test_a_valid_body_is_taken(self):
        self.assertEqual(self.client.call("POST", "/things", {"name": " x "}), (201, {"name": "x"}))

    def test_wrong_values_are_422_and_named(self):
        status, body = self.client.call("POST", "/things", {"name": 5, "more": 1})
        self.assertEqual((status, body["errors"]), (422, {"name": "must be a string", "more": "is not known here"}))

    def test_broken_json_is_400(self):
        head = b"POST /things HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: "
        for body in (b"{", b"[1]", b"\xff", b'{"name": NaN}'):
            self.assertEqual(self.raw(head + str(len(body)).encode() + b"\r\n\r\n" + body), (400, "bad-json"))

    def test_another_media_type_is_415(self):
        self.assertEqual(
            self.raw(b"POST /things HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"), (415, "not-json"))

    def test_a_large_body_is_refused_before_it_is_read(self):
        head = f"POST /things HTTP/1.1\r\nHost: x\r\nContent-Length: {BODY_LIMIT + 1}\r\n\r\n"
        self.assertEqual(self.raw(head.encode()), (413, "too-large"))

    def test_chunked_bodies_are_refused(self):
        self.assertEqual(
            self.raw(b"POST /things HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"),
            (411, "length-required"))

    def test_a_bug_is_a_500_that_is_logged_and_not_shown(self):
        with self.assertRaises(Unavailable):
            self.client.call("GET", "/broken")
        self.assertIn("ZeroDivisionError", self.output.getvalue())

    def test_the_request_id_is_logged(self):
        self.client.call("GET", "/things/1", request_id="abc-1")
        self.server.shutdown()
        self.server.server_close()
        lines = [json.loads(line) for line in self.output.getvalue().splitlines()]
        self.assertEqual([line["request_id"] for line in lines], ["abc-1"])
        self.assertEqual(lines[0]["status"], 200)

    def test_a_parameter_given_twice_is_400(self):
        self.assertEqual(self.client.call("GET", "/things/1?a=1&a=2")[0], 400)

    def test_nobody_there_is_unavailable(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            client = JsonClient("other", f"http://127.0.0.1:{free.getsockname()[1]}")
            with self.assertRaises(Unavailable) as caught:
                client.call("GET", "/")
        self.assertEqual(caught.exception.answer().status, 503)

    def test_problems_carry_their_details(self):
        answer = Problem(409, "taken", "it is taken", by="x").answer()
        self.assertEqual(answer.body, {"error": "taken", "message": "it is taken", "by": "x"})


if __name__ == "__main__":
    unittest.main()
