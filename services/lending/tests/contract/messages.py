"""Prints the message that PACT_DESCRIPTION names: does at the desk what causes it, and looks into the outbox.

What the desk calls is played from lending's own contracts. The states in the database are set before.
"""

import json
import os
import sys
from contextlib import ExitStack, closing

from contract.stub import Stub
from lending.desk import Desk
from lending.ledger import MIGRATIONS, Ledger
from lending.upstream import CatalogClient, ReadersClient
from lms_http.client import JsonClient
from lms_http.store import Store


def end_the_loan(desk, ledger):
    [loan] = ledger.loans(only_open=True)
    desk.give_back(loan["id"])


ACTS = {
    "a loan was made": lambda desk, ledger: desk.lend("r-ada", "9780131103627"),
    "a loan has ended": end_the_loan,
    "a loan is overdue": lambda desk, ledger: desk.remind(),
    "a kept copy waits": end_the_loan,
}


def main():
    act = ACTS.get(os.environ["PACT_DESCRIPTION"])
    if act is None:
        sys.exit("lending sends no such message; it knows " + ", ".join(f"'{name}'" for name in ACTS))
    with ExitStack() as stack:
        store = stack.enter_context(closing(Store(os.environ["DATABASE"], MIGRATIONS)))
        catalog = stack.enter_context(Stub("contracts/catalog.json"))
        readers = stack.enter_context(Stub("contracts/readers.json"))
        ledger = Ledger(store)
        store.run("DELETE FROM outbox")
        act(Desk(ledger, CatalogClient(JsonClient("catalog", catalog.url)),
                 ReadersClient(JsonClient("readers", readers.url))), ledger)
        print(json.dumps(ledger.queued()[-1][1]))


if __name__ == "__main__":
    main()
