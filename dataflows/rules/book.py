"""A file of rules, as it is written: rules, which lists they are for, scenarios."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta

from dataflows.errors import InputError
from learners.ranking.rules.kinds import MOST_PLACES, Rule, Unseen

PAGE = "docs/how-to/rules.md"
MOST_RULES = 1_000
MOST_SCENARIOS = 1_000
_LARGEST = 16 << 20  # bytes

Names = Annotated[tuple[str, ...], Meta(max_length=MOST_RULES)]


class Lists(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rules of lists without a scenario, by name; None: all of them.

    `sent` are lists on the topic, `asked` those that are asked for over HTTP.
    """

    sent: Names | None = None
    asked: Names | None = None


class Scenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What lists of one kind are made by: rules by name (None: all), and how long they are."""

    rules: Names | None = None
    k: Annotated[int, Meta(ge=1, le=MOST_PLACES)] | None = None


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rule: list[dict[str, object]] = []
    lists: Lists = Lists()
    scenario: dict[str, Scenario] = {}


class NamedRules(NamedTuple):
    """The rules of some lists, and their length where that is said."""

    rules: tuple[Rule, ...] = ()
    k: int | None = None


class RuleBook(NamedTuple):
    """The rules of lists that are sent, of those that are asked for, and of each scenario."""

    sent: NamedRules = NamedRules()
    asked: NamedRules = NamedRules()
    scenarios: Mapping[str, NamedRules] = MappingProxyType({})


NO_RULES = RuleBook()


def read_rules(path: Path) -> RuleBook:
    """Read a file of rules, the whole of it or nothing.

    Raises InputError, one line: the file, which rule, what is wrong, the page.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise InputError(f"{path}: a file of rules has at most {_LARGEST:,} bytes; see {PAGE}")
        tree = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(
            f"{path}: the rules cannot be read ({error.strerror}); name another rules.file"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: this is not TOML: {error}; see {PAGE}") from error
    try:
        return _book(tree)
    except (msgspec.ValidationError, ValueError) as error:
        raise InputError(f"{path}: {error}; see {PAGE}") from None


def one_name_each(rules: Iterable[Rule]) -> None:
    """Raise ValueError where two rules have one name."""
    names: set[str] = set()
    for rule in rules:
        if rule.name in names:
            raise ValueError(f"two rules are named {rule.name!a}: give each a name of its own")
        names.add(rule.name)


def _book(tree: dict[str, object]) -> RuleBook:
    file = msgspec.convert(tree, _File)
    if len(file.rule) > MOST_RULES or len(file.scenario) > MOST_SCENARIOS:
        raise ValueError(f"at most {MOST_RULES:,} rules and {MOST_SCENARIOS:,} scenarios are read")
    rules = [_rule(number, given) for number, given in enumerate(file.rule, 1)]
    one_name_each(rules)
    sent = [rule for rule in rules if not isinstance(rule, Unseen)]
    return RuleBook(
        NamedRules(_chosen(sent, file.lists.sent, "lists.sent", rules)),
        NamedRules(_chosen(rules, file.lists.asked, "lists.asked", rules)),
        {
            name: NamedRules(_chosen(rules, one.rules, f"scenario.{name}.rules", rules), one.k)
            for name, one in file.scenario.items()
        },
    )


def _rule(number: int, given: dict[str, object]) -> Rule:
    try:
        rule: Rule = msgspec.convert(given, Rule)
    except msgspec.ValidationError as error:
        name = given.get("name")
        which = f"rule {number}" + (f" ({name!a})" if isinstance(name, str) else "")
        raise ValueError(f"{which}: {error}") from None
    return rule


def _chosen(
    usual: Sequence[Rule], names: tuple[str, ...] | None, where: str, rules: Sequence[Rule]
) -> tuple[Rule, ...]:
    """Return the rules of some names, in the order of the file; the usual ones for None."""
    if names is None:
        return tuple(usual)
    unknown = sorted(set(names) - {rule.name for rule in rules})
    if unknown:
        raise ValueError(f"{where} names {unknown[0]!a}, and no rule is named so")
    found = [rule for rule in rules if rule.name in names]
    shown = [rule.name for rule in found if isinstance(rule, Unseen)]
    if where == "lists.sent" and shown:
        raise ValueError(
            f"{where} names {shown[0]!a}, which is of kind `unseen`: that is for lists that are "
            "asked for"
        )
    return tuple(found)
