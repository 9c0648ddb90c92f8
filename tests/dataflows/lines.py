"""A stream of single records into one engine, for tests of what one event does."""

from __future__ import annotations

import json
from typing import Any

from dataflows.config.config import load_config
from dataflows.engine.encode_step import EncodeStep
from dataflows.engine.item_store import Catalogue
from dataflows.evaluation.offline_flow import open_engine
from dataflows.messages.raw import Raw
from dataflows.state.records import MemoryStore
from encoders.load import load_encoder

ENCODER = load_encoder("hashing-32")


class Line:
    """A stream of records into one engine, which may be opened anew on its store.

    Settings without a section are those of the learner. `lists` are the newest ones sent, by
    user, `buried` the reasons of dead letters.
    """

    def __init__(self, **given: Any) -> None:
        named = {name if "." in name else f"learner.{name}": of for name, of in given.items()}
        self.config = load_config(None, named, {})
        self.store, self.place = MemoryStore(), 0
        self.lists: dict[str, list[str]] = {}
        self.buried: list[str] = []
        self.start()

    def start(self) -> None:
        self.engine = open_engine(self.config, ENCODER, store=self.store)
        self.encode = EncodeStep(ENCODER, self.config.events, Catalogue(None, ENCODER.version))

    def __call__(self, **fields: Any) -> Any:
        """Feed one event; return what is told in the newest intents message, if there is one."""
        self.place += 1
        line = {"event_id": f"n{self.place}", "user_id": "u1", "type": "query"}
        record = json.dumps({"ts": 1.7e9 + self.place} | line | fields).encode()
        raws = [Raw("events", "events-0", self.place, self.place + 1, None, record)]
        told = None
        for _, batch in self.encode(raws):
            for out in self.engine.process(batch):
                value = json.loads(out.value)
                if out.topic == "intents":
                    told = value
                elif out.topic == "recommendations":
                    self.lists[value["user_id"]] = [place["item_id"] for place in value["items"]]
                elif out.topic == "dead-letters":
                    self.buried.append(value["reason"])
        self.engine.ledger.balance()
        return told

    def restart(self) -> None:
        self.engine.commit()
        self.start()
