"""One JSON object a line on standard output; `time`, `level`, `service` and `event` always lead."""

import json
import sys
import threading
from datetime import datetime, timezone

LEVELS = ("debug", "info", "warning", "error")


class Log:
    """A logger for one service. Safe to use from several threads."""

    def __init__(self, service, stream=None, level="info"):
        self._service = service
        self._stream = stream
        self._threshold = LEVELS.index(level)
        self._lock = threading.Lock()

    def write(self, level, event, **fields):
        if LEVELS.index(level) < self._threshold:
            return
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = {"time": now, "level": level, "service": self._service, "event": event}
        line.update((key, value) for key, value in fields.items() if value is not None)
        text = json.dumps(line, ensure_ascii=False, default=str)
        with self._lock:
            stream = self._stream or sys.stdout
            stream.write(text + "\n")
            stream.flush()

    def debug(self, event, **fields):
        self.write("debug", event, **fields)

    def info(self, event, **fields):
        self.write("info", event, **fields)

    def warning(self, event, **fields):
        self.write("warning", event, **fields)

    def error(self, event, **fields):
        self.write("error", event, **fields)
