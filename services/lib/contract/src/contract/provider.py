"""The provider, really running: its packed program as a process, on a port the system chose.

States are set from outside, through the provider's own modules and its database file, so the
program under test is the one that is shipped, with no door for tests.
"""

import http.client
import importlib.util
import json
import os
import queue
import sqlite3
import subprocess
import sys
import threading
import time
from urllib.parse import urlencode


class ProviderFailed(Exception):
    """The provider could not be started, or a state could not be set."""


class Provider:
    def __init__(self, program, states, folder, upstreams):
        self._database = os.path.join(folder, "provider.sqlite")
        self._lines = queue.Queue()
        self.log = []
        sys.path.insert(0, program)
        self._states = load_states(states)
        environment = {"PATH": os.environ.get("PATH", os.defpath), "PORT": "0", "DATABASE": self._database,
                       "LANG": "C.UTF-8", **upstreams}
        self._process = subprocess.Popen(
            [sys.executable, program], env=environment, cwd=folder, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        threading.Thread(target=self._read, daemon=True).start()
        try:
            self._port = self._started(time.monotonic() + 20)
        except ProviderFailed:
            self.stop()
            raise

    def _read(self):
        for line in self._process.stdout:
            self.log.append(line.rstrip())
            self._lines.put(line)
        self._lines.put(None)

    def _started(self, deadline):
        while True:
            try:
                line = self._lines.get(timeout=max(0, deadline - time.monotonic()))
            except queue.Empty:
                raise ProviderFailed("the provider did not start within 20 s") from None
            if line is None:
                raise ProviderFailed("the provider ended at once:\n  " + "\n  ".join(self.log))
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if entry.get("event") == "started":
                return entry["port"]

    def prepare(self, states):
        """Empties the provider's tables and brings it to the given states."""
        with sqlite3.connect(self._database, timeout=5) as database:
            for (table,) in database.execute(
                    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
                    ).fetchall():
                database.execute(f'DELETE FROM "{table}"')
        database.close()
        for state in states:
            function = self._states.STATES.get(state["name"])
            if function is None:
                known = ", ".join(f"'{name}'" for name in sorted(self._states.STATES))
                raise ProviderFailed(f"unknown state '{state['name']}'; the provider knows {known}")
            function(self._database, **state.get("params", {}))

    def ask(self, request):
        """The status, headers and decoded body of the answer."""
        query = request.get("query")
        target = request["path"] + ("?" + urlencode(query, doseq=True) if query else "")
        headers = dict(request.get("headers", {}))
        payload = None
        if "body" in request:
            payload = json.dumps(request["body"])
            headers.setdefault("Content-Type", "application/json")
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        try:
            connection.request(request["method"], target, payload, headers)
            answer = connection.getresponse()
            data = answer.read()
        finally:
            connection.close()
        return answer.status, dict(answer.getheaders()), json.loads(data) if data else None

    def stop(self):
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def load_states(path):
    """The provider's module of states: `STATES`, and `UPSTREAMS` (setting → contract) if it calls others."""
    specification = importlib.util.spec_from_file_location("states", path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module
