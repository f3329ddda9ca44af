"""Requests, answers and the table that leads from one to the other. Knows no socket."""

import json
from urllib.parse import parse_qsl, unquote, urlsplit


class Problem(Exception):
    """An answer that is not a success; `code` is what programs compare, `message` is for people."""

    def __init__(self, status, code, message, **details):
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = details

    def answer(self):
        return Answer(self.status, {"error": self.code, "message": self.message, **self.details})


class Answer:
    def __init__(self, status, body=None, headers=None):
        self.status = status
        self.body = body
        self.headers = headers or {}


class Request:
    def __init__(self, method, target, headers=None, body=b"", request_id=""):
        self.method = method
        self.headers = {name.lower(): value for name, value in (headers or {}).items()}
        self.body = body
        self.request_id = request_id
        self.params = {}
        try:
            parts = urlsplit(target)
            self.path = parts.path
            pairs = parse_qsl(parts.query, keep_blank_values=True, max_num_fields=50, errors="strict")
        except ValueError as error:
            raise Problem(400, "bad-target", "the address cannot be read") from error
        self.query = dict(pairs)
        if len(self.query) != len(pairs):
            raise Problem(400, "bad-query", "a parameter is given twice")

    def json(self):
        """The body as a JSON object; 400 and 415 for anything else."""
        kind = self.headers.get("content-type", "").split(";")[0].strip().lower()
        if kind != "application/json":
            raise Problem(415, "not-json", "the body must be application/json")
        try:
            value = json.loads(self.body.decode("utf-8"), parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise Problem(400, "bad-json", "the body is not valid JSON") from error
        if not isinstance(value, dict):
            raise Problem(400, "bad-json", "the body must be a JSON object")
        return value


def _refuse_constant(name):
    raise ValueError(f"{name} is not JSON")


class Router:
    """Leads `METHOD /path/{name}` to a function that takes a Request and returns an Answer."""

    def __init__(self):
        self._routes = []

    def add(self, method, pattern, handler):
        self._routes.append((method, pattern.strip("/").split("/"), handler))

    def on(self, method, pattern):
        def register(handler):
            self.add(method, pattern, handler)
            return handler
        return register

    def answer(self, request):
        parts = [unquote(part) for part in request.path.strip("/").split("/")]
        allowed = set()
        for method, pattern, handler in self._routes:
            params = _match(pattern, parts)
            if params is None:
                continue
            if method == request.method:
                request.params = params
                return handler(request)
            allowed.add(method)
        if allowed:
            names = ", ".join(sorted(allowed))
            answer = Problem(405, "method-not-allowed", f"only {names} is possible here").answer()
            answer.headers["Allow"] = names
            return answer
        raise Problem(404, "no-such-resource", f"there is nothing at {request.path}")


def _match(pattern, parts):
    if len(pattern) != len(parts):
        return None
    params = {}
    for wanted, part in zip(pattern, parts):
        if wanted.startswith("{"):
            if not part:
                return None
            params[wanted[1:-1]] = part
        elif wanted != part:
            return None
    return params
