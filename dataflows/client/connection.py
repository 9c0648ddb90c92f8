"""What both kinds of callers connect by, and the error where nobody is there."""

from __future__ import annotations

from typing import Any

import httpx2

from dataflows.client.errors import UnreachableError


def connection(url: str, token: str | None, seconds: float) -> dict[str, Any]:
    """Return what a client of `httpx2` is made with; `seconds` is how long an answer may take."""
    return {
        "base_url": url,
        "headers": {} if token is None else {"Authorization": f"Bearer {token}"},
        "timeout": seconds,
        "trust_env": False,
    }


def unreachable(http: httpx2.Client | httpx2.AsyncClient, error: Exception) -> UnreachableError:
    """Return the error that nobody answers."""
    return UnreachableError(
        f"{http.base_url} does not answer: {str(error) or type(error).__name__}; see that "
        "`penchant serve` or `penchant run` is there, and that the address is right"
    )
