import json
import unittest

from contract.document import messages
from contract.stub import Stub
from lms_http.client import JsonClient
from lms_http.routing import Problem, Request
from lms_http.store import Store
from notices import letters
from notices.api import Notices
from notices.outbox import MIGRATIONS

LOAN = {"key": "loan-1", "kind": "loan-made", "reader_id": "r-ada",
        "data": {"isbn": "9780131103627", "due": "2024-03-28"}}


class ApiTest(unittest.TestCase):
    def setUp(self):
        self.readers = Stub("contracts/readers.json")
        self.readers.__enter__()
        self.addCleanup(self.readers.__exit__)
        self.notices = Notices(Store(":memory:", MIGRATIONS), JsonClient("readers", self.readers.url))
        self.addCleanup(self.notices.close)

    def ask(self, method, path, body=None):
        data = b"" if body is None else json.dumps(body).encode()
        try:
            answer = self.notices.router.answer(Request(method, path, {"Content-Type": "application/json"}, data))
        except Problem as problem:
            answer = problem.answer()
        return answer.status, answer.body

    def test_a_notice_is_addressed(self):
        status, notice = self.ask("POST", "/notices", LOAN)
        self.assertEqual((status, notice["address"], notice["state"]), (201, "ada@example.org", "pending"))
        self.assertIn("Dear Ada Byron", notice["text"])
        self.assertIn("2024-03-28", notice["text"])

    def test_every_message_of_lending_becomes_a_notice(self):
        for description, message in messages("contracts/lending.json").items():
            status, notice = self.ask("POST", "/notices", message)
            self.assertEqual((status, notice.get("kind")), (201, message["kind"]), description)

    def test_the_same_key_is_one_notice(self):
        first = self.ask("POST", "/notices", LOAN)[1]
        self.assertEqual(self.ask("POST", "/notices", LOAN), (200, first))
        self.assertEqual(len(self.ask("GET", "/notices")[1]["notices"]), 1)

    def test_a_repeated_key_does_not_ask_for_the_reader_again(self):
        self.ask("POST", "/notices", LOAN)
        self.ask("POST", "/notices", LOAN)
        self.assertEqual(len(self.readers.calls), 1)

    def test_an_unknown_reader_is_refused(self):
        status, body = self.ask("POST", "/notices", {**LOAN, "reader_id": "r-404"})
        self.assertEqual((status, body["error"]), (422, "no-such-reader"))

    def test_an_unknown_kind_is_refused(self):
        self.assertIn("kind", self.ask("POST", "/notices", {**LOAN, "kind": "spam"})[1]["errors"])

    def test_missing_data_is_named(self):
        status, body = self.ask("POST", "/notices", {**LOAN, "data": {"isbn": "9780131103627"}})
        self.assertEqual((status, body["errors"]), (422, {"data.due": "is missing"}))

    def test_data_must_be_an_object(self):
        for data in (None, [], "x"):
            self.assertEqual(self.ask("POST", "/notices", {**LOAN, "data": data})[0], 422, data)

    def test_a_key_has_no_spaces(self):
        self.assertEqual(self.ask("POST", "/notices", {**LOAN, "key": "a b"})[0], 422)

    def test_a_notice_is_sent_once(self):
        number = self.ask("POST", "/notices", LOAN)[1]["id"]
        self.assertEqual(self.ask("POST", f"/notices/{number}/sent")[1]["state"], "sent")
        self.assertEqual(self.ask("POST", f"/notices/{number}/sent")[0], 409)

    def test_unknown_notices_are_404(self):
        for number in ("9", "x", "٣", "9" * 30):
            self.assertEqual(self.ask("POST", f"/notices/{number}/sent")[0], 404, number)

    def test_notices_can_be_filtered(self):
        self.ask("POST", "/notices", LOAN)
        for query, count in (("reader_id=r-ada", 1), ("reader_id=r-bob", 0), ("state=sent", 0),
                             ("kind=loan-made&state=pending", 1)):
            self.assertEqual(len(self.ask("GET", "/notices?" + query)[1]["notices"]), count, query)

    def test_readers_away_is_503(self):
        self.notices._readers = JsonClient("readers", "http://127.0.0.1:9")
        status, body = self.ask("POST", "/notices", LOAN)
        self.assertEqual((status, body["upstream"]), (503, "readers"))


class LettersTest(unittest.TestCase):
    def test_every_kind_can_be_written(self):
        for kind in letters.KINDS:
            data = {name: f"<{name}>" for name in letters.needed(kind)}
            subject, text = letters.write(kind, "Ada", data)
            self.assertTrue(subject and text.startswith("Dear Ada,"))
            for value in data.values():
                self.assertIn(value, text)


if __name__ == "__main__":
    unittest.main()
