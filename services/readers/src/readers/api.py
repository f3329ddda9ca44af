"""The resources of readers: how HTTP maps to the Register."""

from lms_http.fields import Fields
from lms_http.routing import Answer, Router
from lms_http.store import Store
from readers.register import CATEGORIES, MIGRATIONS, Register

EMAIL = r"[^@\s]+@[^@\s]+\.[^@\s.]+"


class Readers:
    def __init__(self, store, new_id=None):
        self._store = store
        self._register = Register(store, new_id)
        self.router = Router()
        self.router.add("POST", "/readers", self.add)
        self.router.add("GET", "/readers", self.find)
        self.router.add("GET", "/readers/{id}", self.reader)
        self.router.add("PATCH", "/readers/{id}", self.change)
        self.router.add("PUT", "/readers/{id}/block", self.block)
        self.router.add("DELETE", "/readers/{id}/block", self.unblock)

    def add(self, request):
        fields = Fields(request.json())
        name = fields.text("name", high=120)
        email = fields.text("email", 3, 254, pattern=EMAIL)
        category = fields.choice("category", CATEGORIES, optional=True) or "adult"
        fields.check()
        reader = self._register.add(name, email, category)
        return Answer(201, reader, {"Location": f"/readers/{reader['id']}"})

    def find(self, request):
        fields = Fields(request.query)
        email = fields.text("email", high=254, optional=True)
        limit = fields.integer("limit", 1, 100, default=20)
        offset = fields.integer("offset", 0, 1_000_000, default=0)
        fields.check()
        return Answer(200, {"readers": self._register.find(email, limit, offset)})

    def reader(self, request):
        return Answer(200, self._register.reader(request.params["id"]))

    def change(self, request):
        fields = Fields(request.json())
        name = fields.text("name", high=120, optional=True)
        email = fields.text("email", 3, 254, optional=True, pattern=EMAIL)
        fields.check()
        return Answer(200, self._register.change(request.params["id"], name, email))

    def block(self, request):
        fields = Fields(request.json())
        reason = fields.text("reason")
        fields.check()
        return Answer(200, self._register.block(request.params["id"], reason))

    def unblock(self, request):
        return Answer(200, self._register.unblock(request.params["id"]))

    def check(self):
        self._store.check()

    def start(self):
        """Nothing runs beside the requests."""

    def close(self):
        self._store.close()


def build(settings):
    database = settings.text("DATABASE")
    return lambda log: Readers(Store(database, MIGRATIONS))
