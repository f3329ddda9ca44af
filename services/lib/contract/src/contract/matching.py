"""Compares what was expected with what came: Pact's rules, as far as contracts here use them.

Without a rule values are equal; an object may have more members than expected. A rule holds for
its place and all below it: `type` (same JSON type, arrays of at least `min` items, each like the
first), `regex`, `integer`. Paths: `$.books[*].isbn`; `*` stands for any member or item.
"""

import re


def differences(expected, actual, rules=None):
    """Every difference as `place: what`, in the order of the document; empty when it matches."""
    return _compare(expected, actual, ("$",), _compiled(rules or {}))


def _compiled(rules):
    return [(_steps(path), rule["matchers"]) for path, rule in rules.items()]


def _steps(path):
    return tuple(re.findall(r"\$|\*|[^.\[\]'\"]+", path))


def _matchers(place, rules):
    """The matchers of the longest rule that holds at `place`, and whether it names this very place."""
    best, exact = (), False
    length = 0
    for steps, matchers in rules:
        if length < len(steps) <= len(place) and all(
                step in ("*", str(part)) for step, part in zip(steps, place)):
            best, length, exact = matchers, len(steps), len(steps) == len(place)
    return best, exact


def _compare(expected, actual, place, rules):
    matchers, exact = _matchers(place, rules)
    kinds = {matcher["match"] for matcher in matchers}
    if exact and kinds & {"regex", "integer"}:
        return _scalar(matchers, actual, place)
    by_type = "type" in kinds
    if _kind(expected) != _kind(actual):
        return [f"{_show(place)}: expected {_kind(expected)}, got {_kind(actual)} {actual!r}"]
    if isinstance(expected, dict):
        return _objects(expected, actual, place, rules)
    if isinstance(expected, list):
        least = next((m["min"] for m in matchers if "min" in m), None) if exact else None
        return _arrays(expected, actual, place, rules, by_type, least)
    if not by_type and expected != actual:
        return [f"{_show(place)}: expected {expected!r}, got {actual!r}"]
    return []


def _objects(expected, actual, place, rules):
    found = []
    for name, value in expected.items():
        if name not in actual:
            found.append(f"{_show(place + (name,))}: is missing")
        else:
            found += _compare(value, actual[name], place + (name,), rules)
    return found


def _arrays(expected, actual, place, rules, by_type, least):
    if not by_type and len(expected) != len(actual):
        return [f"{_show(place)}: expected {len(expected)} items, got {len(actual)}"]
    if least is not None and len(actual) < least:
        return [f"{_show(place)}: expected at least {least} items, got {len(actual)}"]
    found = []
    for index, value in enumerate(actual):
        if expected:
            example = expected[0] if by_type else expected[index]
            found += _compare(example, value, place + (index,), rules)
    return found


def _scalar(matchers, actual, place):
    for matcher in matchers:
        if matcher["match"] == "regex":
            if not isinstance(actual, str) or not re.fullmatch(matcher["regex"], actual):
                return [f"{_show(place)}: {actual!r} does not match {matcher['regex']!r}"]
        elif isinstance(actual, bool) or not isinstance(actual, int):
            return [f"{_show(place)}: {actual!r} is not an integer"]
    return []


def _kind(value):
    for name, types in (("null", type(None)), ("boolean", bool), ("number", (int, float)),
                        ("string", str), ("array", list)):
        if isinstance(value, types):
            return name
    return "object"


def _show(place):
    text = "$"
    for part in place[1:]:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text
