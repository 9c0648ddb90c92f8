"""What a person would want to know of a log before it is used, and settings to begin with.

Guesses by words and counts. They change no figure of a check: what would be learnt is as the
configuration says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterator, Mapping

import msgspec

from dataflows.config.config import Config
from dataflows.config.event_types import OUR_OWN
from dataflows.config.stars import StarCounts, written
from dataflows.engine.catalogue.known_items import Joined, KnownItems
from dataflows.evaluation.log_check.event_type_words import WEIGHTS, kind_of, taken_back_by
from dataflows.evaluation.log_check.near_ids import NearIds
from dataflows.evaluation.log_check.placeholders import Placeholders
from dataflows.evaluation.log_check.scripts import ScriptCounts
from dataflows.evaluation.log_check.tally import OTHERS, tally
from dataflows.evaluation.log_check.time_units import TimeVotes
from dataflows.messages.events import EventRecord, decode_event
from dataflows.messages.raw import Raw

_BARE = re.compile(r"[A-Za-z0-9_-]+")


class Advice:
    """Takes in events as they come by. `known` holds the ids of the catalogue, if there is one."""

    def __init__(self, config: Config, known: set[str] | None = None) -> None:
        self._config = config
        self._known = known
        self._seen = KnownItems()
        self._near = NearIds()
        self._types: dict[str, int] = {}
        self._events = self._read = 0
        self._users, self._named = Placeholders("user"), Placeholders("item")
        self._texts = ScriptCounts()
        self._stars = StarCounts()
        self._votes = TimeVotes(config.events)

    @property
    def joined(self) -> Joined | None:
        """How many items of the events the catalogue knows; None without one."""
        return None if self._known is None else self._seen.joined(len(self._known))

    def note(self, event: EventRecord) -> None:
        """Note an event that could be read."""
        self._read += 1
        self._note(event)

    def note_refused_time(self, raw: Raw) -> None:
        """Note a line whose time is not plausible: in another unit it may be an event."""
        unit = self._votes.note(raw)
        if unit is None:
            return
        event = decode_event(raw, msgspec.structs.replace(self._config.events, time_unit=unit))
        if isinstance(event, EventRecord):
            self._note(event)

    def remarks(self, users: int, items: int) -> Iterator[str]:
        """Yield what seems wrong and what to do about it, of so many users and items."""
        yield from self._votes.remarks(self._read)
        for name, count in self._unweighed():
            yield from self._of_type(name, count)
        yield from self._of_stars()
        yield from self._never_met()
        yield from self._users.remarks(self._events, users)
        yield from self._named.remarks(self._events, items)
        language = self._texts.remark(self._config.encoder.name, "texts of events")
        if language is not None:
            yield language
        yield from self._of_join()

    def snippet(self) -> str:
        """Return TOML to paste into a configuration, "" where there is nothing to propose."""
        unit = self._votes.proposed(self._read)
        back = {name: other for name, _ in self._unweighed() if (other := self._takes_back(name))}
        sections: dict[str, Mapping[str, object]] = {
            "events": {} if unit is None else {"time_unit": unit},
            "events.retracts": back,
            "clean.weights": self._weights(back),
            **{f"clean.values.{_key(name)}": numbers for name, numbers in self._scales().items()},
        }
        return "\n\n".join(
            "\n".join([f"[{name}]", *(f"{_key(key)} = {_value(of)}" for key, of in listed.items())])
            for name, listed in sections.items()
            if listed
        )

    def _note(self, event: EventRecord) -> None:
        self._events += 1
        tally(self._types, event.type)
        self._users.note(event.user_id)
        self._texts.note(event.text)
        self._stars.note(event.type, event.value)
        if event.item_id is not None:
            self._named.note(event.item_id)
            if self._known is not None:
                is_known = event.item_id in self._known
                self._seen.note(event.item_id, is_known)
                if not is_known:
                    self._near.note(event.item_id)

    def _unweighed(self) -> Iterator[tuple[str, int]]:
        """Yield the types, and their counts, that count by default; most first."""
        given = {*self._config.clean.weights, *self._config.events.retracts, *OUR_OWN, OTHERS}
        for name, count in sorted(self._types.items(), key=lambda pair: (-pair[1], pair[0])):
            if name not in given and self._config.clean.weight(name):
                yield name, count

    def _weights(self, back: Container[str]) -> dict[str, int]:
        """Return weights to begin with: of what is bought, in a cart, liked, shown and refused."""
        found = {
            name: WEIGHTS[kind]
            for name, _ in self._unweighed()
            if name not in back and (kind := kind_of(name)) is not None
        }
        # What is better than the rest says nothing where there is no rest.
        return found if len(self._types) > 1 else {n: w for n, w in found.items() if w <= 0}

    def _takes_back(self, name: str) -> str | None:
        return taken_back_by(name, (other for other in self._types if other not in OUR_OWN))

    def _of_type(self, name: str, count: int) -> Iterator[str]:
        of = f"{count:,} of {self._events:,} events are of type {name!r}, which sounds like"
        back = self._takes_back(name)
        kind = kind_of(name)
        if back is not None:
            yield (
                f"{of} the taking back of {back!r}, and would be learnt as a wish: set "
                f"{_key(name)} = {_value(back)} under [events.retracts]."
            )
        elif kind == "shown":
            yield (
                f"{of} something shown, not chosen, and has no weight: each would be learnt as a "
                f"choice. Set {_key(name)} = 0 under [clean.weights] (observed only)."
            )
        elif kind == "refused":
            yield (
                f"{of} a refusal, and has no weight: each would be learnt as a wish. Set "
                f"{_key(name)} = -1 under [clean.weights] (speaks against its item), or 0."
            )

    def _scales(self) -> dict[str, dict[str, float]]:
        """Return scales to begin with for the types whose values would all be learnt as wishes."""
        return {
            name: written(scale)
            for name, scale in self._stars.scales().items()
            if name not in (*self._config.clean.values, *self._config.events.retracts, *OUR_OWN)
            if self._config.clean.weight(name) > 0
        }

    def _of_stars(self) -> Iterator[str]:
        for name, numbers in self._scales().items():
            listed = " and ".join(f"{key} = {of}" for key, of in numbers.items())
            yield (
                f"Values of type {name!r} look like stars, {self._stars.most(name):g} at most: one "
                f"star would be learnt as a wish, as the highest is. Set {listed} under "
                f"[clean.values.{_key(name)}]."
            )

    def _never_met(self) -> Iterator[str]:
        if OTHERS in self._types or not self._events:
            return
        for section, names in (
            ("clean.weights", self._config.clean.weights),
            ("clean.values", self._config.clean.values),
            ("clean.rests", self._config.clean.rests),
            ("events.retracts", self._config.events.retracts),
        ):
            missing = [name for name in names if name not in self._types]
            if missing:
                alike = {other.casefold().strip(): other for other in self._types}
                listed = ", ".join(
                    f"{name!r} (there is {alike[name.casefold().strip()]!r})"
                    if name.casefold().strip() in alike
                    else repr(name)
                    for name in missing
                )
                yield f"[{section}] names types that never occur in this log: {listed}."

    def _of_join(self) -> Iterator[str]:
        joined = self.joined
        if joined is None or joined.events_known == joined.events:
            return
        line = joined.summary()
        yield (
            f"{line[:1].upper()}{line[1:]}. Others can be recommended by their bare id alone, "
            "without title, text and category."
        )
        yield from self._near.remarks(self._known or set())


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else json.dumps(name, ensure_ascii=False)


def _value(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
