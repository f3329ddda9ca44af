import itertools
import json
import unittest

from lms_http.routing import Problem, Request
from lms_http.store import Store
from readers.api import Readers
from readers.register import MIGRATIONS

ADA = {"name": "Ada Byron", "email": "ada@example.org"}


class ApiTest(unittest.TestCase):
    def setUp(self):
        numbers = itertools.count(1)
        self.readers = Readers(Store(":memory:", MIGRATIONS), lambda: f"r-{next(numbers)}")
        self.addCleanup(self.readers.close)

    def ask(self, method, path, body=None):
        data = b"" if body is None else json.dumps(body).encode()
        try:
            answer = self.readers.router.answer(Request(method, path, {"Content-Type": "application/json"}, data))
        except Problem as problem:
            answer = problem.answer()
        return answer.status, answer.body

    def test_a_reader_is_an_adult_unless_said_otherwise(self):
        self.assertEqual(self.ask("POST", "/readers", ADA),
                         (201, {"id": "r-1", **ADA, "category": "adult", "blocked": False}))

    def test_a_category_must_be_known(self):
        self.assertEqual(self.ask("POST", "/readers", {**ADA, "category": "cat"})[0], 422)

    def test_an_address_is_registered_once_whatever_its_case(self):
        self.ask("POST", "/readers", ADA)
        status, body = self.ask("POST", "/readers", {**ADA, "email": "ADA@example.org"})
        self.assertEqual((status, body["error"]), (409, "reader-exists"))

    def test_an_address_must_look_like_one(self):
        for email in ("ada", "ada@", "@example.org", "a b@example.org", "ada@example", "ada@example."):
            self.assertEqual(self.ask("POST", "/readers", {**ADA, "email": email})[0], 422, email)

    def test_names_are_not_empty_and_not_endless(self):
        for name in ("", "   ", "x" * 121, "a\nb", 7, None):
            self.assertEqual(self.ask("POST", "/readers", {**ADA, "name": name})[0], 422, name)

    def test_readers_are_found_by_address(self):
        self.ask("POST", "/readers", ADA)
        self.assertEqual(len(self.ask("GET", "/readers?email=Ada@Example.org")[1]["readers"]), 1)
        self.assertEqual(self.ask("GET", "/readers?email=x@example.org")[1]["readers"], [])

    def test_readers_are_listed_by_name(self):
        for name in ("Zoe", "Ada"):
            self.ask("POST", "/readers", {"name": name, "email": f"{name}@example.org"})
        names = [reader["name"] for reader in self.ask("GET", "/readers?limit=5")[1]["readers"]]
        self.assertEqual(names, ["Ada", "Zoe"])

    def test_a_block_has_a_reason_and_can_be_lifted(self):
        self.ask("POST", "/readers", ADA)
        blocked = self.ask("PUT", "/readers/r-1/block", {"reason": "fees"})[1]
        self.assertEqual((blocked["blocked"], blocked["block_reason"]), (True, "fees"))
        self.assertFalse(self.ask("DELETE", "/readers/r-1/block")[1]["blocked"])

    def test_a_second_block_replaces_the_reason(self):
        self.ask("POST", "/readers", ADA)
        self.ask("PUT", "/readers/r-1/block", {"reason": "fees"})
        self.assertEqual(self.ask("PUT", "/readers/r-1/block", {"reason": "noise"})[1]["block_reason"], "noise")

    def test_lifting_no_block_is_no_mistake(self):
        self.ask("POST", "/readers", ADA)
        self.assertEqual(self.ask("DELETE", "/readers/r-1/block")[0], 200)

    def test_unknown_readers_are_404(self):
        for method, path, body in (("GET", "/readers/r-9", None), ("PATCH", "/readers/r-9", {"name": "x"}),
                                   ("PUT", "/readers/r-9/block", {"reason": "x"}),
                                   ("DELETE", "/readers/r-9/block", None)):
            self.assertEqual(self.ask(method, path, body)[0], 404, path)

    def test_a_change_touches_only_what_is_given(self):
        self.ask("POST", "/readers", ADA)
        changed = self.ask("PATCH", "/readers/r-1", {"name": "Ada Lovelace"})[1]
        self.assertEqual((changed["name"], changed["email"]), ("Ada Lovelace", ADA["email"]))

    def test_a_change_cannot_take_another_address(self):
        self.ask("POST", "/readers", ADA)
        self.ask("POST", "/readers", {"name": "Bob", "email": "bob@example.org"})
        self.assertEqual(self.ask("PATCH", "/readers/r-2", {"email": ADA["email"]})[0], 409)


if __name__ == "__main__":
    unittest.main()
