"""Lists made anew through kill -9 on a real store, against a replay of the same records.

`python -m tests.dataflows.engine.refresh_kills FOLDER` prints how many kills there were, and how
many lists were made anew; raises where the two differ in what they stored or sent last.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
from contextlib import closing
from functools import partial
from pathlib import Path
from unittest import mock

from dataflows.config.config import load_config
from dataflows.engine import list_refresher
from dataflows.engine.encode_step import EncodeStep
from dataflows.engine.item_store import Catalogue
from dataflows.engine.list_refresher import ListRefresher
from dataflows.evaluation.offline_flow import PlaySource, batched, open_engine, play
from dataflows.evaluation.timing import Pace
from dataflows.messages.raw import Raw
from dataflows.state.outbox import RECOMMENDATIONS
from dataflows.state.records import MemoryStore
from dataflows.state.store import Store
from encoders.backends.hashing import HashingEncoder
from tests.dataflows.evaluation.test_replay import KeepSink

ENCODER = HashingEncoder(16)
USERS, ITEMS, EVENTS = 30, 24, 240
CONFIG = load_config(None, {"learner.k": 5, "state.refresh_per_record": 1}, {})


def records() -> list[Raw]:
    """A catalogue, then events, among which an item leaves or gets a new title now and then."""
    dice = random.Random(5)
    found = {"items": 0, "events": 0}
    raws = []

    def add(topic: str, value: dict | None, key: bytes | None = None) -> None:
        place = found[topic]
        found[topic] += 1
        data = None if value is None else json.dumps(value).encode()
        raws.append(Raw(topic, f"{topic}-0", place, place + 1, key, data))

    for number in range(ITEMS):
        add("items", {"item_id": f"i{number}", "title": f"thing {number}"})
    for number in range(EVENTS):
        if number % 40 == 39:
            add("items", None, b"i%d" % (number // 40))
            add("items", {"item_id": f"i{ITEMS - 1 - number // 40}", "title": f"new {number}"})
        fields = {"user_id": f"u{dice.randrange(USERS)}", "item_id": f"i{dice.randrange(8, ITEMS)}"}
        add("events", {"event_id": f"e{number}", "type": "view", "ts": 1.7e9 + number, **fields})
    return raws


def last_lists(messages: list[dict]) -> dict[str, dict]:
    """What a consumer has that drops what is older than what it has."""
    last: dict[str, dict] = {}
    for message in messages:
        del message["time"]
        if message["sequence"] >= last.get(message["user_id"], message)["sequence"]:
            last[message["user_id"]] = message
    return last


def replayed(raws: list[Raw]) -> tuple[dict, dict[str, dict], int]:
    """Play all of it as a replay does; return what is stored, the last lists, and the count."""
    store, outs = MemoryStore(), []
    engine = open_engine(CONFIG, ENCODER, store=store)
    source = PlaySource(batched(raws, 50), Pace())
    play(CONFIG, source, partial(KeepSink, outs), engine, ENCODER)
    engine.close()
    lists = [json.loads(out.value) for out in outs if out.topic == RECOMMENDATIONS]
    return stored(store), last_lists(lists), engine.counts["lists_refreshed"]


def stored(store) -> dict:
    kinds = store.records if isinstance(store, MemoryStore) else store.kinds()
    found = {kind: dict(store.scan(kind)) for kind in kinds if not kind.startswith("outbox")}
    return {
        kind: {key: bytes(blob) for key, blob in rows.items()}
        for kind, rows in found.items()
        if rows
    }


def live(raws: list[Raw], folder: Path, kill_at: int) -> None:
    """Go on where the store is, in small batches, and be killed at that much of the walk."""
    left, work = kill_at, ListRefresher.work

    def killed(self, *args, **more):
        nonlocal left
        outs = work(self, *args, **more)
        left -= bool(len(self))
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return outs

    with (
        closing(Store.open(folder)) as store,
        (folder / "sent.jsonl").open("ab") as sent,
        mock.patch.object(ListRefresher, "work", killed),
    ):
        engine = open_engine(CONFIG, ENCODER, store=store)
        encode = EncodeStep(
            ENCODER, CONFIG.events, Catalogue(Store.reader(folder), ENCODER.version)
        )

        def send(outs) -> None:
            for out in outs:
                if out.topic == RECOMMENDATIONS:
                    sent.write(out.value + b"\n")
                    sent.flush()
                engine.outbox.acknowledge(out.number)

        send(engine.process(next(iter(encode([])))[1]))
        rest = [raw for raw in raws if raw.offset >= engine.positions.get(raw.partition, 0)]
        for number, batch in enumerate(batched(rest, 7)):
            for _, one in encode(batch):
                send(engine.process(one))
            if number % 3 == 2:
                engine.commit()
        send(engine.finish())
        engine.close()


def forked(raws: list[Raw], folder: Path, kill_at: int) -> bool:
    """Run it in a process of its own; return whether it was killed."""
    child = os.fork()
    if child == 0:
        live(raws, folder, kill_at)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def main(folder: Path) -> None:
    with mock.patch.multiple(list_refresher, LOOKS_PER_LIST=2, AT_A_CHANGE=2):
        raws = records()
        folder.mkdir()
        kills = 0
        for kill_at in (3, 2, 11, 17, 29, 1, 40, 23, 10**9):
            kills += forked(raws, folder, kill_at)
        expected, lists, refreshed = replayed(raws)
    sent = [json.loads(line) for line in (folder / "sent.jsonl").read_bytes().splitlines()]
    view = Store.reader(folder)
    assert view is not None
    with closing(view):
        found = stored(view)
    assert found.keys() == expected.keys(), found.keys() ^ expected.keys()
    for kind, rows in expected.items():
        assert found[kind] == rows, kind
    assert last_lists(sent) == lists
    print(kills, refreshed)  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]))
