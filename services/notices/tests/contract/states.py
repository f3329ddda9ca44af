"""The states that consumers' contracts name. readers is played by the contract that notices has with it."""

from contextlib import closing

from lms_http.store import Store
from notices import letters
from notices.outbox import MIGRATIONS, Outbox

UPSTREAMS = {"READERS_URL": "contracts/readers.json"}
ADA = {"id": "r-ada", "name": "Ada Byron", "email": "ada@example.org"}


def a_notice(database, key, kind):
    data = {"isbn": "9780131103627", "due": "2024-03-28", "expires": "2024-03-28"}
    with closing(Store(database, MIGRATIONS)) as store:
        Outbox(store).add(key, kind, ADA, *letters.write(kind, ADA["name"], data))


STATES = {"a notice": a_notice}
