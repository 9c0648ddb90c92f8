"""One request as its operation sees it, and what an operation may use to answer it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import msgspec

from dataflows.config.events import EventSettings
from dataflows.config.serve import ServeSettings
from dataflows.registry.manifest import Promotion
from dataflows.registry.registry import Registry
from dataflows.serve.answers import AnswerSource, NotAnsweredHereError
from dataflows.serve.changes import ChangeHub
from dataflows.serve.http.static import StaticFile
from dataflows.serve.http.tokens import ADMIN, READ, Tokens
from dataflows.serve.intake.destination import Destination
from dataflows.serve.stored.live_process import LiveProcess


class NoQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request without parameters."""


@dataclass(frozen=True)
class Call:
    """A request: what stands in its path, its query and its body, each checked."""

    path: Mapping[str, str]
    query: Any = None
    body: Any = None
    content_type: str = ""
    scopes: frozenset[str] = frozenset()
    address: str = ""
    accept: str = ""


@dataclass(frozen=True)
class Content:
    """An answer that is no JSON of ours: bytes of a type of their own."""

    media_type: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200


def no_metrics(_accept: str = "") -> tuple[bytes, str]:
    """Say that nothing is counted here. Raises NotAnsweredHereError."""
    raise NotAnsweredHereError("this process counts nothing; set metrics.enabled")


def no_registry() -> Registry:
    """Say that there are no models here. Raises NotAnsweredHereError."""
    raise NotAnsweredHereError("this process has no registry of models; use `penchant models`")


def announce_nowhere(_registry: Registry, _promotion: Promotion) -> None:
    """Tell nobody: whoever serves looks at the registry."""


def observe_nothing(_method: str, _route: str | None, _status: int, _seconds: float) -> None:
    """Count nothing."""


@dataclass(frozen=True)
class Backend:
    """What answers: the source, where events go, and what is told of the process.

    `observe` is told each request (method, route, status, seconds), in the thread of the server;
    `metrics` returns a text and its media type for what a request accepts; `live` is asked what
    `source` cannot answer.
    """

    source: AnswerSource
    settings: ServeSettings = field(default_factory=ServeSettings)
    events: EventSettings = field(default_factory=EventSettings)
    tokens: Tokens = field(default_factory=Tokens)
    hub: ChangeHub = field(default_factory=ChangeHub)
    intake: Destination | None = None
    live: LiveProcess | None = None
    observe: Callable[[str, str | None, int, float], None] = observe_nothing
    metrics: Callable[[str], tuple[bytes, str]] = no_metrics
    registry: Callable[[], Registry] = no_registry
    files: Mapping[str, StaticFile] = field(default_factory=dict)
    announce: Callable[[Registry, Promotion], object] = announce_nowhere
    clock: Callable[[], float] = time.time


class Answerer(Protocol):
    """Answers a call."""

    def __call__(self, backend: Backend, call: Call, /) -> object:
        """Return the answer. Raises what `problem_of` knows."""
        ...


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that can be asked: where, by whom, and what comes back.

    `pool` is where it is answered: `source` in a thread where the source waits, and at once
    where it does not; `intake` in a thread in any case; `inline` at once. `body` is the type of
    a JSON body, None for no body; `bytes` are read by the operation itself. What `takes_long` is
    answered in a thread also where the source waits for nobody.
    """

    name: str
    method: str
    template: str
    summary: str
    answer: Answerer
    returns: Any
    scope: str | None = READ
    query: type[msgspec.Struct] = NoQuery
    body: Any = None
    body_schema: Any = None
    media_types: tuple[str, ...] = ("application/json",)
    status: int = 200
    pool: Literal["source", "intake", "inline"] = "source"
    takes_long: bool = False
    problems: tuple[int, ...] = ()

    @property
    def is_admin(self) -> bool:
        """Return whether it is for those alone who look after the process."""
        return self.scope == ADMIN
