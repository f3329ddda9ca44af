"""A SQLite file with numbered migrations. One connection, used by one thread at a time."""

import sqlite3
import threading
from contextlib import contextmanager


class Store:
    """Opens `path` (created when missing) and brings it to the last of `migrations`.

    Raises sqlite3.Error when the file cannot be used, ValueError when it is newer than we are.
    """

    def __init__(self, path, migrations):
        self._lock = threading.RLock()
        self._depth = 0
        self._connection = sqlite3.connect(
            path, timeout=5, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA foreign_keys = ON")
        self._migrate(migrations)

    def _migrate(self, migrations):
        with self.transaction():
            at = self._connection.execute("PRAGMA user_version").fetchone()[0]
            if at > len(migrations):
                raise ValueError(f"the database is at version {at}, this program knows {len(migrations)}")
            for number, statements in enumerate(migrations[at:], at + 1):
                for statement in statements:
                    self._connection.execute(statement)
                self._connection.execute(f"PRAGMA user_version = {number}")

    @contextmanager
    def transaction(self):
        """All or nothing; may be nested, the outermost one commits."""
        with self._lock:
            if self._depth == 0:
                self._connection.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield self
            except BaseException:
                self._depth -= 1
                if self._depth == 0:
                    self._connection.execute("ROLLBACK")
                raise
            self._depth -= 1
            if self._depth == 0:
                self._connection.execute("COMMIT")

    def run(self, sql, *values):
        """Runs one statement and returns how many rows it changed."""
        with self._lock:
            return self._connection.execute(sql, values).rowcount

    def rows(self, sql, *values):
        with self._lock:
            return [dict(row) for row in self._connection.execute(sql, values)]

    def row(self, sql, *values):
        found = self.rows(sql, *values)
        return found[0] if found else None

    def check(self):
        """Raises sqlite3.Error when the store cannot be read and written."""
        with self.transaction():
            self._connection.execute("PRAGMA user_version").fetchone()

    def close(self):
        with self._lock:
            self._connection.close()


def escape_like(text):
    """`text` for a LIKE pattern with ESCAPE '\\'."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
