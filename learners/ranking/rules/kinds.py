"""The kinds of rules, as they are written down: each has a name, which is told where it spoke."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

Name = Annotated[str, Meta(min_length=1, max_length=64)]
Ids = Annotated[tuple[str, ...], Meta(max_length=10_000)]
Value = str | float | bool
MOST_PLACES = 1_000


class Match(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Items of which all that is said here holds; of all items, where nothing is.

    `categories` and `items` (ids) name some, of which an item is one. `attribute` names one of an
    item's attributes: it equals one of `values` (or holds one, where it is a list), or is a number
    from `at_least` to `at_most`; with none of these it is there at all. An attribute of an
    attribute is named by a dot, as in `"maker.country"`.
    """

    categories: Ids = ()
    items: Ids = ()
    attribute: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    values: Annotated[tuple[Value, ...], Meta(max_length=10_000)] = ()
    at_least: float | None = None
    at_most: float | None = None

    def __post_init__(self) -> None:
        if self.attribute is None and (
            self.values or self.at_least is not None or self.at_most is not None
        ):
            raise ValueError("`values`, `at_least` and `at_most` need an `attribute`")


class _Rule(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind"
):
    name: Name


class Block(_Rule, frozen=True, tag="block"):
    """None of these items."""

    where: Match


class Allow(_Rule, frozen=True, tag="allow"):
    """Only these items."""

    where: Match


class Boost(_Rule, frozen=True, tag="boost"):
    """These items as if their score were higher by so much, or lower where it is below 0.

    A score is a log-odds: 0.7 doubles an item's odds beside another's.
    """

    where: Match
    by: Annotated[float, Meta(ge=-100, le=100)]


class Pin(_Rule, frozen=True, tag="pin"):
    """This item at this place, from 1, unless another rule or its user's history keeps it out."""

    item: str
    place: Annotated[int, Meta(ge=1, le=MOST_PLACES)]


class AtMost(_Rule, frozen=True, tag="at_most"):
    """At most so many: of these items together, or `of` each category or value of an attribute."""

    most: Annotated[int, Meta(ge=0, le=MOST_PLACES)]
    of: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    where: Match = Match()


class Diversity(_Rule, frozen=True, tag="diversity"):
    """Of the best `among` the next is one that is both good and unlike those before it.

    Maximal marginal relevance over the vectors of items (Carbonell and Goldstein, 1998). `weight` 0
    leaves the order as it is, 1 looks at likeness alone.
    """

    weight: Annotated[float, Meta(ge=0, le=1)]
    among: Annotated[int, Meta(ge=2, le=MOST_PLACES)] = 50


class NotOwn(_Rule, frozen=True, tag="not_own"):
    """None of which this attribute (a maker, an author) is the user's own id, or holds it."""

    attribute: Annotated[str, Meta(min_length=1, max_length=200)]


class MinimumScore(_Rule, frozen=True, tag="minimum_score"):
    """None below this score, boosts counted."""

    score: float


class OnOffer(_Rule, frozen=True, tag="on_offer"):
    """Only while an item is on offer, by two of its attributes, either of which may be absent.

    They hold a moment: seconds since 1970, or ISO 8601 (UTC where it names no zone). What is no
    moment counts as absent. The moment that counts is that of the user's newest event in lists that
    are sent, and the clock's in lists that are asked for.
    """

    starts: Annotated[str, Meta(min_length=1, max_length=200)] = "available_from"
    ends: Annotated[str, Meta(min_length=1, max_length=200)] = "expires"


class Unseen(_Rule, frozen=True, tag="unseen"):
    """None that stood in the user's newest so many lists that were asked for.

    Lists that are sent know of no such lists: there it says nothing.
    """

    lists: Annotated[int, Meta(ge=1, le=100)] = 1


Rule = Block | Allow | Boost | Pin | AtMost | Diversity | NotOwn | MinimumScore | OnOffer | Unseen
