"""The rules that a process goes by: for the shards that it has, and read anew while it runs."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from dataflows.config.config import Config
from dataflows.errors import InputError
from dataflows.rules.book import MOST_SCENARIOS, NO_RULES, NamedRules, RuleBook, read_rules
from learners.ranking.rules.facts import ItemFacts
from learners.ranking.rules.kinds import Diversity, Rule
from learners.ranking.rules.rule_set import RuleSet
from learners.signals.items import ItemTable
from learners.state.model import ModelState

EVERY_SECONDS = 1.0

_log = logging.getLogger(__name__)


class _Shard(Protocol):
    """What is asked of a shard (`dataflows.engine.shard.Engine`)."""

    @property
    def model(self) -> ModelState:
        """What it has learnt."""

    @property
    def lock(self) -> AbstractContextManager[bool]:
        """Keeps it still."""

    @property
    def turn(self) -> AbstractContextManager[bool]:
        """Has who waits for `lock` come first."""


class RuleSets:
    """Rules over some items; those of a book are made once."""

    def __init__(self, items: ItemTable, facts: ItemFacts) -> None:
        self._items, self._facts = items, facts
        self._made: dict[tuple[int, bool], tuple[NamedRules, RuleSet]] = {}

    def of(self, named: NamedRules, more: tuple[Rule, ...] = ()) -> RuleSet | None:
        """Return some rules and `more`; None where there are none."""
        if more:
            return RuleSet((*named.rules, *more), self._items, self._facts)
        return self.kept(named) if named.rules else None

    def kept(self, named: NamedRules, *, is_various: bool = False) -> RuleSet:
        """Return some rules, made once; without diversity where the items are various already."""
        before, found = self._made.get((id(named), is_various), (None, None))
        if before is not named or found is None:
            rules = [one for one in named.rules if not (is_various and isinstance(one, Diversity))]
            found = RuleSet(rules, self._items, self._facts)
            if len(self._made) > MOST_SCENARIOS:  # of books that are no longer in force
                self._made.clear()
            self._made[id(named), is_various] = named, found
        return found


class RulesInForce:
    """The rules of a file, and those of them that each model lists by.

    Arguments:
        path: the file; None: there are no rules but those of requests.
        has_facts: whether models are to know attributes of items though no file is there.

    Raises InputError where the file is none.
    """

    def __init__(self, path: Path | None = None, *, has_facts: bool = False) -> None:
        self.path = path
        self.book: RuleBook = NO_RULES if path is None else read_rules(path)
        self.number = 0
        """Grows with each book that takes another's place."""
        self._has_facts = has_facts or path is not None
        self._sets: dict[int, RuleSets] = {}

    def prepare(self, model: ModelState) -> None:
        """Have a model, which knows no item yet, list by the rules of lists that are sent."""
        if self._has_facts:
            model.facts = ItemFacts()
            self._sets[id(model)] = RuleSets(model.signals.items, model.facts)
            self._rule(model)

    def scenario(self, name: str | None) -> NamedRules | None:
        """Return the rules of a scenario, of lists without one for None; None: unknown."""
        return self.book.asked if name is None else self.book.scenarios.get(name)

    @property
    def known_scenarios(self) -> str:
        """The names of the scenarios, in words."""
        names = sorted(self.book.scenarios)
        return f"known are {', '.join(names)}" if names else "none is configured"

    def set_of(
        self, model: ModelState, named: NamedRules, more: tuple[Rule, ...]
    ) -> RuleSet | None:
        """Return rules over the items of a model; None where there are none.

        Hold its shard still. `more` are those of a request.
        """
        sets = self._sets.get(id(model))
        return None if sets is None else sets.of(named, more)

    def read_anew(self, shards: Iterable[_Shard]) -> None:
        """Put another book in force in all shards at once. Raises InputError: nothing changes."""
        if self.path is None:
            return
        book = read_rules(self.path)
        if book == self.book:
            return
        self.book = book
        self.number += 1
        for shard in shards:
            with shard.turn, shard.lock:
                self._rule(shard.model)

    def _rule(self, model: ModelState) -> None:
        model.rules = self.set_of(model, self.book.sent, ())


def open_rules(config: Config) -> RulesInForce:
    """Return the rules that a configuration names. Raises InputError."""
    file = config.rules.file
    return RulesInForce(None if file is None else Path(file), has_facts=config.serve.enabled)


class RulesWatch:
    """Looks whether the file of rules changed, in a thread of its own; says which are in force."""

    def __init__(self, rules: RulesInForce, shards: Callable[[], Iterable[_Shard]]) -> None:
        self._rules, self._shards = rules, shards
        self._seen = _mark(rules.path)
        self._end = threading.Event()
        self._reading = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="rules", daemon=True)

    def begin(self) -> None:
        """Look from now on, where there is a file."""
        if self._rules.path is not None:
            self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._end.set()
        if self._thread.is_alive():
            self._thread.join()

    def reopen(self) -> None:
        """Read the file anew, changed or not."""
        if self._rules.path is None:
            return
        with self._reading:
            self._seen = _mark(self._rules.path)
            self._read()

    def _run(self) -> None:
        while not self._end.wait(EVERY_SECONDS):
            with self._reading:
                mark = _mark(self._rules.path)
                if mark != self._seen:
                    self._seen = mark
                    self._read()

    def _read(self) -> None:
        rules, before = self._rules, self._rules.number
        try:
            rules.read_anew(self._shards())
        except InputError as error:
            _log.error("rules: the ones of before stay in force: %s", error)
            return
        sent, asked, scenarios = rules.book
        if rules.number == before:
            _log.info("rules: %s says what was in force before", rules.path)
        else:
            _log.info(
                "rules: %s is in force from now on: for lists sent %s; asked for %s; scenarios %s",
                *(rules.path, _names(sent), _names(asked), ", ".join(sorted(scenarios)) or "none"),
            )


def _names(named: NamedRules) -> str:
    return ", ".join(rule.name for rule in named.rules) or "none"


def _mark(path: Path | None) -> tuple[int, int, int] | None:
    """Return what tells one file from another under a path; None where there is none."""
    try:
        found = None if path is None else os.stat(path)  # noqa: PTH116 - a path or None
    except OSError:
        return None
    return None if found is None else (found.st_ino, found.st_mtime_ns, found.st_size)
