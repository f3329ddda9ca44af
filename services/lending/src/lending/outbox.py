"""Hands queued notices over, in order, again and again until each is taken."""

import threading

from lms_http.client import Unavailable


class Outbox:
    def __init__(self, ledger, notices, log, seconds):
        self._ledger = ledger
        self._notices = notices
        self._log = log
        self._seconds = seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="outbox")

    def start(self):
        self._thread.start()

    def stop(self):
        """Tries once more, so that a notice of the last request is not left for the next start."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()
        self.flush()

    def flush(self):
        """Sends what is queued; True when nothing is left. A refused notice is logged and dropped."""
        for number, notice in self._ledger.queued():
            try:
                if not self._notices.send(notice):
                    self._log.error("notice-refused", key=notice["key"])
            except Unavailable as error:
                self._log.warning("notices-unavailable", reason=error.reason)
                return False
            self._ledger.unqueue(number)
        return True

    def _run(self):
        while not self._stop.wait(self._seconds):
            self.flush()
