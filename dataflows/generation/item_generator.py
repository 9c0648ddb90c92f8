"""Items named by a language model for users: what it would expect them to choose next.

The search is constrained to the titles of the live catalogue, leaves out what a user has, and
also gives how much likelier each title is after this user's history than after none: common
titles are likely for anybody (Holtzman et al., 2021, "Surface form competition").
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from dataflows.config.generate import GenerateSettings
from dataflows.generation.prompts import item_line, next_prompt, search_line
from encoders.llm.decoding.constrained import beam_search
from encoders.llm.decoding.trie import Trie
from encoders.llm.model import LanguageModel
from learners.users.generated import GenerationContext


class Wish(NamedTuple):
    """A user for whom items are to be named, as of the moment of asking."""

    user_id: str
    taken: GenerationContext


class NamedItems(NamedTuple):
    """Items named for a user, best first, with `lifts` in nats; `asked` as in the learners.

    `version` is the fingerprint of the language model.
    """

    user_id: str
    item_ids: list[str]
    lifts: list[float]
    asked: tuple[int, float]
    version: str


def history_of(taken: GenerationContext) -> list[str]:
    """Write what a user did, oldest first, in lines as training shows them."""
    lines = [item_line(title, (category,)) for title, category in taken.items]
    if search := search_line(taken.search):  # a blank line would take the place of an item
        lines.insert(len(lines) - taken.since, search)
    return lines


class Generator:
    """A language model and the items that it may name. For one thread at a time."""

    def __init__(self, model: LanguageModel, settings: GenerateSettings) -> None:
        self._settings = settings
        self._lines: dict[str, str] = {}
        self.model = model
        self.trie = Trie(model.end_id)
        self._priors: dict[tuple[int, ...], float] = {}

    def use(self, model: LanguageModel) -> None:
        """Use another model, or the same with another adapter."""
        before, self.model = self.model, model
        self._priors.clear()
        if model.tokenizer is before.tokenizer:
            return  # the lines are the same tokens
        lines, self._lines = self._lines, {}
        self.trie = Trie(model.end_id)
        for item_id, line in lines.items():
            self._put(item_id, line)

    def put(self, item_id: str, title: str, categories: Sequence[str] = ()) -> None:
        """Let an item be named by this title. A blank title names nothing."""
        line = item_line(title, categories)
        if self._lines.get(item_id) != line:
            self._put(item_id, line)

    def _put(self, item_id: str, line: str) -> None:
        self._lines[item_id] = line
        self.trie.put(item_id, self.model.target_ids(line) if line else ())

    def remove(self, item_id: str) -> None:
        """Forget an item, which may not be named any more."""
        self._lines.pop(item_id, None)
        self.trie.remove(item_id)

    def name(
        self, wishes: Sequence[Wish], is_live: Callable[[str], bool] | None = None
    ) -> list[NamedItems]:
        """Name items for users, in the order of the wishes.

        `is_live` is asked at the end about each item; one that left is not named.
        """
        settings = self._settings
        found = beam_search(
            self.model,
            self.trie,
            [next_prompt(history_of(wish.taken)) for wish in wishes],
            settings.items,
            beams=settings.beams,
            excluded=[wish.taken.had for wish in wishes],
            is_live=is_live,
        )
        self._learn_priors({one.item_id for each in found for one in each})
        return [
            NamedItems(
                wish.user_id,
                [one.item_id for one in each],
                [one.log_likelihood - self._prior(one.item_id) for one in each],
                (wish.taken.length, wish.taken.ts),
                self.model.version,
            )
            for wish, each in zip(wishes, found, strict=True)
        ]

    def _prior(self, item_id: str) -> float:
        return self._priors[self.trie.path(item_id)]

    def _learn_priors(self, item_ids: Iterable[str]) -> None:
        """Work out how likely titles are for somebody of whom nothing is known."""
        paths = {self.trie.path(item_id): item_id for item_id in sorted(item_ids)}
        missing = {item_id: path for path, item_id in paths.items() if path not in self._priors}
        if not missing:
            return
        if len(self._priors) > 2 * len(self.trie):  # of titles that are gone
            self._priors = {path: self._priors[path] for path in paths if path in self._priors}
        few = Trie(self.model.end_id)
        for item_id, path in missing.items():
            few.put(item_id, path)
        (found,) = beam_search(self.model, few, [next_prompt([])], len(missing))
        self._priors |= {missing[one.item_id]: one.log_likelihood for one in found}
