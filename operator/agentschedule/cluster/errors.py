"""How requests fail, in the terms in which the rest of the operator reacts."""

from typing import Any

_LONGEST_WAIT = 60.0
_SOON = 5.0
"""Seconds between two tries at most, where it is not this request's fault: all is well soon after that is over."""


class ApiError(Exception):
    """The API server refused a request, or could not be reached (`status` 0).

    `message` is the server's own; `retry_after` is in seconds where it named a time.
    """

    def __init__(self, status: int, reason: str, message: str, retry_after: float | None = None) -> None:
        super().__init__(f"{status} {reason}: {message}" if status else message)
        self.status = status
        self.reason = reason
        self.message = message
        self.retry_after = retry_after

    @classmethod
    def of(cls, status: int, body: dict[str, Any], retry_after: str | None) -> "ApiError":
        """From an answer's status code, its Status object and its Retry-After header."""
        seconds = float(retry_after) if retry_after and retry_after.isdigit() else None
        return cls(status, str(body.get("reason", "")), str(body.get("message", "no message")), seconds)

    @property
    def refused(self) -> bool:
        """Whether the request itself is at fault, so that repeating it is pointless."""
        return self.status in {400, 404, 405, 409, 413, 415, 422}

    @property
    def passes(self) -> bool:
        """Whether it is the API server's trouble, not this request's: no answer, 401, 429, 5xx."""
        return self.status in {0, 401, 429} or self.status >= 500

    @property
    def longest_wait(self) -> float:
        """Seconds between two tries at most, however often it has failed."""
        return _SOON if self.passes else _LONGEST_WAIT

    def wait(self, failures: int) -> float:
        """Seconds until another try, after so many failures in a row (from 1): the server's word, else ever more."""
        return self.retry_after or min(2.0 ** min(failures - 1, 10), self.longest_wait)
