"""Settings come from the environment and are checked once, before anything is opened."""

import re
from urllib.parse import urlsplit

_MISSING = object()


class SettingsError(Exception):
    """Every setting that is missing or wrong, so that one start names all of them."""

    def __init__(self, problems):
        super().__init__("; ".join(problems))
        self.problems = problems


class Settings:
    """Reads settings by name and collects what is wrong until `check` is called.

    A reader that finds a problem returns None; `check` raises before that None can be used.
    """

    def __init__(self, environ):
        self._environ = environ
        self._problems = []

    def text(self, name, default=_MISSING, choices=None):
        """A setting that is not empty, one of `choices` where they are given."""
        value = self._environ.get(name, "").strip()
        if not value:
            if default is _MISSING:
                self._problems.append(f"{name} is not set")
                return None
            return default
        if choices and value not in choices:
            self._problems.append(f"{name} is '{value}', expected one of {', '.join(choices)}")
            return None
        return value

    def integer(self, name, default=_MISSING, low=0, high=2**31 - 1):
        """A decimal number from `low` to `high`, both included."""
        value = self.text(name, default)
        if value is None or isinstance(value, int):
            return value
        if not re.fullmatch(r"[0-9]{1,10}", value) or not low <= int(value) <= high:
            self._problems.append(f"{name} is '{value}', expected a number from {low} to {high}")
            return None
        return int(value)

    def port(self, name="PORT", default=_MISSING):
        """A TCP port; 0 asks the system for a free one."""
        return self.integer(name, default, 0, 65535)

    def url(self, name, default=_MISSING):
        """An `http://host[:port]` address, without a final slash."""
        value = self.text(name, default)
        if value is None:
            return None
        try:
            parts = urlsplit(value)
            good = parts.scheme == "http" and parts.hostname and not parts.query
            parts.port
        except ValueError:
            good = False
        if not good:
            self._problems.append(f"{name} is '{value}', expected http://host:port")
            return None
        return value.rstrip("/")

    def check(self):
        """Raises SettingsError when any setting read so far was missing or wrong."""
        if self._problems:
            raise SettingsError(self._problems)
