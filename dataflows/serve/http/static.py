"""Files that are served as they are: named in a table, never looked up on the disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""Nothing from elsewhere, nothing within a page of others."""


@dataclass(frozen=True)
class StaticFile:
    """A file: its bytes, its type, and the tag by which a browser knows whether it changed."""

    body: bytes
    media_type: str
    etag: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "etag", f'"{sha256(self.body).hexdigest()[:32]}"')

    @property
    def headers(self) -> Mapping[str, str]:
        """Return what goes out with it."""
        return {
            "etag": self.etag,
            "cache-control": "no-cache",
            "content-security-policy": CONTENT_SECURITY_POLICY,
            "referrer-policy": "no-referrer",
        }

    def is_known_as(self, tags: str) -> bool:
        """Return whether a header `If-None-Match` names it."""
        given = [tag.strip().removeprefix("W/") for tag in tags.split(",")]
        return self.etag in given or "*" in given
