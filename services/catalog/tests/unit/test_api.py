import json
import unittest

from catalog.api import Catalog
from catalog.shelves import MIGRATIONS
from lms_http.routing import Problem, Request
from lms_http.store import Store

C_BOOK = {"isbn": "0-13-110362-8", "title": "The C Programming Language", "authors": ["Kernighan", "Ritchie"]}


class ApiTest(unittest.TestCase):
    def setUp(self):
        self.catalog = Catalog(Store(":memory:", MIGRATIONS))
        self.addCleanup(self.catalog.close)

    def ask(self, method, path, body=None):
        data = b"" if body is None else json.dumps(body).encode()
        try:
            answer = self.catalog.router.answer(Request(method, path, {"Content-Type": "application/json"}, data))
        except Problem as problem:
            answer = problem.answer()
        return answer.status, answer.body

    def add(self, barcode="c-1"):
        self.ask("POST", "/books", C_BOOK)
        return self.ask("POST", "/books/9780131103627/copies", {"barcode": barcode, "shelf": "A3"})

    def test_a_book_is_kept_under_its_thirteen_digits(self):
        status, book = self.ask("POST", "/books", C_BOOK)
        self.assertEqual((status, book["isbn"], book["copies"]), (201, "9780131103627", 0))
        self.assertEqual(self.ask("GET", "/books/0131103628"), (200, book))

    def test_the_same_book_twice_is_a_conflict(self):
        self.ask("POST", "/books", C_BOOK)
        status, body = self.ask("POST", "/books", {**C_BOOK, "isbn": "9780131103627"})
        self.assertEqual((status, body["error"]), (409, "book-exists"))

    def test_every_wrong_member_is_named(self):
        status, body = self.ask("POST", "/books", {"isbn": "123", "authors": [], "year": 1, "pages": 2})
        self.assertEqual(status, 422)
        self.assertEqual(sorted(body["errors"]), ["authors", "isbn", "pages", "title", "year"])

    def test_search_wants_every_word(self):
        self.add()
        self.assertEqual(len(self.ask("GET", "/books?q=ritchie%20language")[1]["books"]), 1)
        self.assertEqual(self.ask("GET", "/books?q=ritchie%20pascal")[1]["books"], [])

    def test_search_takes_wildcards_literally(self):
        self.add()
        self.assertEqual(self.ask("GET", "/books?q=%25")[1]["books"], [])

    def test_search_is_paged(self):
        self.add()
        self.assertEqual(self.ask("GET", "/books?offset=1")[1]["books"], [])
        self.assertEqual(self.ask("GET", "/books?limit=0")[0], 422)

    def test_copies_are_counted(self):
        self.add("c-1")
        self.add("c-2")
        self.ask("PUT", "/copies/c-2/status", {"status": "on-loan"})
        book = self.ask("GET", "/books/9780131103627")[1]
        self.assertEqual((book["copies"], book["available"]), (2, 1))

    def test_copies_can_be_asked_for_by_status(self):
        self.add()
        self.assertEqual(len(self.ask("GET", "/books/9780131103627/copies?status=available")[1]["copies"]), 1)
        self.assertEqual(self.ask("GET", "/books/9780131103627/copies?status=lost")[1]["copies"], [])
        self.assertEqual(self.ask("GET", "/books/9780131103627/copies?status=eaten")[0], 422)

    def test_a_barcode_is_used_once(self):
        self.assertEqual(self.add()[0], 201)
        self.assertEqual(self.add()[0], 409)

    def test_a_copy_needs_its_book(self):
        status, body = self.ask("POST", "/books/9780131103627/copies", {"barcode": "c-1", "shelf": "A"})
        self.assertEqual((status, body["error"]), (404, "no-such-book"))

    def test_a_move_only_from_the_expected_status(self):
        self.add()
        taken = {"status": "on-loan", "expected": "available"}
        self.assertEqual(self.ask("PUT", "/copies/c-1/status", taken)[0], 200)
        status, body = self.ask("PUT", "/copies/c-1/status", taken)
        self.assertEqual((status, body["error"], body["current"]), (409, "status-changed", "on-loan"))

    def test_what_is_withdrawn_stays_away(self):
        self.add()
        self.ask("PUT", "/copies/c-1/status", {"status": "withdrawn"})
        status, body = self.ask("PUT", "/copies/c-1/status", {"status": "available"})
        self.assertEqual((status, body["error"]), (409, "no-such-move"))


if __name__ == "__main__":
    unittest.main()
