"""What is asked about the process, and what its keepers may do."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from dataflows.registry.manifest import Kind, Promotion
from dataflows.serve.api_types import Readiness
from dataflows.serve.http.call import Backend, Call, Content, Operation
from dataflows.serve.http.problems import ProblemError
from dataflows.serve.http.tokens import ADMIN
from dataflows.serve.status import RefusedRecord, Status

Reason = Annotated[str, Meta(min_length=1, max_length=1_000, description="Why; kept with it.")]


class Alive(msgspec.Struct, frozen=True):
    """The process answers."""

    status: Literal["ok"] = "ok"


class DeadLettersAnswer(msgspec.Struct, frozen=True):
    """The newest records that could not be learnt, the newest first."""

    dead_letters: tuple[RefusedRecord, ...]


class PromoteRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which version is to be put in force."""

    version: Annotated[str, Meta(min_length=1, max_length=200)]
    reason: Reason = "promoted over HTTP"
    anyway: Annotated[
        bool, Meta(description="Even where the gate refused it, or was not asked.")
    ] = False


class RollbackRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far to go back: to a version, to `base`, or by one."""

    to: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    reason: Reason = "rolled back over HTTP"


def is_loopback(address: str) -> bool:
    """Return whether somebody asks from this machine."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_loopback


def _metrics(backend: Backend, call: Call) -> object:
    if not (backend.settings.metrics_public or is_loopback(call.address)):
        raise ProblemError(
            403,
            "metrics are told to this machine alone (serve.metrics_public)",
            "ask from it, or set serve.metrics_public",
        )
    text, media_type = backend.metrics(call.accept)
    return Content(media_type, text)


def _ready(backend: Backend, _call: Call) -> object:
    found = backend.source.readiness()
    body = msgspec.json.encode(found)
    if found.is_ready:
        return Content("application/json", body)
    return Content("application/json", body, {"retry-after": "1"}, 503)


def _status(backend: Backend, call: Call) -> object:
    found = _builtins(backend)
    if ADMIN not in call.scopes and "dead_letters" in found:
        found["dead_letters"] = [
            {name: value for name, value in one.items() if name != "raw"}
            for one in found["dead_letters"]
        ]
    return found


def _dead_letters(backend: Backend, _call: Call) -> object:
    return {"dead_letters": _builtins(backend).get("dead_letters", [])}


def _builtins(backend: Backend) -> dict[str, Any]:
    found = msgspec.to_builtins(backend.source.status())
    return dict(found) if isinstance(found, Mapping) else {}


def _kind(call: Call) -> Kind:
    kind = call.path["kind"]
    if kind == "encoder":
        return "encoder"
    if kind == "language":
        return "language"
    raise ProblemError(404, "there is no such kind of model", "name `encoder` or `language`")


def _promote(backend: Backend, call: Call) -> object:
    asked, kind, registry = call.body, _kind(call), backend.registry()
    found = registry.get(asked.version)
    if found.kind != kind:
        raise ProblemError(
            409, f"{found.id} is a version of {found.kind}, not of {kind}", "name its own kind"
        )
    made = registry.promote(found.id, asked.reason, backend.clock(), anyway=asked.anyway)
    backend.announce(registry, made)
    return made


def _rollback(backend: Backend, call: Call) -> object:
    target = "" if call.body.to == "base" else call.body.to
    registry = backend.registry()
    made = registry.rollback(_kind(call), call.body.reason, backend.clock(), target)
    backend.announce(registry, made)
    return made


OPERATIONS = (
    Operation(
        name="healthz",
        method="GET",
        template="/healthz",
        summary="Whether the process answers",
        answer=lambda _backend, _call: Alive(),
        returns=Alive,
        scope=None,
        pool="inline",
    ),
    Operation(
        name="readyz",
        method="GET",
        template="/readyz",
        summary="Whether answers are as new as can be: 200, or 503 with the reasons",
        answer=_ready,
        returns=Readiness,
        scope=None,
    ),
    Operation(
        name="metrics",
        method="GET",
        template="/metrics",
        summary="Figures for Prometheus; told to this machine alone unless set otherwise",
        answer=_metrics,
        returns=None,
        scope=None,
        problems=(403, 501),
    ),
    Operation(
        name="status",
        method="GET",
        template="/v1/status",
        summary="Figures of the whole, as the page shows them",
        answer=_status,
        returns=Status,
    ),
    Operation(
        name="dead_letters",
        method="GET",
        template="/v1/dead-letters",
        summary="The newest records that could not be learnt",
        answer=_dead_letters,
        returns=DeadLettersAnswer,
        scope=ADMIN,
    ),
    Operation(
        name="promote",
        method="POST",
        template="/v1/models/{kind:id}/promote",
        summary="Verify a version of a model and put it in force",
        answer=_promote,
        returns=Promotion,
        scope=ADMIN,
        body=PromoteRequest,
        pool="intake",
        problems=(404, 409),
    ),
    Operation(
        name="rollback",
        method="POST",
        template="/v1/models/{kind:id}/rollback",
        summary="Go back to the version of a model that was in force before",
        answer=_rollback,
        returns=Promotion,
        scope=ADMIN,
        body=RollbackRequest,
        pool="intake",
        problems=(404, 409),
    ),
)
