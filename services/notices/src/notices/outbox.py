"""The table of notices. One for each key, whatever how often it is asked for."""

from lms_http.routing import Problem

MIGRATIONS = [
    [
        """CREATE TABLE notice (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,
           reader_id TEXT NOT NULL, address TEXT NOT NULL, subject TEXT NOT NULL,
           text TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'pending')""",
        "CREATE INDEX notice_by_reader ON notice (reader_id, id)",
    ],
]


class Outbox:
    def __init__(self, store):
        self.store = store

    def by_key(self, key):
        return self.store.row("SELECT * FROM notice WHERE key = ?", key)

    def add(self, key, kind, reader, subject, text):
        """The notice, and whether it is new."""
        with self.store.transaction():
            added = self.store.run(
                """INSERT OR IGNORE INTO notice (key, kind, reader_id, address, subject, text)
                   VALUES (?, ?, ?, ?, ?, ?)""",
                key, kind, reader["id"], reader["email"], subject, text)
            return self.by_key(key), added == 1

    def list(self, reader_id=None, state=None, kind=None, limit=50):
        sql, values = "SELECT * FROM notice WHERE 1", []
        for column, value in (("reader_id", reader_id), ("state", state), ("kind", kind)):
            if value is not None:
                sql, values = sql + f" AND {column} = ?", [*values, value]
        return self.store.rows(sql + " ORDER BY id LIMIT ?", *values, limit)

    def mark_sent(self, number):
        with self.store.transaction():
            row = self.store.row("SELECT * FROM notice WHERE id = ?", number)
            if row is None:
                raise Problem(404, "no-such-notice", f"there is no notice {number}")
            if row["state"] == "sent":
                raise Problem(409, "already-sent", "this notice has been sent already")
            self.store.run("UPDATE notice SET state = 'sent' WHERE id = ?", number)
            return {**row, "state": "sent"}
