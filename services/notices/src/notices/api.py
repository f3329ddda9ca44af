"""The resources of notices. Asks readers for the name and the address of a person."""

from lms_http.client import JsonClient
from lms_http.fields import Fields
from lms_http.routing import Answer, Problem, Router
from lms_http.store import Store
from notices import letters
from notices.outbox import MIGRATIONS, Outbox

WORD = r"[A-Za-z0-9._-]+"


class Notices:
    def __init__(self, store, readers):
        self._outbox = Outbox(store)
        self._readers = readers
        self.router = Router()
        self.router.add("POST", "/notices", self.add)
        self.router.add("GET", "/notices", self.list)
        self.router.add("POST", "/notices/{id}/sent", self.sent)

    def add(self, request):
        fields = Fields(request.json())
        key = fields.text("key", 1, 120, pattern=WORD)
        kind = fields.choice("kind", tuple(letters.KINDS))
        reader_id = fields.text("reader_id", 3, 40, pattern=WORD)
        data = request.json().get("data")
        fields.choice("data", (data,)) if isinstance(data, dict) else fields.wrong("data", "must be an object")
        if kind in letters.KINDS and isinstance(data, dict):
            for name in letters.needed(kind):
                if not isinstance(data.get(name), str) or not data[name]:
                    fields.wrong(f"data.{name}", "is missing")
        fields.check()
        known = self._outbox.by_key(key)
        if known:
            return Answer(200, known)
        reader = self._reader(reader_id, request.request_id)
        subject, text = letters.write(kind, reader["name"], data)
        notice, is_new = self._outbox.add(key, kind, reader, subject, text)
        return Answer(201 if is_new else 200, notice)

    def list(self, request):
        fields = Fields(request.query)
        reader_id = fields.text("reader_id", 3, 40, optional=True, pattern=WORD)
        state = fields.choice("state", ("pending", "sent"), optional=True)
        kind = fields.choice("kind", tuple(letters.KINDS), optional=True)
        limit = fields.integer("limit", 1, 200, default=50)
        fields.check()
        return Answer(200, {"notices": self._outbox.list(reader_id, state, kind, limit)})

    def sent(self, request):
        text = request.params["id"]
        if not (text.isascii() and text.isdigit() and len(text) <= 15):
            raise Problem(404, "no-such-notice", "that is not a number of ours")
        return Answer(200, self._outbox.mark_sent(int(text)))

    def _reader(self, number, request_id):
        status, body = self._readers.call("GET", f"/readers/{number}", request_id=request_id)
        if status == 404:
            raise Problem(422, "no-such-reader", f"there is no reader {number}")
        if status != 200:
            raise Problem(502, "upstream-refused", f"readers answered with status {status}")
        return body

    def check(self):
        self._outbox.store.check()

    def start(self):
        """Nothing runs beside the requests."""

    def close(self):
        self._outbox.store.close()


def build(settings):
    database = settings.text("DATABASE")
    readers = settings.url("READERS_URL")
    return lambda log: Notices(Store(database, MIGRATIONS), JsonClient("readers", readers))
