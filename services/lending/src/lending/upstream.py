"""The services that lending calls. contracts/ says what it relies on."""

from lms_http.routing import Problem


class CatalogClient:
    def __init__(self, client):
        self._client = client

    def copy(self, barcode, request_id=""):
        return _found(self._client.call("GET", f"/copies/{barcode}", request_id=request_id))

    def available(self, isbn, request_id=""):
        """The copies of a book that stand on the shelf."""
        answer = self._client.call(
            "GET", f"/books/{isbn}/copies", query={"status": "available"}, request_id=request_id)
        return _found(answer)["copies"]

    def move(self, barcode, status, expected, request_id=""):
        """True when the copy had the expected status and has the new one now."""
        status_code, body = self._client.call(
            "PUT", f"/copies/{barcode}/status", {"status": status, "expected": expected},
            request_id=request_id)
        if status_code == 409:
            return False
        _found((status_code, body))
        return True


class ReadersClient:
    def __init__(self, client):
        self._client = client

    def reader(self, number, request_id=""):
        return _found(self._client.call("GET", f"/readers/{number}", request_id=request_id))


class NoticesClient:
    def __init__(self, client):
        self._client = client

    def send(self, notice):
        """Hands over a notice; the same `key` twice is one notice."""
        status, _ = self._client.call("POST", "/notices", notice)
        return status in (200, 201)


def _found(answer):
    status, body = answer
    if status == 200:
        return body
    if status == 404 and isinstance(body, dict):
        raise Problem(422, body.get("error", "not-found"), body.get("message", "not found"))
    raise Problem(502, "upstream-refused", f"a service answered with status {status}")
