"""Reads what a contract says of requests and messages, and refuses one that does not say what it means. Runs nothing.

Pact's versions 3 and 4, as far as the contracts here use them: JSON, and examples without their rules.
"""

import json


class BadContract(Exception):
    """The document is not a contract; the message names the place."""


def interactions(path):
    """The requests of a contract with their responses."""
    found = _load(path)
    return [one for one in found if one.get("type", "Synchronous/HTTP") == "Synchronous/HTTP"]


def messages(path):
    """The contents of the messages that a contract describes, by description."""
    return {one["description"]: body(one["contents"]) for one in _load(path)
            if one.get("type") == "Asynchronous/Messages"}


def body(written):
    """A body's value: version 4 wraps it, version 3 does not."""
    if isinstance(written, dict) and "content" in written and "contentType" in written:
        return written["content"]
    return written


def _load(path):
    try:
        with open(path, encoding="utf-8") as stream:
            value = json.load(stream)
    except (OSError, ValueError) as error:
        raise BadContract(f"{path}: {error}") from error
    listed = value.get("interactions") if isinstance(value, dict) else None
    if not isinstance(listed, list) or not listed:
        raise BadContract(f"{path}: it holds no interactions")
    seen = set()
    for place, interaction in enumerate(listed):
        description = interaction.get("description")
        if not description or description in seen:
            raise BadContract(f"{path}: interactions[{place}].description is missing or not unique")
        seen.add(description)
    return listed
