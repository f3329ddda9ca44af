"""Checks the members of a JSON object, or the parameters of a query, and names every one that is wrong."""

import re
from datetime import date

from lms_http.routing import Problem


class Fields:
    """Reads members of `values` by name; `check` answers 422 with all that is wrong or unknown."""

    def __init__(self, values):
        self._values = values
        self._known = set()
        self._errors = {}

    def text(self, name, low=1, high=200, optional=False, pattern=None):
        value = self._take(name, optional)
        if value is None:
            return None
        if not isinstance(value, str):
            return self._wrong(name, "must be a string")
        value = value.strip()
        if not low <= len(value) <= high:
            return self._wrong(name, f"must have {low} to {high} characters")
        if any(ord(character) < 32 for character in value):
            return self._wrong(name, "must not hold control characters")
        if pattern and not re.fullmatch(pattern, value):
            return self._wrong(name, "has not the expected form")
        return value

    def integer(self, name, low, high, default=None, optional=False):
        value = self._take(name, optional or default is not None)
        if value is None:
            return default
        if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,9}", value):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            return self._wrong(name, f"must be a whole number from {low} to {high}")
        return value

    def choice(self, name, choices, optional=False):
        value = self._take(name, optional)
        if value is None:
            return None
        if value not in choices:
            return self._wrong(name, f"must be one of {', '.join(choices)}")
        return value

    def day(self, name, optional=False):
        """A calendar day written YYYY-MM-DD."""
        value = self._take(name, optional)
        if value is None:
            return None
        try:
            return date.fromisoformat(value)
        except (TypeError, ValueError):
            return self._wrong(name, "must be a day, YYYY-MM-DD")

    def texts(self, name, most=20, high=200):
        value = self._take(name, False)
        if value is None:
            return None
        if not isinstance(value, list) or not 1 <= len(value) <= most:
            return self._wrong(name, f"must be a list of 1 to {most} strings")
        if not all(isinstance(item, str) and 1 <= len(item.strip()) <= high for item in value):
            return self._wrong(name, f"must hold strings of 1 to {high} characters")
        return [item.strip() for item in value]

    def wrong(self, name, message):
        """Adds a mistake that the caller found."""
        self._wrong(name, message)

    def check(self):
        for name in self._values:
            if name not in self._known:
                self._errors.setdefault(name, "is not known here")
        if self._errors:
            raise Problem(422, "invalid", "some values are not valid", errors=self._errors)

    def _take(self, name, optional):
        self._known.add(name)
        value = self._values.get(name)
        if value is None and not optional:
            self._wrong(name, "is missing")
        return value

    def _wrong(self, name, message):
        self._errors.setdefault(name, message)
