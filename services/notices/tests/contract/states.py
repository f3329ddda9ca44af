"""The states that consumers' contracts name. Each belongs to one key, so several can hold at once."""

from contextlib import closing

from lms_http.store import Store
from notices import letters
from notices.outbox import MIGRATIONS, Outbox

ADA = {"id": "r-ada", "name": "Ada Byron", "email": "ada@example.org"}


def a_notice(database, key, kind):
    data = {"isbn": "9780131103627", "due": "2024-03-28", "expires": "2024-03-28"}
    with closing(Store(database, MIGRATIONS)) as store:
        Outbox(store).add(key, kind, ADA, *letters.write(kind, ADA["name"], data))


def no_notice(database, key, **_):
    with closing(Store(database, MIGRATIONS)) as store:
        store.run("DELETE FROM notice WHERE key = ?", key)


STATES = {"a notice": (a_notice, no_notice), "no such notice": (no_notice, no_notice)}
