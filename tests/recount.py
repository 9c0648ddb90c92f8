"""Reasons recounted from raw events: what each says is looked for in the log, not in the model.

Nothing here is read from a recommender. A taking is an event with an item that was learnt as
wanted and was not taken back; what was taken at one time is one step.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from itertools import compress
from typing import Any, NamedTuple

import numpy as np

from encoders.backends.hashing import HashingEncoder
from learners.ranking.reason_words import WORDS, Claim
from learners.signals.popularity import STAGES
from learners.signals.stop_words import STOP_WORDS
from learners.types import Interaction, Item

OFTEN = 3
"""So many people stand behind "often", "popular" and "others"."""

_NAMED = {
    claim: re.compile(re.escape(words).replace(r"\{name\}", "([^“”]*)"))
    for claim, words in WORDS.items()
}


def read(reason: str) -> tuple[Claim, str]:
    """The claim of a sentence, and the name in it, "" where it has none."""
    for claim, form in _NAMED.items():
        if found := form.fullmatch(reason):
            return claim, "".join(found.groups())
    raise AssertionError(f"nobody can tell what this claims: {reason}")


class Taking(NamedTuple):
    position: int
    item: str
    ts: float
    step: int
    is_later: bool
    weight: float


class Log:
    """What a log says so far; `told` is given every event, in order, and what takes one back."""

    def __init__(self, items: Sequence[Item], texts: dict[str, str | None]) -> None:
        self.items = {item.item_id: item for item in items}
        self.encoder = HashingEncoder()
        self.texts = [item_id for item_id in self.items if texts[item_id]]
        self.place = {item_id: place for place, item_id in enumerate(self.texts)}
        self.cosines: dict[str, Any] = {}
        self.vectors = np.array(self.encoder.encode([str(texts[one]) for one in self.texts]))
        self.events: list[Interaction] = []
        self._empty()

    def _empty(self) -> None:
        self.last = -1
        self.everywhere: list[int] = []
        self.newest: dict[str, float] = defaultdict(lambda: -np.inf)
        self.known: dict[str, tuple[int, list[str]]] = {}
        self.taken: dict[str, list[Taking]] = defaultdict(list)
        self.users: dict[str, set[str]] = defaultdict(set)
        self.positions: dict[str, list[int]] = defaultdict(list)
        self.takers: dict[str, dict[int, str]] = defaultdict(dict)
        self.pairs: dict[tuple[str, str], set[str]] = defaultdict(set)
        self.after: dict[tuple[str, str], set[str]] = defaultdict(set)
        self.stages: dict[tuple[str, int], set[str]] = defaultdict(set)
        self.searched: dict[tuple[int, str], set[str]] = defaultdict(set)
        self.searches: dict[str, Interaction] = {}
        self.touched: set[tuple[str, str | None]] = set()
        self.kinds: dict[str, float] = defaultdict(float)
        self.weight = 0.0

    def tell(self, event: Interaction) -> None:
        self.events.append(event)
        self._take(event)

    def take_back(self, event_id: str) -> None:
        self.events = [event for event in self.events if event.event_id != event_id]
        self._empty()
        for event in self.events:
            self._take(event)

    def _take(self, event: Interaction) -> None:
        user, item = event.user_id, event.item_id
        self.last = event.position
        self.touched.add((user, item))
        if item is None and event.text and event.vector is not None and event.weight > 0:
            known = self.searches.get(user)
            if known is None or known.ts <= event.ts:
                self.searches[user] = event
        if item is None or event.weight <= 0:
            return
        mine = self.taken[user]
        step = self.step_of(user) - (bool(mine) and mine[-1].ts == event.ts)
        is_later = event.ts > self.newest[user]
        self.newest[user] = max(self.newest[user], event.ts)
        self.everywhere.append(event.position)
        for one in reversed(mine):
            between = step - one.step - 1
            if between > 10:
                break
            self.pairs[one.item, item].add(user)
            self.pairs[item, one.item].add(user)
            if between == 0 and is_later:
                self.after[one.item, item].add(user)
        search = self.searches.get(user)
        if search is not None and search.ts < event.ts:
            self.searched[self._nearest(search), item].add(user)
        self.users[item].add(user)
        self.positions[item].append(event.position)
        self.takers[item][event.position] = user
        self.stages[item, stage_of(step)].add(user)
        for kind in self.kinds_of(item):
            self.kinds[kind] += event.weight
        self.weight += event.weight
        mine.append(Taking(event.position, item, event.ts, step, is_later, event.weight))

    def step_of(self, user: str) -> int:
        """How many steps a user has taken."""
        mine = self.taken[user]
        return mine[-1].step + 1 if mine else 0

    def kinds_of(self, item: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.items[item].categories[:4])) if item in self.items else ()

    def recent(self, user: str) -> list[str]:
        """Distinct items of a user, newest first."""
        mine = self.taken[user]
        if user not in self.known or self.known[user][0] != len(mine):
            found = list(dict.fromkeys(one.item for one in reversed(mine)))
            self.known[user] = len(mine), found
        return self.known[user][1]

    def is_true(self, user: str, item: str, reason: str) -> bool:
        """Whether the log bears out what is said of an item in the list of a user."""
        claim, name = read(reason)
        held: Any = getattr(self, f"_{claim}")
        return bool(held(user, item, name))

    def _named(self, user: str, name: str) -> list[str]:
        """The items of a user that a name may mean: by title, or where there is none, by id."""
        said = str.maketrans("“”", "‘’")  # noqa: RUF001 - how a reason writes them
        called = {
            one: self.items[one].title if one in self.items else "" for one in self.recent(user)
        }
        return [one for one, title in called.items() if (title or one).translate(said) == name]

    def _together(self, user: str, item: str, name: str, least: int = 1) -> bool:
        return any(len(self.pairs[one, item]) >= least for one in self._named(user, name))

    def _together_often(self, user: str, item: str, name: str) -> bool:
        return self._together(user, item, name, OFTEN)

    def _after(self, user: str, item: str, name: str, least: int = 1) -> bool:
        return any(len(self.after[one, item]) >= least for one in self._named(user, name))

    def _after_often(self, user: str, item: str, name: str) -> bool:
        return self._after(user, item, name, OFTEN)

    def _meaning(self, user: str, item: str, name: str) -> bool:
        place = self.place[item]
        for one in self._named(user, name):
            cosines = self._cosines(one)
            if cosines[place] >= 0.4 - 1e-4 and self._is_near(cosines, place):
                return True
        return False

    def _cosines(self, item: str) -> Any:
        """How near the text of an item is to each of the others."""
        if item not in self.cosines:
            self.cosines[item] = self.vectors @ self.vectors[self.place[item]]
            self.cosines[item][self.place[item]] = -1.0
        return self.cosines[item]

    def _is_near(self, cosines: Any, place: int) -> bool:
        """Whether only a twentieth of the catalogue is nearer."""
        nearer = int((cosines > cosines[place] + 1e-6).sum())
        return nearer < max(1, len(self.texts) // 20)

    def _search(self, user: str, item: str, name: str) -> bool:
        search = self.searches[user]
        cosines, place = self.vectors @ search.vector, self.place[item]
        is_near = cosines[place] >= 0.3 - 1e-4 and self._is_near(cosines, place)
        return search.text == name and is_near

    def _search_words(self, user: str, item: str, name: str) -> bool:
        return self._words_held(user, item, name, all)

    def _search_word(self, user: str, item: str, name: str) -> bool:
        return self._words_held(user, item, name, any)

    def _words_held(self, user: str, item: str, name: str, how_many: Any) -> bool:
        """Whether the title has all, or any, of the words that say something of the search."""
        title, search = (
            re.findall(r"[^\W_]+", of.lower()) for of in (self.items[item].title, name)
        )
        said = [word for word in search if word not in STOP_WORDS] or search
        held = {form for word in title for form in (word, f"{word}s", word.removesuffix("s"))}
        return self.searches[user].text == name and how_many(word in held for word in said)

    def _searched(self, user: str, item: str, _: str) -> bool:
        hub = self._nearest(self.searches[user])
        return len(self.searched[hub, item]) >= OFTEN

    def _nearest(self, search: Interaction) -> int:
        return int(np.argmax(self.vectors @ search.vector))

    def _is_above_average(self, item: str, half_life: float) -> bool:
        """Whether an item was taken more than the average of those that ever were, with decay."""
        all_, own = (
            float(np.exp2((np.array(at) - self.last) / half_life).sum())
            for at in (self.everywhere, self.positions[item])
        )
        return own >= 0.95 * all_ / sum(bool(at) for at in self.positions.values())

    def _popular(self, user: str, item: str, name: str) -> bool:
        return self._others(user, item, name) and self._is_above_average(item, 1e12)

    def _now(self, _: str, item: str, __: str) -> bool:
        lately = {who for at, who in self.takers[item].items() if self.last - at <= 2_500}
        return len(lately) >= OFTEN and self._is_above_average(item, 500.0)

    def _lately(self, _: str, item: str, __: str) -> bool:
        return any(self.last - at <= 2_500 for at in self.positions[item])

    def _stage(self, user: str, item: str, _: str) -> bool:
        return len(self.stages[item, stage_of(self.step_of(user))]) >= OFTEN

    def _liking(self, user: str, item: str, name: str) -> bool:
        """Whether three things of a kind were taken, and more of it than by others, by weight.

        What the user took 200 takings ago counts half: likings change.
        """
        mine = self.taken[user][::-1]
        weights = np.array([one.weight * 0.5 ** (ago / 200) for ago, one in enumerate(mine)])
        is_named = [name in self.kinds_of(one.item) for one in mine]
        own = weights[is_named].sum() / weights.sum()
        usual = self.kinds[name] / self.weight
        kinds = len({one.item for one in compress(mine, is_named)})
        return name in self.kinds_of(item) and kinds >= 3 and own > 0.9 * usual

    def _more(self, user: str, item: str, name: str) -> bool:
        return name in self.kinds_of(item) and any(
            name in self.kinds_of(one) for one in self.recent(user)
        )

    def _intent(self, user: str, item: str, name: str) -> bool:
        newest = self.recent(user)[:5]
        return name in self.kinds_of(item) and any(name in self.kinds_of(one) for one in newest)

    def _again(self, user: str, item: str, _: str) -> bool:
        return item in self.recent(user)

    def _known(self, user: str, item: str, _: str) -> bool:
        return (user, item) in self.touched

    def _generated(self, *_: str) -> bool:
        return False  # no language model is on

    def _others(self, _: str, item: str, __: str) -> bool:
        return len(self.users[item]) >= OFTEN

    def _somebody(self, _: str, item: str, __: str) -> bool:
        return bool(self.users[item])

    def _new(self, _: str, item: str, __: str) -> bool:
        return not self.users[item]

    def _nothing(self, *_: str) -> bool:
        return True  # it claims nothing


def stage_of(steps: int) -> int:
    return max(number for number, least in enumerate(STAGES) if least <= steps)
