"""The logs of the benchmark of accuracy, converted from where they lie. See benchmarks/accuracy.py.

Each is written as events.jsonl and items.jsonl into a folder; one whose files are not there is
skipped.
"""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

SHARED = Path(os.environ.get("PENCHANT_SHARED") or "../shared") / "data"
ML100K = Path(os.environ.get("PENCHANT_ML100K") or ".cache/ml-100k")
SHOP_EVENTS = 60_000
HALF = "ml-100k-half"
LIKED = "ml-100k-liked"
UNTOLD = "wikispeedia-untold"
NEMIG = ("nemig-en", "nemig-de")
SOURCES = {
    "completejourney": ("completejourney", SHARED / "completejourney"),
    "wikispeedia": ("wikispeedia", SHARED / "wikispeedia"),
    UNTOLD: ("wikispeedia", SHARED / "wikispeedia"),
    HALF: ("recbole", ML100K),
    "ml-100k": ("recbole", ML100K),
    LIKED: ("recbole", ML100K),
    "deskdrop": ("deskdrop", SHARED / "deskdrop"),
    "serenade": ("serenade", SHARED / "serenade-example"),
    "nemig-en": ("nemig", SHARED / "nemig" / "en_behaviors.tsv"),
    "nemig-de": ("nemig", SHARED / "nemig" / "de_behaviors.tsv"),
    "shop": ("shop", None),
}
"""Format and place of each log."""

CLICKS = {"wikispeedia": "click", UNTOLD: "click", **dict.fromkeys(NEMIG, "click")}
"""The type of event that a user chose: a game starts on a page that was drawn, and what was read
before an impression is told once for all five."""

UNDATED = NEMIG
"""Logs whose catalogue cannot say when an item came: it lists nothing that the stream has not met,
so hits of items that nobody had met are not spoken of."""

LEFT_OUT = {UNTOLD: "search", **dict.fromkeys(NEMIG, "negative")}
"""The type of event that is taken out. What was shown and not clicked has weight 0: it is not
learnt, brings no item into the stream, and so moves no rank, but would fill a prefix."""

REPEATS = {"completejourney": "on"}
"""Where a short prefix would not show what the whole log does: its baskets come back later."""

HIDDEN_SHARE = 0.5


def is_there(name: str) -> bool:
    path = SOURCES[name][1]
    return path is None or path.is_file() or (path.is_dir() and any(path.iterdir()))


def write_log(name: str, folder: Path, events: int | None) -> tuple[Path, Path | None]:
    """Write a log; return its events and its catalogue, None where it has no catalogue.

    `events` is how many will be replayed: what is hidden is hidden in the first half of those.
    """
    kind, path = SOURCES[name]
    log, items = folder / "events.jsonl", folder / "items.jsonl"
    if path is None:
        from dataflows.datasets.shop.shop import Shop

        Shop(seed=0).write(folder, events or SHOP_EVENTS)
    else:
        from dataflows.datasets.convert import convert

        convert(kind, path, folder, force=True)
    if name in LEFT_OUT:
        with log.open() as file:
            kept = [line for line in file if json.loads(line)["type"] != LEFT_OUT[name]]
        log.write_text("".join(kept))
    if name == HALF:
        kept = hide_items(log.read_text().splitlines(), events, seed=0)
        log.write_text("".join(f"{line}\n" for line in kept))
    return log, items if items.stat().st_size else None


def hide_items(lines: list[str], events: int | None, seed: int) -> list[str]:
    """Take the events on half of the items, drawn with the seed, out of the first half of a log.

    Those items are then unseen until mid-stream. `lines` are in the order of time; with `events`
    only so many lines are left, half of them from before the items appear.
    """
    ids = [json.loads(line)["item_id"] for line in lines]
    known = sorted(set(ids))
    hidden = set(random.Random(seed).sample(known, int(HIDDEN_SHARE * len(known))))
    half = len(lines) // 2
    before = [line for line, item in zip(lines[:half], ids, strict=False) if item not in hidden]
    after = lines[half:]
    if events is None:
        return before + after
    return before[-(events // 2) :] + after[: events - events // 2]


def chosen(name: str, log: Path, event_ids: list[str]) -> list[bool]:
    """Tell which events a user chose, where a log has others too."""
    wanted = CLICKS[name]
    kinds = {}
    with log.open() as file:
        for line in file:
            event = json.loads(line)
            kinds[event["event_id"]] = event["type"]
    return [kinds[event_id] == wanted for event_id in event_ids]
