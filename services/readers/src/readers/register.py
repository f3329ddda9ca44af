"""The register of readers and its rules."""

import secrets
import sqlite3

from lms_http.routing import Problem

MIGRATIONS = [
    [
        """CREATE TABLE reader (id TEXT PRIMARY KEY, name TEXT NOT NULL,
           email TEXT NOT NULL UNIQUE COLLATE NOCASE, category TEXT NOT NULL) WITHOUT ROWID""",
        """CREATE TABLE block (reader TEXT PRIMARY KEY REFERENCES reader (id),
           reason TEXT NOT NULL) WITHOUT ROWID""",
    ],
]

CATEGORIES = ("adult", "child", "student")
ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"

_READER = """SELECT reader.*, block.reason AS block_reason FROM reader
             LEFT JOIN block ON block.reader = reader.id"""


class Register:
    def __init__(self, store, new_id=None):
        self._store = store
        self._new_id = new_id or _random_id

    def add(self, name, email, category):
        number = self._new_id()
        try:
            self._store.run("INSERT INTO reader VALUES (?, ?, ?, ?)", number, name, email, category)
        except sqlite3.IntegrityError as error:
            raise Problem(409, "reader-exists", "a reader with this address is registered") from error
        return self.reader(number)

    def reader(self, number):
        row = self._store.row(_READER + " WHERE id = ?", number)
        if row is None:
            raise Problem(404, "no-such-reader", f"there is no reader {number}")
        return _described(row)

    def find(self, email, limit, offset):
        if email is not None:
            rows = self._store.rows(_READER + " WHERE email = ?", email)
        else:
            rows = self._store.rows(_READER + " ORDER BY name, id LIMIT ? OFFSET ?", limit, offset)
        return [_described(row) for row in rows]

    def change(self, number, name, email):
        with self._store.transaction():
            reader = self.reader(number)
            try:
                self._store.run("UPDATE reader SET name = ?, email = ? WHERE id = ?",
                                name or reader["name"], email or reader["email"], number)
            except sqlite3.IntegrityError as error:
                raise Problem(409, "reader-exists", "a reader with this address is registered") from error
            return self.reader(number)

    def block(self, number, reason):
        """Blocks a reader, or gives an existing block a new reason."""
        with self._store.transaction():
            self.reader(number)
            self._store.run("INSERT OR REPLACE INTO block VALUES (?, ?)", number, reason)
            return self.reader(number)

    def unblock(self, number):
        with self._store.transaction():
            self.reader(number)
            self._store.run("DELETE FROM block WHERE reader = ?", number)
            return self.reader(number)


def _random_id():
    return "r-" + "".join(secrets.choice(ALPHABET) for _ in range(8))


def _described(row):
    reason = row.pop("block_reason")
    return {**row, "blocked": reason is not None, **({"block_reason": reason} if reason else {})}
