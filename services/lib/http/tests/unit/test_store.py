import os
import sqlite3
import tempfile
import unittest

from lms_http.store import Store, escape_like

ONE = ["CREATE TABLE t (n INTEGER)"]


class StoreTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = os.path.join(folder.name, "db")

    def test_rows_survive_a_restart(self):
        store = Store(self.path, [ONE])
        store.run("INSERT INTO t VALUES (1)")
        store.close()
        store = Store(self.path, [ONE, ["ALTER TABLE t ADD COLUMN m INTEGER"]])
        self.assertEqual(store.rows("SELECT * FROM t"), [{"n": 1, "m": None}])
        store.close()

    def test_a_newer_database_is_refused(self):
        Store(self.path, [ONE, ONE[:0]]).close()
        with self.assertRaises(ValueError):
            Store(self.path, [ONE])

    def test_a_failed_transaction_leaves_nothing(self):
        store = Store(self.path, [ONE])
        with self.assertRaises(KeyError):
            with store.transaction():
                store.run("INSERT INTO t VALUES (1)")
                with store.transaction():
                    raise KeyError
        self.assertIsNone(store.row("SELECT * FROM t"))
        store.close()

    def test_check_notices_a_closed_store(self):
        store = Store(self.path, [ONE])
        store.check()
        store.close()
        self.assertRaises(sqlite3.Error, store.check)

    def test_wildcards_are_escaped(self):
        self.assertEqual(escape_like("5%_\\"), "5\\%\\_\\\\")


if __name__ == "__main__":
    unittest.main()
