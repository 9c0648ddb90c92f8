"""The rules of `learners.ranking.claims` as they are told, one place at a time: what is tested by.

Nothing is worked out for many at once here, and nothing is fast.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from learners.online_model import OnlineModel
from learners.ranking import claims, search_claims
from learners.ranking.candidates import Rows
from learners.ranking.context import Context
from learners.ranking.reason_words import WORDS, Claim
from learners.signals.neighbour_kernels import NEXT, TOGETHER
from learners.signals.popularity import SHORT, TOTAL, stage_of
from learners.users.user import ASIDE, User


def sentence(claim: Claim, name: str = "") -> str:
    inner = name.replace("“", "‘").replace("”", "’")  # noqa: RUF001 - quotes within
    return WORDS[claim].format(name=inner)


class Pointer(NamedTuple):
    """A recent item that points to a listed one: its number, and its `row` and `column` there."""

    source: int
    row: int
    column: int


class PlainClaims:
    """What may be said of one item of one user."""

    def __init__(
        self, model: OnlineModel, context: Context, user: User, rows: Rows, item: int
    ) -> None:
        self.signals, self.context, self.user = model.signals, context, user
        self.rows, self.item = rows, item
        semantic = self.signals.semantic
        self.nearest = max(1, sum(semantic.has.tolist()) // claims.NEAREST)

    def reasons(self, groups: Sequence[str]) -> tuple[str, ...]:
        said: list[str] = []
        for group in groups:
            claim = getattr(self, f"_{group}")()
            if claim is not None and claim not in said:
                said.append(claim)
            if len(said) == 2:
                break
        return tuple(said) or (self._plain(),)

    def _pointer(
        self,
        table: tuple[NDArray[np.int32], NDArray[np.float32]],
        numbers: NDArray[np.int32],
        places: NDArray[np.intp],
    ) -> Pointer | None:
        found, most = None, 0.0
        for row, place in zip(numbers.tolist(), places.tolist(), strict=True):
            source = int(self.context.recent[place])
            ids, strength = table[0][row].tolist(), table[1][row].tolist()
            for column in range(len(ids)):
                if ids[column] == self.item and strength[column] > most and self._name(source):
                    found, most = Pointer(source, row, column), strength[column]
        return found

    def _pair_pointer(self, channel: int) -> Pointer | None:
        table = self.signals.neighbours
        return self._pointer(
            (table.ids, table.counts[channel]), self.rows.numbers, self.rows.places
        )

    def _name(self, number: int) -> str:
        items = self.signals.items
        return items.titles[number] or (items.ids[number] if items.available[number] else "")

    def _users(self, pointer: Pointer) -> tuple[int, int]:
        held = int(self.signals.neighbours.users[pointer.row, pointer.column])
        return held % 16, held // 16

    def _together(self) -> str | None:
        return self._pair(self._pair_pointer(TOGETHER))

    def _pair(self, pointer: Pointer | None) -> str | None:
        users = 0 if pointer is None else self._users(pointer)[0]
        if pointer is None or not users:
            return None
        often = Claim.TOGETHER_OFTEN if users >= claims.USERS else Claim.TOGETHER
        return sentence(often, self._name(pointer.source))

    def _follows(self) -> str | None:
        pointer = self._pair_pointer(NEXT)
        users = 0 if pointer is None else self._users(pointer)[1]
        if pointer is None or not users:
            return self._pair(pointer)
        often = Claim.AFTER_OFTEN if users >= claims.USERS else Claim.AFTER
        return sentence(often, self._name(pointer.source))

    def _meaning(self) -> str | None:
        semantic = self.signals.semantic
        table = semantic.near, semantic.cosines
        pointer = self._pointer(table, self.rows.near_numbers, self.rows.near_places)
        if pointer is None or pointer.column >= self.nearest:
            return None
        if semantic.cosines[pointer.row, pointer.column] < claims.COSINE:
            return None
        return sentence(Claim.MEANING, self._name(pointer.source))

    def _takers(self) -> int:
        return int(self.signals.takers.at_stage[:, self.item].astype(int).sum())

    def _popular(self) -> str | None:
        if self._takers() < claims.USERS:
            return None
        return sentence(Claim.POPULAR if self._is_above_average(TOTAL) else Claim.OTHERS)

    def _trending(self) -> str | None:
        since = max(self.context.position - claims.LATELY, 0)
        newest = self.signals.takers.newest[:, self.item]
        if newest[-1] >= since and self._is_above_average(SHORT):
            return sentence(Claim.NOW)
        return sentence(Claim.LATELY) if newest[0] >= since else None

    def _is_above_average(self, channel: int) -> bool:
        popularity, position = self.signals.popularity, self.context.position
        taken = max(sum(self.signals.items.streamed.tolist()), 1)
        own = popularity.takings(channel, np.array([self.item]), position)[0]
        return bool(own >= popularity.most(channel, position) / taken)

    def _stage(self) -> str | None:
        stage = stage_of(self.context.steps) - stage_of(0)
        users = self.signals.takers.at_stage[stage, self.item]
        return sentence(Claim.STAGE) if users >= claims.USERS else None

    def _liking(self) -> str | None:
        items, liking = self.signals.items, self.context.liking
        own = items.categories[:, self.item].tolist()
        liked = max(own, key=liking.__getitem__)
        recent = [items.categories[:, one].tolist() for one in self.context.recent.tolist()]
        known = sum(liked in categories for categories in recent)
        if not liked or not known:
            return None
        is_liked = known >= claims.LIKED and liking[liked] >= claims.LIKING
        return sentence(Claim.LIKING if is_liked else Claim.MORE, items.category_names[liked])

    def _intent(self) -> str | None:
        items, intent = self.signals.items, self.context.intent
        own = items.categories[:, self.item].tolist()
        needed = max(own, key=intent.__getitem__)
        newest = self.context.recent[: claims.JUST].tolist()
        is_just = any(needed in items.categories[:, one].tolist() for one in newest)
        if not needed or intent[needed] < claims.CHANCE or not is_just:
            return None
        return sentence(Claim.INTENT, items.category_names[needed])

    def _again(self) -> str | None:
        user, item = self.user, self.item
        against = sum(one.item == item for one in user.aside)
        has_chosen = len(user.aside) < ASIDE and user.often(item) > against
        if has_chosen or item in user.recent[: user.kept].tolist():
            return sentence(Claim.AGAIN)
        return sentence(Claim.KNOWN) if user.has(item) else None

    def _generated(self) -> str | None:
        is_named = self.item in self.context.generated.ids.tolist()
        return sentence(Claim.GENERATED) if is_named else None

    def _search(self) -> str | None:
        search, signals = self.context.search, self.signals
        if search is None:
            return None
        one = np.array([self.item], np.int32)
        held = float(signals.words.shares(search.text, one)[0])
        if held >= search_claims.ALL_WORDS:
            return sentence(Claim.SEARCH_WORDS, search.text)
        if self.item in search.near[: self.nearest].tolist() and search.vector is not None:
            cosine = signals.semantic.nearness(one, search.vector)[0]
            if cosine >= search_claims.SEARCH_COSINE:
                return sentence(Claim.SEARCH, search.text)
        if held > search_claims.MOST_WORDS:
            return sentence(Claim.SEARCH_WORD, search.text)
        table, row = signals.searched, signals.searched.row(search.hub)
        ids = table.ids[row].tolist() if row >= 0 else []
        users = int(table.users[row, ids.index(self.item)]) % 16 if self.item in ids else 0
        return sentence(Claim.SEARCHED) if users >= claims.USERS else None

    def _plain(self) -> str:
        if self._takers() >= claims.USERS:
            return sentence(Claim.OTHERS)
        if self.signals.popularity.counts[TOTAL, self.item] > 0.0:
            return sentence(Claim.SOMEBODY)
        return sentence(Claim.NOTHING if self.signals.items.streamed[self.item] else Claim.NEW)
