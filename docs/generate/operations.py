"""What can be asked over HTTP: the table, and the OpenAPI document."""

from __future__ import annotations

import json

from dataflows.serve.http.openapi import document, path_of
from dataflows.serve.http.operations import OPERATIONS
from dataflows.serve.stored.live_only import LiveOnly

HEAD = "| path | scope | what | `penchant serve` by itself |\n|---|---|---|---|\n"
NOTES = {
    "recommend": "the list that was sent, cut and filtered; pages beyond it, a context, `at`, "
    "`signals`: no",
    "recommend_as_asked": "as above",
    "send_events": "yes; `wait=list`: no",
    "leaderboards": "those of its own configuration",
    "promote": "yes, where it reaches `models.root`",
    "rollback": "yes, where it reaches `models.root`",
    "dead_letters": "none are told",
    "active_users": "whose lists came last",
    "beliefs": "the one that was sent last",
    "similar": "by vectors",
    "search": "by vectors; for a user: no",
}
"""What is said beside yes and no."""


def operations() -> str:
    """Return the table of all operations."""
    rows = []
    for one in OPERATIONS:
        alone = NOTES.get(one.name, "no" if hasattr(LiveOnly, one.name) else "yes")
        scope = "" if one.scope is None else f"`{one.scope}`"
        rows.append(
            f"| `{one.method} {path_of(one.template)}` | {scope} | {one.summary} | {alone} |\n"
        )
    return HEAD + "".join(rows).replace("|  |", "| |")


def openapi_json() -> str:
    """Return the OpenAPI document as it lies beside the pages, without the version of today."""
    found = json.loads(document())
    found["info"]["version"] = "1"
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"
