"""Questions about items, answered by the first shard."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from dataflows.serve.answers import UnknownError
from dataflows.serve.api_types import ItemAnswer, ItemsAnswer, ScoredItem
from dataflows.serve.live.shard_look import Look, ShardLooks, read_items
from learners.online_model.queries import item_lists
from learners.online_model.queries.filters import OnlyCategories
from learners.online_model.queries.item_lists import Figures, best_of
from learners.online_model.queries.leaderboards import figures_of
from learners.online_model.queries.search import answers_to
from learners.recommender.similar import similar_items
from learners.signals.leaderboards import Leaderboard
from learners.signals.popularity import TOTAL

NO_BOARDS: Mapping[str, Leaderboard] = MappingProxyType({})


class LiveItems:
    """Answers as `dataflows.serve.answers.ItemAnswers` says."""

    def __init__(
        self,
        shards: ShardLooks,
        now: Callable[[], float] = lambda: 0.0,
        leaderboards: Mapping[str, Leaderboard] = NO_BOARDS,
    ) -> None:
        self._shards = shards
        self._now = now
        self._leaderboards = leaderboards

    def item(self, item_id: str) -> ItemAnswer:
        """Return one item."""
        with self._shards.still(self._shards.first()) as look:
            number, items = look.number(item_id), look.model.signals.items
            at, popularity = max(look.model.position, 0), look.model.signals.popularity
            taken = float(popularity.takings(TOTAL, np.array([number]), at)[0])
            title, is_available = items.title(number), bool(items.available[number])
            categories, blobs = look.categories(number), look.blobs([item_id])
        stored = read_items(blobs)[0]
        known = None if stored is None else stored.record
        return ItemAnswer(
            item_id=item_id,
            title=title,
            text=None if known is None else known.text,
            categories=categories if known is None else known.categories,
            attributes={} if known is None else known.attributes,
            is_available=is_available,
            taken=round(taken, 6),
            as_of=look.as_of,
        )

    def similar(self, item_id: str, k: int, categories: Sequence[str]) -> ItemsAnswer:
        """Return items like an item: taken together with it, or near in meaning."""
        with self._shards.still(self._shards.first()) as look:
            model, only = look.model, _only(look, categories)
            number, items = look.number(item_id), look.model.signals.items
            most = len(items) if only is not None else k
            found = [
                (items.index[one.item_id], one.score)
                for one in similar_items(model.signals, number, most, model.position)
            ]
            if only is not None and found:
                kept = only.keep(np.array([number for number, _ in found], np.int32))
                found = [one for one, stays in zip(found, kept, strict=True) if stays]
            return _scored(look, found[:k])

    def together(self, item_id: str, k: int, categories: Sequence[str]) -> ItemsAnswer:
        """Return items that are taken near an item, by the cosine of counts."""
        with self._shards.still(self._shards.first()) as look:
            signals, number = look.model.signals, look.number(item_id)
            found = item_lists.together_with(signals, number, look.model.position)
            return _best(look, found, k, categories)

    def next(self, item_id: str, k: int, categories: Sequence[str]) -> ItemsAnswer:
        """Return items that are taken right after an item, by their share."""
        with self._shards.still(self._shards.first()) as look:
            found = item_lists.next_after(look.model.signals, look.number(item_id))
            return _best(look, found, k, categories)

    def popular(self, k: int, categories: Sequence[str]) -> ItemsAnswer:
        """Return what is taken most."""
        with self._shards.still(self._shards.first()) as look:
            found = item_lists.popular(look.model.signals, look.model.position)
            return _best(look, found, k, categories)

    def trending(self, k: int, categories: Sequence[str]) -> ItemsAnswer:
        """Return what is taken more and more."""
        with self._shards.still(self._shards.first()) as look:
            found = item_lists.trending(look.model.signals, look.model.position)
            return _best(look, found, k, categories)

    def falling(self, k: int, categories: Sequence[str]) -> ItemsAnswer:
        """Return what is taken less and less."""
        with self._shards.still(self._shards.first()) as look:
            found = item_lists.falling(look.model.signals, look.model.position)
            return _best(look, found, k, categories)

    def latest(self, k: int, categories: Sequence[str]) -> ItemsAnswer:
        """Return what came into the catalogue last."""
        with self._shards.still(self._shards.first()) as look:
            return _best(look, item_lists.latest(look.model.signals), k, categories)

    def leaderboard(self, name: str, k: int, categories: Sequence[str]) -> ItemsAnswer:
        """Return the first items of a leaderboard. Raises UnknownError where there is none."""
        board = self._leaderboards.get(name)
        if board is None:
            known = ", ".join(sorted(self._leaderboards)) or "none"
            raise UnknownError(
                f"no leaderboard {name!a} is configured (there are: {known}); "
                f"write it under [serve.leaderboards.{name}]"
            )
        with self._shards.still(self._shards.first()) as look:
            signals = look.model.signals
            found = figures_of(board, signals, look.model.position)
            return _best(look, found, k, categories, above=-np.inf)

    def search(
        self, text: str, user_id: str | None, k: int, categories: Sequence[str]
    ) -> ItemsAnswer:
        """Return items by words and by meaning, for a user in their order where one is given."""
        shards = self._shards
        engine = shards.first() if user_id is None else shards.of_user(user_id)
        with shards.asked(engine, text) as (look, search):
            assert search is not None  # noqa: S101 - for the types: there is a text
            whose = None
            if user_id is not None:
                whose = user_id, look.user(user_id) or look.fresh_user()
            only = _only(look, categories)
            found = answers_to(look.model, search, k, only, whose, self._now())
            return _scored(look, found)


def _only(look: Look, categories: Sequence[str]) -> OnlyCategories | None:
    return OnlyCategories(look.model.signals.items, categories) if categories else None


def _best(
    look: Look, found: Figures, k: int, categories: Sequence[str], above: float = 0.0
) -> ItemsAnswer:
    items, figures = best_of(look.model.signals, found, k, _only(look, categories), above)
    return _scored(look, zip(items.tolist(), figures.tolist(), strict=True))


def _scored(look: Look, found: Iterable[tuple[int, float]]) -> ItemsAnswer:
    items = look.model.signals.items
    listed = tuple(
        ScoredItem(items.ids[number], items.title(number), round(score, 6), look.categories(number))
        for number, score in found
    )
    return ItemsAnswer(items=listed, as_of=look.as_of)
