"""Reads a contract and refuses one that does not say what it means. Runs nothing."""

import json


class BadContract(Exception):
    """The document is not a contract; the message names the place."""


def load(path):
    try:
        with open(path, encoding="utf-8") as stream:
            value = json.load(stream)
    except (OSError, ValueError) as error:
        raise BadContract(f"{path}: {error}") from error
    try:
        return _checked(value)
    except BadContract as error:
        raise BadContract(f"{path}: {error}") from error


def _checked(value):
    for role in ("consumer", "provider"):
        if not isinstance(value.get(role, {}).get("name"), str):
            raise BadContract(f"{role}.name is missing")
    interactions = value.get("interactions")
    if not isinstance(interactions, list) or not interactions:
        raise BadContract("it holds no interactions")
    seen = set()
    for place, interaction in enumerate(interactions):
        where = f"interactions[{place}]"
        description = interaction.get("description")
        if not description or description in seen:
            raise BadContract(f"{where}.description is missing or not unique")
        seen.add(description)
        request, response = interaction.get("request", {}), interaction.get("response", {})
        if not request.get("method") or not request.get("path", "").startswith("/"):
            raise BadContract(f"{where}.request needs a method and a path")
        if not isinstance(response.get("status"), int):
            raise BadContract(f"{where}.response.status is missing")
        for state in interaction.get("providerStates", []):
            if not isinstance(state.get("name"), str):
                raise BadContract(f"{where}.providerStates needs names")
    return value
