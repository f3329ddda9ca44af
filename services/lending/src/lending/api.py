"""The resources of lending: how HTTP maps to the Desk."""

from datetime import date

from lending.desk import Desk
from lending.ledger import MIGRATIONS, Ledger
from lending.outbox import Outbox
from lending.upstream import CatalogClient, NoticesClient, ReadersClient
from lms_http.client import JsonClient
from lms_http.fields import Fields
from lms_http.routing import Answer, Problem, Router
from lms_http.store import Store

READER = r"[A-Za-z0-9-]+"
ISBN = r"[0-9]{13}"


class Lending:
    def __init__(self, ledger, desk, outbox, today=date.today):
        self._ledger = ledger
        self._desk = desk
        self._outbox = outbox
        self._today = today
        self.router = Router()
        self.router.add("POST", "/loans", self.lend)
        self.router.add("GET", "/loans", self.loans)
        self.router.add("GET", "/loans/{id}", self.loan)
        self.router.add("POST", "/loans/{id}/return", self.give_back)
        self.router.add("POST", "/loans/{id}/renew", self.renew)
        self.router.add("POST", "/holds", self.place_hold)
        self.router.add("GET", "/holds", self.holds)
        self.router.add("DELETE", "/holds/{id}", self.cancel_hold)
        self.router.add("POST", "/reminders", self.remind)

    def lend(self, request):
        fields = Fields(request.json())
        reader = fields.text("reader_id", 3, 40, pattern=READER)
        isbn = fields.text("isbn", 13, 13, optional=True, pattern=ISBN)
        barcode = fields.text("barcode", 3, 40, optional=True, pattern=READER)
        if (isbn is None) == (barcode is None):
            fields.wrong("isbn", "give either isbn or barcode")
        fields.check()
        loan = self._desk.lend(reader, isbn, barcode, request.request_id)
        return Answer(201, loan, {"Location": f"/loans/{loan['id']}"})

    def loans(self, request):
        fields = Fields(request.query)
        reader = fields.text("reader_id", 3, 40, optional=True, pattern=READER)
        state = fields.choice("state", ("open", "late", "all"), optional=True) or "open"
        fields.check()
        before = self._today() if state == "late" else None
        return Answer(200, {"loans": self._ledger.loans(reader, state != "all", before)})

    def loan(self, request):
        loan = self._ledger.loan(_number(request))
        if loan is None:
            raise Problem(404, "no-such-loan", "there is no such loan")
        return Answer(200, loan)

    def give_back(self, request):
        return Answer(200, self._desk.give_back(_number(request), request.request_id))

    def renew(self, request):
        return Answer(200, self._desk.renew(_number(request), request.request_id))

    def place_hold(self, request):
        fields = Fields(request.json())
        reader = fields.text("reader_id", 3, 40, pattern=READER)
        isbn = fields.text("isbn", 13, 13, pattern=ISBN)
        fields.check()
        return Answer(201, self._desk.place_hold(reader, isbn, request.request_id))

    def holds(self, request):
        fields = Fields(request.query)
        reader = fields.text("reader_id", 3, 40, optional=True, pattern=READER)
        isbn = fields.text("isbn", 13, 13, optional=True, pattern=ISBN)
        fields.check()
        return Answer(200, {"holds": self._ledger.holds(reader, isbn)})

    def cancel_hold(self, request):
        return Answer(200, self._desk.cancel_hold(_number(request), request.request_id))

    def remind(self, request):
        return Answer(202, {"queued": self._desk.remind()})

    def check(self):
        self._ledger.store.check()

    def start(self):
        self._outbox.start()

    def close(self):
        self._outbox.stop()
        self._ledger.store.close()


def _number(request):
    text = request.params["id"]
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise Problem(404, "no-such-resource", "that is not a number of ours")
    return int(text)


def build(settings):
    database = settings.text("DATABASE")
    catalog = settings.url("CATALOG_URL")
    readers = settings.url("READERS_URL")
    notices = settings.url("NOTICES_URL")
    seconds = settings.integer("OUTBOX_SECONDS", 1, 1, 3600)

    def opener(log):
        ledger = Ledger(Store(database, MIGRATIONS))
        desk = Desk(ledger, CatalogClient(JsonClient("catalog", catalog)),
                    ReadersClient(JsonClient("readers", readers)))
        outbox = Outbox(ledger, NoticesClient(JsonClient("notices", notices)), log, seconds)
        return Lending(ledger, desk, outbox)

    return opener
