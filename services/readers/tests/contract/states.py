"""The states that consumers' contracts name, set through the register's own rules."""

from contextlib import closing

from lms_http.store import Store
from readers.register import MIGRATIONS, Register


def a_reader(database, id, name, email):
    with closing(Store(database, MIGRATIONS)) as store:
        Register(store, new_id=lambda: id).add(name, email, "adult")


def a_blocked_reader(database, id, name, email, reason):
    a_reader(database, id, name, email)
    with closing(Store(database, MIGRATIONS)) as store:
        Register(store).block(id, reason)


def no_reader(database, id, **_):
    with closing(Store(database, MIGRATIONS)) as store, store.transaction():
        store.run("DELETE FROM block WHERE reader = ?", id)
        store.run("DELETE FROM reader WHERE id = ?", id)


STATES = {"a reader": (a_reader, no_reader), "a blocked reader": (a_blocked_reader, no_reader)}
