"""Messages as a run sends them, and a `penchant serve` by itself over files of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from dataflows.config.config import Config, load_config
from dataflows.messages.outgoing import (
    Intents,
    Liking,
    Narrative,
    Place,
    Position,
    Recommendation,
    Versions,
    Worded,
)
from dataflows.messages.outgoing_json import iso
from dataflows.serve.changes import ChangeHub
from dataflows.serve.stored.answers import StoredAnswers
from dataflows.serve.stored.open_answers import open_stored, store_folder

VERSIONS = Versions("encoder-1", "model-1")
NOW = 1_780_000_000.0


def listed(
    user_id: str, items: Sequence[str], sequence: int = 1, at: float = 0.0, offset: int = 7
) -> bytes:
    """Write the list of a user, made `at` seconds after `NOW`."""
    return msgspec.json.encode(
        Recommendation(
            user_id,
            tuple(
                Place(item, f"Title of {item}", 1.0 - place / 100, (f"taken with {item}",), 1.0)
                for place, item in enumerate(items)
            ),
            {"buy": 0.75},
            sequence,
            Position("events-0", offset),
            VERSIONS,
            iso(NOW + at),
        )
    )


def intents(user_id: str, top: str, sequence: int = 1) -> bytes:
    """Write what a user is after."""
    return msgspec.json.encode(
        Intents(
            *(user_id, {top: 0.5}, 0.5, top, {top: 0.9}, 0.1, 0.25, ()),
            *((Liking("music", 0.75, 0.5),), sequence, Position("events-0", 7), VERSIONS),
            iso(NOW),
        )
    )


def narrative(user_id: str, headline: str, sequence: int = 1) -> bytes:
    """Write a list in words."""
    words = (Worded("a", "Title of a", "because", "model"),)
    position = Position("events-0", 7)
    return msgspec.json.encode(
        Narrative(
            *(user_id, headline, "model", words, None, sequence, position, VERSIONS, "llm-1"),
            iso(NOW),
        )
    )


def item(item_id: str, *categories: str, **more: Any) -> bytes:
    """Write a row of the catalogue."""
    row = {"item_id": item_id, "title": f"Title of {item_id}", "categories": list(categories)}
    return json.dumps(row | more).encode()


class Files:
    """The files of a run, and what follows them: `settled` steps until nothing more comes."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.output, self.items = folder / "output", folder / "items.jsonl"
        self.kept = folder / "serve"
        self.output.mkdir(exist_ok=True)
        self._settings = {"files.output": str(self.output)} | {
            name.replace("__", "."): value for name, value in settings.items()
        }
        self.hub = ChangeHub()
        self._changes = self.hub.subscribe()

    @property
    def config(self) -> Config:
        items = {"files.items": str(self.items)} if self.items.exists() else {}
        return load_config(None, items | {"serve.store": str(self.kept)} | self._settings, {})

    @property
    def database(self) -> Path:
        """The file of the store."""
        return store_folder(self.config, 0) / "answers.db"

    def published(self) -> list[tuple[str, bytes]]:
        """Return the lists that were published since the last call."""
        return [(change.user_id, change.message) for change in self._changes.drain()]

    def append(self, topic: str, *messages: bytes) -> None:
        """Append messages to the file of a topic, made where it is not there."""
        with (self.output / f"{topic}.jsonl").open("ab") as file:
            file.writelines(message + b"\n" for message in messages)

    def send(self, *messages: bytes) -> None:
        """Append lists; the file of intents is there then too, as it is with a run."""
        self.append("recommendations", *messages)
        self.append("intents")

    def catalogue(self, *rows: bytes) -> None:
        """Write the items file anew."""
        self.items.write_bytes(b"".join(row + b"\n" for row in rows))

    @contextmanager
    def opened(self, **options: Any) -> Iterator[StoredAnswers]:
        """Open the store, take in what is there, and close it in the end."""
        answers = open_stored(self.config, self.hub, **options)
        try:
            settle(answers)
            yield answers
        finally:
            answers.close()


def settle(answers: StoredAnswers, steps: int = 60) -> None:
    """Take in what has come, without a thread; three empty steps tell that it is all."""
    following = answers.following
    quiet = 0
    for _ in range(steps):
        before = following.taken
        following.step()
        quiet = quiet + 1 if following.taken == before else 0
        if quiet > 2:
            return
    raise AssertionError(f"more came after {steps} steps")
