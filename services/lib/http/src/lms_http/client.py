"""Calls another service: JSON there, JSON back, with a time limit and a size limit."""

import http.client
import json
from urllib.parse import urlencode, urlsplit

from lms_http.routing import Problem

ANSWER_LIMIT = 4 << 20


class Unavailable(Problem):
    """The other service did not answer, or not in a way that can be used."""

    def __init__(self, service, reason):
        super().__init__(503, "upstream-unavailable", f"{service} cannot be reached at the moment",
                         upstream=service)
        self.reason = reason


class JsonClient:
    def __init__(self, service, base_url, seconds=3):
        parts = urlsplit(base_url)
        self.service = service
        self._host, self._port, self._prefix = parts.hostname, parts.port or 80, parts.path
        self._seconds = seconds

    def call(self, method, path, body=None, query=None, request_id=""):
        """The status and the decoded body. Raises Unavailable for no answer, a 5xx, or no JSON."""
        target = self._prefix + path + ("?" + urlencode(query) if query else "")
        headers = {"Accept": "application/json", "Connection": "close"}
        if request_id:
            headers["X-Request-Id"] = request_id
        payload = None
        if body is not None:
            payload = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        connection = http.client.HTTPConnection(self._host, self._port, timeout=self._seconds)
        try:
            connection.request(method, target, payload, headers)
            answer = connection.getresponse()
            data = answer.read(ANSWER_LIMIT + 1)
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable(self.service, f"{type(error).__name__}: {error}") from error
        finally:
            connection.close()
        if answer.status >= 500:
            raise Unavailable(self.service, f"status {answer.status}")
        if len(data) > ANSWER_LIMIT:
            raise Unavailable(self.service, "the answer is too large")
        try:
            return answer.status, json.loads(data) if data else None
        except ValueError as error:
            raise Unavailable(self.service, "the answer is not JSON") from error
