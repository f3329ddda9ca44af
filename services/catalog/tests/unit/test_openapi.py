import json
import unittest

from catalog.api import Catalog
from catalog.shelves import MIGRATIONS, MOVES
from lms_http.routing import Request
from lms_http.store import Store


class OpenAPITest(unittest.TestCase):
    """What openapi.json says is what the catalog does: consumers' documents are compared with it."""

    def setUp(self):
        with open("openapi.json", encoding="utf-8") as stream:
            self.document = json.load(stream)
        self.schemas = self.document["components"]["schemas"]
        self.catalog = Catalog(Store(":memory:", MIGRATIONS))
        self.addCleanup(self.catalog.close)

    def post(self, path, body):
        kind = {"Content-Type": "application/json"}
        return self.catalog.router.answer(Request("POST", path, kind, json.dumps(body).encode())).body

    def assertDescribed(self, name, answer):
        self.assertEqual(set(answer), set(self.schemas[name]["properties"]))
        self.assertEqual(set(answer), set(self.schemas[name]["required"]))

    def test_every_route_is_described_and_nothing_else(self):
        described = {(method.upper(), path) for path, item in self.document["paths"].items()
                     for method in item if method != "parameters"}
        served = {(method, "/" + "/".join(parts)) for method, parts, _ in self.catalog.router._routes}
        self.assertEqual(described, served)

    def test_books_and_copies_have_the_members_that_are_described(self):
        book = {"isbn": "9780131103627", "title": "The C Programming Language", "authors": ["Kernighan"]}
        self.assertDescribed("Book", self.post("/books", book))
        self.assertDescribed("Copy", self.post("/books/9780131103627/copies", {"barcode": "c-1", "shelf": "A3"}))

    def test_every_status_is_described(self):
        self.assertEqual(self.schemas["Status"]["enum"], list(MOVES))


if __name__ == "__main__":
    unittest.main()
