import re
import unittest
from contextlib import ExitStack
from datetime import date, timedelta

from contract.stub import Stub
from lending.desk import Desk
from lending.ledger import MIGRATIONS, Ledger
from lending.outbox import Outbox
from lending.upstream import CatalogClient, NoticesClient, ReadersClient
from lms_http.client import JsonClient, Unavailable
from lms_http.routing import Problem
from lms_http.store import Store

BOOK, LENT_BOOK, UNKNOWN_BOOK = "9780131103627", "9780306406157", "9781861972712"
TODAY = date(2024, 3, 1)


class Silent:
    def error(self, *_, **__):
        """Says nothing."""

    warning = error


class DeskTest(unittest.TestCase):
    """The desk against its own contracts: what it does here is what the providers are held to."""

    def setUp(self):
        stack = ExitStack()
        self.addCleanup(stack.close)
        self.catalog = stack.enter_context(Stub("contracts/catalog.json"))
        readers = stack.enter_context(Stub("contracts/readers.json"))
        self.notices = stack.enter_context(Stub("contracts/notices.json"))
        store = Store(":memory:", MIGRATIONS)
        stack.callback(store.close)
        self.ledger = Ledger(store)
        self.today = TODAY
        self.desk = Desk(self.ledger, CatalogClient(JsonClient("catalog", self.catalog.url)),
                         ReadersClient(JsonClient("readers", readers.url)), lambda: self.today)

    def assertRefused(self, code, act, *arguments, **options):
        with self.assertRaises(Problem) as caught:
            act(*arguments, **options)
        self.assertEqual(caught.exception.code, code)

    def moves(self):
        return [(path, body["status"]) for method, path, body in self.catalog.calls if method == "PUT"]

    def test_a_loan_takes_a_copy_and_has_a_due_day(self):
        loan = self.desk.lend("r-ada", BOOK)
        self.assertEqual((loan["barcode"], loan["due"]), ("c-1", "2024-03-29"))
        self.assertEqual(self.moves(), [("/copies/c-1/status", "on-loan")])

    def test_a_loan_by_barcode(self):
        self.assertEqual(self.desk.lend("r-ada", barcode="c-1")["isbn"], BOOK)

    def test_a_blocked_reader_takes_nothing(self):
        self.assertRefused("reader-blocked", self.desk.lend, "r-bob", BOOK)
        self.assertEqual(self.moves(), [])

    def test_unknown_readers_books_and_copies_are_named(self):
        self.assertRefused("no-such-reader", self.desk.lend, "r-404", BOOK)
        self.assertRefused("no-such-book", self.desk.lend, "r-ada", UNKNOWN_BOOK)
        self.assertRefused("no-such-copy", self.desk.lend, "r-ada", barcode="c-404")

    def test_without_a_copy_there_is_no_loan(self):
        self.assertRefused("no-copy-available", self.desk.lend, "r-ada", LENT_BOOK)

    def test_a_reader_with_a_late_loan_gets_no_other(self):
        self.desk.lend("r-ada", BOOK)
        self.today += timedelta(days=60)
        self.assertRefused("has-late-loans", self.desk.lend, "r-ada", BOOK)

    def test_a_copy_goes_back_when_the_loan_cannot_be_written(self):
        self.desk.lend("r-ada", BOOK)
        with self.assertRaises(Exception):
            self.desk.lend("r-ada", BOOK)  # the ledger has an open loan of this copy
        self.assertEqual(self.moves()[-1], ("/copies/c-1/status", "available"))

    def test_a_return_ends_the_loan_once(self):
        loan = self.desk.lend("r-ada", BOOK)
        self.today += timedelta(days=30)
        ended = self.desk.give_back(loan["id"])
        self.assertEqual((ended["returned"], ended["days_late"]), ("2024-03-31", 2))
        self.assertRefused("already-returned", self.desk.give_back, loan["id"])
        self.assertRefused("no-such-loan", self.desk.give_back, 404)

    def test_a_returned_copy_is_kept_for_who_waits(self):
        loan = self.desk.lend("r-ada", BOOK)
        hold = self.ledger.add_hold("r-eve", BOOK, TODAY)
        self.desk.give_back(loan["id"])
        self.assertEqual(self.moves()[-1], ("/copies/c-1/status", "on-hold"))
        hold = self.ledger.hold(hold["id"])
        self.assertEqual((hold["state"], hold["barcode"], hold["expires"]), ("ready", "c-1", "2024-03-08"))

    def test_a_renewal_moves_the_due_day(self):
        loan = self.desk.lend("r-ada", BOOK)
        self.today += timedelta(days=14)
        self.assertEqual(self.desk.renew(loan["id"])["due"], "2024-04-12")

    def test_no_renewal_while_somebody_waits(self):
        loan = self.desk.lend("r-ada", BOOK)
        self.ledger.add_hold("r-eve", BOOK, TODAY)
        self.assertRefused("on-hold", self.desk.renew, loan["id"])

    def test_a_hold_only_for_what_is_not_on_the_shelf(self):
        self.assertRefused("is-available", self.desk.place_hold, "r-ada", BOOK)
        self.assertEqual(self.desk.place_hold("r-ada", LENT_BOOK)["state"], "waiting")
        self.assertRefused("hold-exists", self.desk.place_hold, "r-ada", LENT_BOOK)

    def test_a_hold_can_be_cancelled_once(self):
        hold = self.desk.place_hold("r-ada", LENT_BOOK)
        self.assertEqual(self.desk.cancel_hold(hold["id"])["state"], "cancelled")
        self.assertRefused("hold-closed", self.desk.cancel_hold, hold["id"])
        self.assertRefused("no-such-hold", self.desk.cancel_hold, 404)

    def test_reminders_for_what_is_due(self):
        self.desk.lend("r-ada", BOOK)
        self.assertEqual(self.desk.remind(), 0)
        self.today = date(2024, 3, 30)
        self.assertEqual(self.desk.remind(), 1)
        self.assertEqual(self.ledger.queued()[-1][1]["kind"], "overdue")

    def test_notices_are_handed_over(self):
        self.ledger.queue("loan-1-loan-2024-03-28", "loan-made", "r-ada", isbn=BOOK, due="2024-03-28")
        outbox = Outbox(self.ledger, NoticesClient(JsonClient("notices", self.notices.url)), Silent(), 1)
        self.assertTrue(outbox.flush())
        self.assertEqual(self.ledger.queued(), [])
        self.assertEqual([call[1] for call in self.notices.calls], ["/notices"])

    def test_what_is_queued_has_the_fields_of_its_definition(self):
        with open("events.proto", encoding="utf-8") as stream:
            fields = set(re.findall(r"(\w+) = \d+", stream.read()))
        self.desk.lend("r-ada", BOOK)
        self.assertEqual(set(self.ledger.queued()[-1][1]), fields)

    def test_notices_wait_while_nobody_takes_them(self):
        class Away:
            def send(self, notice):
                raise Unavailable("notices", "away")

        self.desk.lend("r-ada", BOOK)
        self.assertFalse(Outbox(self.ledger, Away(), Silent(), 1).flush())
        self.assertEqual(len(self.ledger.queued()), 1)


if __name__ == "__main__":
    unittest.main()
