"""The states that consumers' contracts name. What lending calls is played by its own contracts."""

from contextlib import closing
from datetime import date, timedelta

from lending.ledger import MIGRATIONS
from lms_http.store import Store

UPSTREAMS = {
    "CATALOG_URL": "contracts/catalog.json",
    "READERS_URL": "contracts/readers.json",
    "NOTICES_URL": "contracts/notices.json",
}


def a_loan(database, id, reader, isbn, barcode):
    today = date.today()
    with closing(Store(database, MIGRATIONS)) as store:
        store.run("INSERT INTO loan VALUES (?, ?, 'adult', ?, ?, ?, ?, 0, NULL)", id, reader, isbn, barcode,
                  today.isoformat(), (today + timedelta(days=28)).isoformat())


STATES = {"a loan": a_loan}
