"""What goes wrong between a caller and the API.

ClientError
├── UnreachableError    nobody answered, or what came was no answer of the API
└── ApiError            the API said no: problem details, with a remedy where there is one
"""

from __future__ import annotations

import msgspec

from dataflows.serve.api_types import Problem


class ClientError(Exception):
    """Something went wrong between a caller and the API."""


class UnreachableError(ClientError):
    """Nobody answered in time, or not as the API does."""


class ApiError(ClientError):
    """The API refused: `status` is that of HTTP, `problem` what it said (RFC 9457)."""

    def __init__(self, problem: Problem) -> None:
        self.status = problem.status
        self.problem = problem
        remedy = f" ({problem.remedy})" if problem.remedy else ""
        super().__init__(f"{problem.status} {problem.title}: {problem.detail}{remedy}")


def error_of(status: int, body: bytes, url: str) -> ClientError:
    """Return the error that an answer with a status from 400 on is."""
    try:
        return ApiError(msgspec.json.decode(body, type=Problem))
    except msgspec.MsgspecError:
        return UnreachableError(
            f"{url} answered {status}, not as the API does: see that the address is that of "
            "`penchant serve` or `penchant run`, and what stands between"
        )
