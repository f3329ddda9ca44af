"""The states that consumers' contracts name, set through the catalog's own rules."""

from contextlib import closing

from catalog.shelves import MIGRATIONS, Shelves
from lms_http.store import Store

BOOKS = {"9780131103627": ("The C Programming Language", ["Kernighan", "Ritchie"], 1988)}


def a_book(database, isbn):
    with closing(Store(database, MIGRATIONS)) as store:
        Shelves(store).add_book(isbn, *BOOKS.get(isbn, ("Some book", ["Somebody"], None)))


def a_book_with_a_copy(database, isbn, barcode, status):
    a_book(database, isbn)
    with closing(Store(database, MIGRATIONS)) as store:
        Shelves(store).add_copy(isbn, barcode, "A3")
        Shelves(store).move(barcode, status)


def no_book(database, isbn, **_):
    with closing(Store(database, MIGRATIONS)) as store, store.transaction():
        store.run("DELETE FROM copy WHERE isbn = ?", isbn)
        store.run("DELETE FROM book WHERE isbn = ?", isbn)


STATES = {
    "a book": (a_book, no_book),
    "a book with a copy": (a_book_with_a_copy, no_book),
    "no such book": (no_book, no_book),
}
