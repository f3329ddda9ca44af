"""The tables of lending: loans, holds, and the outbox of notices. Decides nothing."""

import json

MIGRATIONS = [
    [
        """CREATE TABLE loan (id INTEGER PRIMARY KEY, reader TEXT NOT NULL, category TEXT NOT NULL,
           isbn TEXT NOT NULL, barcode TEXT NOT NULL, borrowed TEXT NOT NULL, due TEXT NOT NULL,
           renewals INTEGER NOT NULL DEFAULT 0, returned TEXT)""",
        "CREATE UNIQUE INDEX loan_open ON loan (barcode) WHERE returned IS NULL",
        "CREATE INDEX loan_by_reader ON loan (reader, returned)",
        """CREATE TABLE hold (id INTEGER PRIMARY KEY, reader TEXT NOT NULL, isbn TEXT NOT NULL,
           placed TEXT NOT NULL, barcode TEXT, expires TEXT, state TEXT NOT NULL)""",
        """CREATE UNIQUE INDEX hold_open ON hold (reader, isbn)
           WHERE state IN ('waiting', 'ready')""",
        "CREATE TABLE outbox (id INTEGER PRIMARY KEY, notice TEXT NOT NULL)",
    ],
]


class Ledger:
    def __init__(self, store):
        self.store = store

    def loan(self, number):
        return self.store.row("SELECT * FROM loan WHERE id = ?", number)

    def open_loan(self, barcode):
        return self.store.row("SELECT * FROM loan WHERE barcode = ? AND returned IS NULL", barcode)

    def loans(self, reader=None, only_open=False, due_before=None, limit=100):
        sql, values = "SELECT * FROM loan WHERE 1", []
        if reader is not None:
            sql, values = sql + " AND reader = ?", [*values, reader]
        if only_open:
            sql += " AND returned IS NULL"
        if due_before is not None:
            sql, values = sql + " AND due < ?", [*values, due_before.isoformat()]
        return self.store.rows(sql + " ORDER BY due, id LIMIT ?", *values, limit)

    def add_loan(self, reader, copy, borrowed, due):
        self.store.run(
            """INSERT INTO loan (reader, category, isbn, barcode, borrowed, due)
               VALUES (?, ?, ?, ?, ?, ?)""",
            reader["id"], reader["category"], copy["isbn"], copy["barcode"],
            borrowed.isoformat(), due.isoformat())
        return self.open_loan(copy["barcode"])

    def close_loan(self, number, day):
        self.store.run("UPDATE loan SET returned = ? WHERE id = ?", day.isoformat(), number)

    def renew(self, number, due):
        self.store.run("UPDATE loan SET due = ?, renewals = renewals + 1 WHERE id = ?",
                       due.isoformat(), number)

    def add_hold(self, reader, isbn, day):
        self.store.run("INSERT INTO hold (reader, isbn, placed, state) VALUES (?, ?, ?, 'waiting')",
                       reader, isbn, day.isoformat())
        return self.open_hold(reader, isbn)

    def hold(self, number):
        return self.store.row("SELECT * FROM hold WHERE id = ?", number)

    def open_hold(self, reader, isbn):
        return self.store.row(
            "SELECT * FROM hold WHERE reader = ? AND isbn = ? AND state IN ('waiting', 'ready')",
            reader, isbn)

    def next_hold(self, isbn):
        return self.store.row(
            "SELECT * FROM hold WHERE isbn = ? AND state = 'waiting' ORDER BY id LIMIT 1", isbn)

    def holds(self, reader=None, isbn=None):
        return self.store.rows(
            """SELECT * FROM hold WHERE (? IS NULL OR reader = ?) AND (? IS NULL OR isbn = ?)
               ORDER BY id LIMIT 100""", reader, reader, isbn, isbn)

    def set_hold(self, number, state, barcode=None, expires=None):
        self.store.run("UPDATE hold SET state = ?, barcode = ?, expires = ? WHERE id = ?",
                       state, barcode, expires and expires.isoformat(), number)

    def queue(self, key, kind, reader, **data):
        notice = {"key": key, "kind": kind, "reader_id": reader, "data": data}
        self.store.run("INSERT INTO outbox (notice) VALUES (?)", json.dumps(notice))

    def queued(self, limit=50):
        rows = self.store.rows("SELECT * FROM outbox ORDER BY id LIMIT ?", limit)
        return [(row["id"], json.loads(row["notice"])) for row in rows]

    def unqueue(self, number):
        self.store.run("DELETE FROM outbox WHERE id = ?", number)
