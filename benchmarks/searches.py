"""Whether a list made right after a search answers it, on simulated shops, and what that costs.

A search is judged where titles hold its words: all of them but those that say nothing, or where no
item has them all, those that are no brand. Its list answers it where the first three places hold
as many of its words as the best three items of the catalogue do. HR@10 and NDCG@10 are asked at
the moment, of every event with an item, as a replay does (docs/explanation/replay.md); "after"
are those of the first item that a user takes after a search.

    python -m benchmarks.searches [--seeds 0 1 2] [--events 8000] [--repeats on] [--encoder NAME]

For each seed there is a row as lists are made, and one as they would be ranked by what is learnt
alone, without answers put first.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from dataflows.datasets.shop.shop import Shop
from dataflows.datasets.shop.words import BRANDS
from dataflows.evaluation.judging.prequential import Prequential
from encoders.cache.cached import CachedEncoder
from encoders.load import load_encoder
from encoders.text import render_event, render_item
from learners.online_model import OnlineModel
from learners.ranking.answers_first import KINDS, PLACES
from learners.settings import LearnerSettings
from learners.types import Interaction, Item

AT_ONCE = 256
_SAY_NOTHING = """
a after all an and are at be been day do first for from has i in into is it like my new of on our
so something that the things to up we what with you
"""
SAY_NOTHING = frozenset(_SAY_NOTHING.split())


def words(text: str) -> list[str]:
    """Return the words of a text in lower case."""
    return re.findall(r"[^\W_]+", text.lower())


OF_BRANDS = frozenset(word for brand in BRANDS for word in words(brand))


class Titles:
    """Which items hold which words: told from raw titles alone."""

    def __init__(self, titles: dict[str, str]) -> None:
        self._holders: dict[str, set[str]] = {}
        for item, title in titles.items():
            for word in words(title):
                self._holders.setdefault(word, set()).add(item)

    def answers(self, search: str, gone: set[str]) -> tuple[set[str], set[str]]:
        """Return the items that hold all words of a search, and all that are no brand's."""
        said = [word for word in words(search) if word not in SAY_NOTHING]
        plain = [word for word in said if word not in OF_BRANDS]
        return self._holding(said) - gone, self._holding(plain) - gone

    def _holding(self, said: list[str]) -> set[str]:
        return set.intersection(*(self._holders.get(word, set()) for word in said or [""]))


def is_answered(listed: list[str], full: set[str], plain: set[str]) -> bool:
    """Return whether no item that holds more of a search stands behind the first places."""
    best = ([0] * len(full) + [1] * len(plain - full))[:PLACES]
    held = [0 if item in full else 1 if item in plain else 2 for item in listed[:PLACES]]
    return len(held) >= len(best) and all(h <= b for h, b in zip(held, best, strict=False))


def encoded(encoder: CachedEncoder, texts: list[str | None]) -> Iterator[Any]:
    """Return the vectors of texts, None for none."""
    for at in range(0, len(texts), AT_ONCE):
        yield from encoder.encode(texts[at : at + AT_ONCE])


def play(
    shop: Shop, events: int, encoder: CachedEncoder, repeats: str, *, first: bool = True
) -> dict[str, float]:
    """Play a shop; return the figures. `first`: answers are put first."""
    model = OnlineModel(LearnerSettings(dim=encoder.dim, repeats=repeats))
    if not first:
        model.answers.trust = [-1e300 for _ in KINDS]  # more than ever fades
    items = shop.items()
    texts = [render_item(one["title"], one["text"], one["categories"]) for one in items]
    for one, vector in zip(items, encoded(encoder, texts), strict=True):
        model.put_item(Item(one["item_id"], one["title"], (*one["categories"],), True, vector))
    titles = {one["item_id"]: one["title"] for one in items}
    log = sorted(shop.events(events), key=lambda event: event["ts"])
    said = [render_event(e["type"], titles.get(e.get("item_id")), e.get("text")) for e in log]
    judge, known = Prequential(0, repeats_on=repeats == "on"), Titles(titles)
    asked: set[str] = set()
    after: list[bool] = []
    answered: list[bool] = []
    for at, (event, vector) in enumerate(zip(log, encoded(encoder, said), strict=True)):
        user, item, text = event["user_id"], event.get("item_id"), event.get("text")
        of = (at, event["event_id"], user, item, event["type"], event["ts"], 1.0, vector)
        one = Interaction(*of, value=event.get("value"), text=text, encoded=said[at])
        judge.before_learn(model, one, None)
        after += [user in asked] * (len(judge.scored) - len(after))
        model.learn(one)
        asked.discard(user)
        if item is None and text:
            asked.add(user)
            own = model.users.get(user, at).seen.tolist() if repeats == "off" else []
            full, plain = known.answers(text, {model.signals.items.ids[n] for n in own})
            if plain or full:
                listed = [entry.item_id for entry in model.recommend(user).entries]
                answered.append(is_answered(listed, full, plain))
    return figures(judge, np.array(after), answered)


def figures(judge: Prequential, after: Any, answered: list[bool]) -> dict[str, float]:
    """Return the share of searches answered, and hits and gains, of all and right after one."""
    ranks = judge.scored.column("tie_safe")
    hits = (ranks > 0) & (ranks <= 10)
    gains = np.where(hits, 1.0 / np.log2(1.0 + np.maximum(ranks, 1)), 0.0)
    return {
        "searches": len(answered),
        "answered": float(np.mean(answered)),
        "HR@10": float(hits.mean()),
        "NDCG@10": float(gains.mean()),
        "HR@10 after": float(hits[after].mean()),
        "NDCG@10 after": float(gains[after].mean()),
    }


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--events", type=int, default=8_000)
    parser.add_argument("--encoder", default="packaged")
    parser.add_argument("--repeats", choices=("on", "off"), default="on")
    given = parser.parse_args()
    encoder = CachedEncoder(load_encoder(given.encoder), 200_000)
    print("seed  answers     " + "  ".join(f"{name:>13}" for name in figures_of()))
    for seed in given.seeds:
        for first in (True, False):
            found = play(Shop(seed=seed), given.events, encoder, given.repeats, first=first)
            row = "  ".join(f"{value:13.4g}" for value in found.values())
            print(f"{seed:4}  {'put first' if first else 'as ranked'}   {row}", flush=True)


def figures_of() -> tuple[str, ...]:
    """Return the names of the figures, in their order."""
    names = ("HR@10", "NDCG@10", "HR@10 after", "NDCG@10 after")
    return "searches", "answered", *names


if __name__ == "__main__":
    main()
