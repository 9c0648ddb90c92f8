"""Problem details (RFC 9457): what every answer with a status from 400 on is."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus

import msgspec
from starlette.exceptions import HTTPException

from dataflows.errors import InputError, ModelError
from dataflows.lifecycle.redaction import masked
from dataflows.messages.raw import Refused
from dataflows.serve.answers import (
    BadRequestError,
    NotAnsweredHereError,
    NotReadyError,
    UnknownError,
)
from dataflows.serve.api_types import Problem, Receipt
from dataflows.serve.changes import ListenerError

MEDIA_TYPE = b"application/problem+json"
RETRY_SECONDS = 1
"""After how long somebody who was turned away may ask again."""

_log = logging.getLogger(__name__)

_STATUS: tuple[tuple[type[Exception], int], ...] = (
    (BadRequestError, 400),
    (Refused, 400),
    (UnknownError, 404),
    (ModelError, 409),
    (NotAnsweredHereError, 501),
    (NotReadyError, 503),
    (ListenerError, 503),
    (InputError, 503),
)
"""What is answered to an error, the first that fits."""


class ProblemError(Exception):
    """A request that is answered by a problem: value, limit and remedy in its text."""

    def __init__(
        self,
        status: int,
        detail: str,
        remedy: str | None = None,
        headers: Mapping[str, str] | None = None,
        errors: tuple[Receipt, ...] = (),
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.remedy = remedy
        self.headers = dict(headers or {})
        self.errors = errors
        if status in (429, 503):
            self.headers.setdefault("retry-after", str(RETRY_SECONDS))

    @property
    def body(self) -> bytes:
        """Return the problem as JSON."""
        return msgspec.json.encode(
            Problem(
                title=HTTPStatus(self.status).phrase,
                status=self.status,
                detail=self.detail,
                remedy=self.remedy,
                errors=self.errors,
            )
        )


def problem_of(error: Exception) -> ProblemError:
    """Return what is answered to an error; what nobody foresaw is logged, in one line, as 500."""
    if isinstance(error, ProblemError):
        return error
    if isinstance(error, HTTPException):  # of the router: no such path, or not by this method
        return _of_router(error)
    for kind, status in _STATUS:
        if isinstance(error, kind):
            return ProblemError(status, masked(str(error)) or kind.__name__)
    _log.error("a request failed: %s: %s", type(error).__name__, masked(str(error)))
    return ProblemError(
        500,
        "this request failed for a reason that is not of its making; the log of the process "
        "names it",
    )


def _of_router(error: HTTPException) -> ProblemError:
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "")
        return ProblemError(
            405,
            f"this path is asked by {allowed} alone",
            headers={"allow": allowed},
        )
    return ProblemError(
        error.status_code, "there is no such path", "/openapi.json has all that there are"
    )
