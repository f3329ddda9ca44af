"""The catalog's rules and its tables. A copy's status moves only along MOVES."""

import json
import sqlite3

from lms_http.routing import Problem
from lms_http.store import escape_like

MIGRATIONS = [
    [
        """CREATE TABLE book (isbn TEXT PRIMARY KEY, title TEXT NOT NULL, authors TEXT NOT NULL,
           year INTEGER) WITHOUT ROWID""",
        """CREATE TABLE copy (barcode TEXT PRIMARY KEY, isbn TEXT NOT NULL REFERENCES book (isbn),
           shelf TEXT NOT NULL, status TEXT NOT NULL) WITHOUT ROWID""",
        "CREATE INDEX copy_by_book ON copy (isbn, status)",
    ],
]

MOVES = {
    "available": ("on-loan", "on-hold", "lost", "withdrawn"),
    "on-hold": ("available", "on-loan", "lost", "withdrawn"),
    "on-loan": ("available", "on-hold", "lost"),
    "lost": ("available", "withdrawn"),
    "withdrawn": (),
}


class Shelves:
    def __init__(self, store):
        self._store = store

    def add_book(self, isbn, title, authors, year):
        try:
            self._store.run("INSERT INTO book VALUES (?, ?, ?, ?)", isbn, title,
                            json.dumps(authors, ensure_ascii=False), year)
        except sqlite3.IntegrityError as error:
            raise Problem(409, "book-exists", f"the book {isbn} is in the catalog already") from error
        return self.book(isbn)

    def book(self, isbn):
        row = self._store.row("SELECT * FROM book WHERE isbn = ?", isbn)
        if row is None:
            raise Problem(404, "no-such-book", f"the book {isbn} is not in the catalog")
        return self._described(row)

    def search(self, words, limit, offset):
        """Books whose title or authors hold every word; sorted by title."""
        sql, values = "SELECT * FROM book WHERE 1", []
        for word in words.split():
            sql += " AND (title LIKE ? ESCAPE '\\' OR authors LIKE ? ESCAPE '\\')"
            values += [f"%{escape_like(word)}%"] * 2
        rows = self._store.rows(sql + " ORDER BY title, isbn LIMIT ? OFFSET ?", *values, limit, offset)
        return [self._described(row) for row in rows]

    def add_copy(self, isbn, barcode, shelf):
        self.book(isbn)
        try:
            self._store.run("INSERT INTO copy VALUES (?, ?, ?, 'available')", barcode, isbn, shelf)
        except sqlite3.IntegrityError as error:
            raise Problem(409, "copy-exists", f"the barcode {barcode} is in use") from error
        return self.copy(barcode)

    def copy(self, barcode):
        row = self._store.row("SELECT * FROM copy WHERE barcode = ?", barcode)
        if row is None:
            raise Problem(404, "no-such-copy", f"there is no copy {barcode}")
        return row

    def copies(self, isbn, status=None):
        self.book(isbn)
        rows = self._store.rows("SELECT * FROM copy WHERE isbn = ? ORDER BY barcode", isbn)
        return [row for row in rows if status in (None, row["status"])]

    def move(self, barcode, status, expected=None):
        """Changes a copy's status; with `expected`, only when that is its status now."""
        with self._store.transaction():
            now = self.copy(barcode)["status"]
            if expected is not None and now != expected:
                raise Problem(409, "status-changed", f"the copy is {now}, not {expected}", current=now)
            if status != now and status not in MOVES[now]:
                raise Problem(409, "no-such-move", f"a copy that is {now} cannot become {status}", current=now)
            self._store.run("UPDATE copy SET status = ? WHERE barcode = ?", status, barcode)
        return self.copy(barcode)

    def _described(self, row):
        counts = self._store.row(
            """SELECT count(*) AS copies, coalesce(sum(status = 'available'), 0) AS available
               FROM copy WHERE isbn = ? AND status <> 'withdrawn'""", row["isbn"])
        return {**row, "authors": json.loads(row["authors"]), **counts}
