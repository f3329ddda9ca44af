"""The states that consumers' contracts name. A loan's number is the database's, and told to who asked for it."""

from contextlib import closing
from datetime import date, timedelta

from lending.ledger import MIGRATIONS, Ledger
from lms_http.store import Store


def a_loan(database, reader, isbn, barcode, days_left=28):
    today = date.today()
    with closing(Store(database, MIGRATIONS)) as store:
        loan = Ledger(store).add_loan(
            {"id": reader, "category": "adult"}, {"isbn": isbn, "barcode": barcode},
            today - timedelta(days=28 - days_left), today + timedelta(days=days_left))
    return {"loan": loan["id"]}


def no_loan(database, barcode, **_):
    with closing(Store(database, MIGRATIONS)) as store:
        store.run("DELETE FROM loan WHERE barcode = ?", barcode)


def a_hold(database, reader, isbn):
    with closing(Store(database, MIGRATIONS)) as store:
        Ledger(store).add_hold(reader, isbn, date.today())


def no_hold(database, reader, isbn):
    with closing(Store(database, MIGRATIONS)) as store:
        store.run("DELETE FROM hold WHERE reader = ? AND isbn = ?", reader, isbn)


STATES = {"a loan": (a_loan, no_loan), "no loan": (no_loan, no_loan), "a hold": (a_hold, no_hold)}
