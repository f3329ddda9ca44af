import json
import os
import subprocess
import sys
import tempfile
import unittest
from http.client import HTTPConnection
from urllib.parse import urlsplit

from contract.document import BadContract, messages
from contract.stub import Stub

BOOK = {
    "description": "a book", "request": {"method": "GET", "path": "/books", "query": {"q": ["c"]}},
    "response": {"status": 200, "body": {"isbn": "1"}}}
WRAPPED = {
    "type": "Synchronous/HTTP", "description": "a book is added",
    "request": {"method": "POST", "path": "/books", "body": {"contentType": "application/json", "content": {"n": 1}}},
    "response": {"status": 201, "body": {"contentType": "application/json", "content": {"id": 7}}}}
MESSAGE = {
    "type": "Asynchronous/Messages", "description": "a loan was made",
    "contents": {"contentType": "application/json", "content": {"kind": "loan-made"}}}
PLAY = "import sys; from contract.play import main; sys.exit(main())"
UNTIL_TERM = """import signal
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
print("up", flush=True)
signal.sigwait({signal.SIGTERM})
print("down", flush=True)
"""


def ask(url, method, path, body=None):
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname, parts.port, timeout=10)
    try:
        connection.request(method, path, body and json.dumps(body))
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


class ContractTest(unittest.TestCase):
    def contract(self, *interactions):
        with tempfile.NamedTemporaryFile("w", suffix=".json", delete=False) as stream:
            json.dump({"interactions": interactions}, stream)
        self.addCleanup(os.unlink, stream.name)
        return stream.name


class StubTest(ContractTest):
    def test_examples_are_answered_in_both_forms(self):
        with Stub(self.contract(BOOK, WRAPPED, MESSAGE)) as stub:
            self.assertEqual(ask(stub.url, "GET", "/books?q=c"), (200, {"isbn": "1"}))
            self.assertEqual(ask(stub.url, "POST", "/books", {"n": 1}), (201, {"id": 7}))
            self.assertEqual([path for _, path, _ in stub.calls], ["/books", "/books"])

    def test_what_is_in_no_interaction_is_refused(self):
        with Stub(self.contract(BOOK, WRAPPED)) as stub:
            for method, path, body in (("GET", "/books", None), ("GET", "/books?q=d", None),
                                       ("PUT", "/books?q=c", None), ("POST", "/books", {"n": 1, "m": 2})):
                self.assertEqual(ask(stub.url, method, path, body)[0], 501, (method, path, body))

    def test_messages_are_found_by_their_description(self):
        self.assertEqual(messages(self.contract(BOOK, MESSAGE)), {"a loan was made": {"kind": "loan-made"}})

    def test_a_description_stands_once(self):
        with self.assertRaisesRegex(BadContract, r"interactions\[1\]\.description"):
            Stub(self.contract(BOOK, BOOK))


class PlayTest(ContractTest):
    """`play` as it is used: a program of its own."""

    def start(self, *words):
        environment = {**os.environ, "PYTHONPATH": "src"}
        process = subprocess.Popen([sys.executable, "-c", PLAY, *words], env=environment, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(process.__exit__, None, None, None)
        return process

    def test_the_program_finds_what_it_calls(self):
        program = "import os, urllib.request as r; print(r.urlopen(os.environ['URL'] + '/books?q=c').read().decode())"
        process = self.start(f"URL={self.contract(BOOK)}", "--", sys.executable, "-c", program)
        self.assertEqual(json.loads(process.communicate()[0]), {"isbn": "1"})
        self.assertEqual(process.returncode, 0)

    def test_the_programs_status_is_its_own(self):
        self.assertEqual(self.start("--", sys.executable, "-c", "import sys; sys.exit(7)").wait(), 7)

    def test_the_program_is_told_to_end(self):
        process = self.start("--", sys.executable, "-c", UNTIL_TERM)
        self.assertEqual(process.stdout.readline(), "up\n")
        process.terminate()
        self.assertEqual(process.communicate()[0], "down\n")
        self.assertEqual(process.returncode, 0)

    def test_mistakes_are_named(self):
        self.assertEqual(self.start("URL").wait(), 64)
        process = self.start("URL=/nowhere.json", "--", "true")
        self.assertIn("/nowhere.json", process.communicate()[1])
        self.assertEqual(process.returncode, 2)


if __name__ == "__main__":
    unittest.main()
