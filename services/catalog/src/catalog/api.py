"""The catalog's resources: how HTTP maps to Shelves."""

from catalog.isbn import normalise
from catalog.shelves import MIGRATIONS, MOVES, Shelves
from lms_http.fields import Fields
from lms_http.routing import Answer, Problem, Router
from lms_http.store import Store

BARCODE = r"[A-Za-z0-9-]+"


class Catalog:
    def __init__(self, store):
        self._store = store
        self._shelves = Shelves(store)
        self.router = Router()
        self.router.add("POST", "/books", self.add_book)
        self.router.add("GET", "/books", self.search)
        self.router.add("GET", "/books/{isbn}", self.book)
        self.router.add("POST", "/books/{isbn}/copies", self.add_copy)
        self.router.add("GET", "/books/{isbn}/copies", self.copies)
        self.router.add("GET", "/copies/{barcode}", self.copy)
        self.router.add("PUT", "/copies/{barcode}/status", self.move)

    def add_book(self, request):
        fields = Fields(request.json())
        written = fields.text("isbn", 10, 20)
        title = fields.text("title", high=300)
        authors = fields.texts("authors")
        year = fields.integer("year", 1000, 2100, optional=True)
        isbn = normalise(written) if written else None
        if written and not isbn:
            fields.wrong("isbn", "is not a valid ISBN")
        fields.check()
        book = self._shelves.add_book(isbn, title, authors, year)
        return Answer(201, book, {"Location": f"/books/{isbn}"})

    def search(self, request):
        fields = Fields(request.query)
        words = fields.text("q", 0, 200, optional=True) or ""
        limit = fields.integer("limit", 1, 100, default=20)
        offset = fields.integer("offset", 0, 1_000_000, default=0)
        fields.check()
        return Answer(200, {"books": self._shelves.search(words, limit, offset)})

    def book(self, request):
        return Answer(200, self._shelves.book(_isbn(request)))

    def add_copy(self, request):
        fields = Fields(request.json())
        barcode = fields.text("barcode", 3, 40, pattern=BARCODE)
        shelf = fields.text("shelf", high=40)
        fields.check()
        copy = self._shelves.add_copy(_isbn(request), barcode, shelf)
        return Answer(201, copy, {"Location": f"/copies/{barcode}"})

    def copies(self, request):
        fields = Fields(request.query)
        status = fields.choice("status", tuple(MOVES), optional=True)
        fields.check()
        return Answer(200, {"copies": self._shelves.copies(_isbn(request), status)})

    def copy(self, request):
        return Answer(200, self._shelves.copy(request.params["barcode"]))

    def move(self, request):
        fields = Fields(request.json())
        status = fields.choice("status", tuple(MOVES))
        expected = fields.choice("expected", tuple(MOVES), optional=True)
        fields.check()
        return Answer(200, self._shelves.move(request.params["barcode"], status, expected))

    def check(self):
        self._store.check()

    def start(self):
        """Nothing runs beside the requests."""

    def close(self):
        self._store.close()


def _isbn(request):
    isbn = normalise(request.params["isbn"])
    if isbn is None:
        raise Problem(404, "no-such-book", "that is not a valid ISBN")
    return isbn


def build(settings):
    database = settings.text("DATABASE")
    return lambda log: Catalog(Store(database, MIGRATIONS))
