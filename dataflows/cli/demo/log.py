"""What the demo plays: the simulated shop, or a log that was named."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from random import Random

import msgspec

from dataflows.config.config import Config
from dataflows.datasets.shop.shop import Shop, soil
from dataflows.errors import InputError
from dataflows.evaluation.log_order import read_order
from dataflows.evaluation.offline_flow import catalogue_records
from dataflows.evaluation.warmup import Warmup, look_at_warmup
from dataflows.messages.raw import EVENTS, ITEMS, Raw

SHOP_ITEMS = 1200
SHOP_USERS = 1500
WARMUP = 0.2
DIRT = 0.002


class DemoLog(msgspec.Struct, frozen=True):
    """`records` in order, with about `total` events among them; `name` is their partition.

    `write(folder)` gives files of the events and the catalogue, None where there is none.
    """

    title: str
    name: str
    records: Iterator[Raw]
    total: int
    warmup: Warmup
    repeats: str
    write: Callable[[Path], tuple[Path, Path | None]]


def shop_log(events: int) -> DemoLog:
    """Return the simulated shop: items as they arrive and leave, events, some bad lines.

    What a shopper has looked at is not offered again: the simulated ones look for what is new.
    """
    shop = Shop(seed=0, items=SHOP_ITEMS, users=SHOP_USERS)
    learnt = math.floor(WARMUP * events)
    settings = shop.settings
    title = f"a simulated shop: {settings.items:,} items, up to {settings.users:,} shoppers"
    warmup = Warmup(learnt, learnt, 0.0)

    def write(folder: Path) -> tuple[Path, Path | None]:
        shop.write(folder, events)
        return folder / "events.jsonl", folder / "items.jsonl"

    return DemoLog(title, EVENTS, _shop(shop, events), events, warmup, "off", write)


def named_log(path: Path, items: Path | None, events: int | None, config: Config) -> DemoLog:
    """Return a log from files, in the order of a replay. Raises InputError."""
    order = read_order(path, config.events, events)
    catalogue = catalogue_records(items, config.events.max_record_bytes)
    warmup = look_at_warmup(order, WARMUP, config.events, config.clean)
    repeats = "on" if warmup.repeats_on(config.learner.repeats) else "off"
    records = chain(catalogue, order.records())
    return DemoLog(
        path.name, path.name, records, order.events, warmup, repeats, lambda _: (path, items)
    )


def check_events(events: int | None) -> None:
    """Raise InputError for a number of events that cannot be meant."""
    if events is not None and events < 100:
        raise InputError(f"events is {events}; the least that shows anything is 100")


def _shop(shop: Shop, events: int) -> Iterator[Raw]:
    """Yield the shop's stream, the bad lines among the events."""
    waiting: list[tuple[str, bytes | None]] = []

    def lines() -> Iterator[bytes]:
        for topic, key, record in shop.stream(events):
            line = None if record is None else msgspec.json.encode(record)
            if topic == ITEMS:
                waiting.append((key, line))
            elif line is not None:
                yield line

    items = 0
    soiled = soil(lines(), DIRT, Random(0))  # noqa: S311 - a simulation
    for place, line in enumerate(soiled):
        for key, item in waiting:
            yield Raw(ITEMS, ITEMS, items, items + 1, key.encode(), item)
            items += 1
        waiting.clear()
        yield Raw(EVENTS, EVENTS, place, place + 1, None, line)
