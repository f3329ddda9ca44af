"""What the lending desk does: one method for each act, with its rules and its order of steps.

A copy's status in the catalog is taken first and given back when a later step fails, so that two
desks never lend one copy; notices go through the outbox and cannot fail an act.
"""

from datetime import date

from lending import policy
from lms_http.routing import Problem


class Desk:
    def __init__(self, ledger, catalog, readers, today=date.today):
        self._ledger = ledger
        self._catalog = catalog
        self._readers = readers
        self._today = today

    def lend(self, reader_id, isbn=None, barcode=None, request_id=""):
        reader = self._readers.reader(reader_id, request_id)
        if reader["blocked"]:
            raise Problem(409, "reader-blocked", "this reader is blocked at the moment")
        self._check_count(reader)
        copy = self._take_copy(reader_id, isbn, barcode, request_id)
        today = self._today()
        try:
            with self._ledger.store.transaction():
                self._check_count(reader)
                loan = self._ledger.add_loan(reader, copy, today, policy.due_day(reader["category"], today))
                hold = self._ledger.open_hold(reader_id, copy["isbn"])
                if hold:
                    self._ledger.set_hold(hold["id"], "fulfilled", copy["barcode"])
                self._notify("loan", "loan-made", loan)
        except BaseException:
            self._catalog.move(copy["barcode"], copy["status"], "on-loan", request_id)
            raise
        return loan

    def give_back(self, number, request_id=""):
        loan = self._loan(number)
        if loan["returned"]:
            raise Problem(409, "already-returned", "this loan has ended already")
        hold = self._ledger.next_hold(loan["isbn"])
        status = "on-hold" if hold else "available"
        self._catalog.move(loan["barcode"], status, "on-loan", request_id)
        today = self._today()
        with self._ledger.store.transaction():
            self._ledger.close_loan(number, today)
            self._notify("return", "loan-returned", loan)
            if hold:
                expires = policy.hold_expiry(today)
                self._ledger.set_hold(hold["id"], "ready", loan["barcode"], expires)
                self._ledger.queue(f"hold-{hold['id']}-ready", "hold-ready", hold["reader"],
                                   isbn=hold["isbn"], expires=expires.isoformat())
        return {**self._ledger.loan(number), "days_late": self._days_late(loan)}

    def renew(self, number, request_id=""):
        loan = self._loan(number)
        if loan["returned"]:
            raise Problem(409, "already-returned", "this loan has ended already")
        if self._ledger.next_hold(loan["isbn"]):
            raise Problem(409, "on-hold", "another reader waits for this book")
        due = policy.renewed_day(loan["category"], date.fromisoformat(loan["due"]), self._today(),
                                 loan["renewals"])
        if due is None:
            raise Problem(409, "not-renewable", "this loan is late or was renewed too often")
        self._ledger.renew(number, due)
        return self._ledger.loan(number)

    def place_hold(self, reader_id, isbn, request_id=""):
        reader = self._readers.reader(reader_id, request_id)
        if reader["blocked"]:
            raise Problem(409, "reader-blocked", "this reader is blocked at the moment")
        if self._catalog.available(isbn, request_id):
            raise Problem(409, "is-available", "a copy of this book stands on the shelf")
        with self._ledger.store.transaction():
            if self._ledger.open_hold(reader_id, isbn):
                raise Problem(409, "hold-exists", "this reader waits for this book already")
            return self._ledger.add_hold(reader_id, isbn, self._today())

    def cancel_hold(self, number, request_id=""):
        hold = self._ledger.hold(number)
        if hold is None:
            raise Problem(404, "no-such-hold", f"there is no hold {number}")
        if hold["state"] not in ("waiting", "ready"):
            raise Problem(409, "hold-closed", f"this hold is {hold['state']}")
        if hold["state"] == "ready":
            self._catalog.move(hold["barcode"], "available", "on-hold", request_id)
        self._ledger.set_hold(number, "cancelled")
        return self._ledger.hold(number)

    def remind(self):
        """Queues a notice for every open loan that is due soon or overdue; returns how many."""
        today, count = self._today(), 0
        with self._ledger.store.transaction():
            for loan in self._ledger.loans(only_open=True, limit=10_000):
                stage = policy.stage(date.fromisoformat(loan["due"]), today)
                if stage:
                    self._notify(stage, stage, loan)
                    count += 1
        return count

    def _take_copy(self, reader_id, isbn, barcode, request_id):
        """A copy that is marked as lent in the catalog, with the status it had before."""
        if barcode is not None:
            candidates = [self._catalog.copy(barcode, request_id)]
        else:
            held = self._ledger.open_hold(reader_id, isbn)
            if held and held["barcode"]:
                candidates = [self._catalog.copy(held["barcode"], request_id)]
            else:
                candidates = self._catalog.available(isbn, request_id)
        for copy in candidates:
            if copy["status"] == "on-hold" and not self._is_kept_for(reader_id, copy):
                continue
            if copy["status"] in ("available", "on-hold") and self._catalog.move(
                    copy["barcode"], "on-loan", copy["status"], request_id):
                return copy
        raise Problem(409, "no-copy-available", "no copy of this book can be lent at the moment")

    def _is_kept_for(self, reader_id, copy):
        hold = self._ledger.open_hold(reader_id, copy["isbn"])
        return bool(hold and hold["barcode"] == copy["barcode"])

    def _check_count(self, reader):
        loans = self._ledger.loans(reader["id"], only_open=True)
        late = sum(1 for loan in loans if self._days_late(loan) > 0)
        code = policy.may_borrow(reader["category"], len(loans), late)
        if code:
            raise Problem(409, code, "this reader may not borrow more at the moment",
                          open_loans=len(loans), late_loans=late)

    def _loan(self, number):
        loan = self._ledger.loan(number)
        if loan is None:
            raise Problem(404, "no-such-loan", f"there is no loan {number}")
        return loan

    def _days_late(self, loan):
        return policy.days_late(date.fromisoformat(loan["due"]), self._today())

    def _notify(self, act, kind, loan):
        self._ledger.queue(f"loan-{loan['id']}-{act}-{loan['due']}", kind, loan["reader"],
                           isbn=loan["isbn"], due=loan["due"])
