"""JSON Schemas of all messages, made from the types that read and write them.

`python -m dataflows.messages.json_schemas docs/reference/schemas` writes them; a test holds them
equal.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from dataflows.messages.events import EventJson
from dataflows.messages.items import ItemJson
from dataflows.messages.outgoing import (
    DeadLetter,
    Intents,
    Narrative,
    PromotionMessage,
    Recommendation,
)
from dataflows.messages.raw import Reason
from dataflows.messages.signed import SignedJson
from dataflows.messages.special_events import ControlJson

DIALECT = "https://json-schema.org/draft/2020-12/schema"

TYPES: dict[str, type[msgspec.Struct]] = {
    "event": EventJson,
    "item": ItemJson,
    "recommendation": Recommendation,
    "intents": Intents,
    "dead-letter": DeadLetter,
    "promotion": PromotionMessage,
    "narrative": Narrative,
    "decision": SignedJson,
    "intents-decision": ControlJson,
}
"""File name, without `.json`, to the type that it tells of."""


def schema(name: str) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of one kind of message. Raises KeyError."""
    wanted = TYPES[name]
    found = msgspec.json.schema(wanted)
    definitions = found.pop("$defs")
    found.pop("$ref")
    own = definitions.pop(wanted.__name__)
    if wanted is DeadLetter:
        own["properties"]["reason"]["enum"] = [reason.value for reason in Reason]
    rest = {"$defs": definitions} if definitions else {}
    return {"$schema": DIALECT, **found, **own, "title": name, **rest}


def write(folder: Path) -> None:
    """Write all schemas into `folder`, one file each."""
    for name in TYPES:
        text = json.dumps(schema(name), indent=2, ensure_ascii=False)
        (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
