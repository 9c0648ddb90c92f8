"""A few people of the demo: what they did last, what they are after, what they are offered."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence

import msgspec

from dataflows.config.events import EventSettings
from dataflows.messages.events import EventRecord, decode_event
from dataflows.messages.outgoing import Intents, Recommendation
from dataflows.messages.raw import EVENTS, Raw
from dataflows.state.outbox import INTENTS, RECOMMENDATIONS, Out

REMEMBERED = 400
LAST_EVENTS = 4


class Person(msgspec.Struct):
    """What is remembered of one user."""

    user_id: str
    events: deque[EventRecord]
    met: int = 0
    offered: Recommendation | None = None
    intents: Intents | None = None


class People:
    """The users met most recently, at most `REMEMBERED` of them."""

    def __init__(self, settings: EventSettings) -> None:
        self._settings = settings
        self._people: OrderedDict[str, Person] = OrderedDict()
        self._lists = msgspec.json.Decoder(Recommendation)
        self._intents = msgspec.json.Decoder(Intents)

    def see(self, raw: Raw) -> None:
        """Note a record on its way in."""
        event = decode_event(raw, self._settings) if raw.topic == EVENTS else None
        if not isinstance(event, EventRecord):
            return
        person = self._people.pop(event.user_id, None)
        if person is None:
            person = Person(event.user_id, deque(maxlen=LAST_EVENTS))
        person.events.append(event)
        person.met += 1
        self._people[event.user_id] = person
        if len(self._people) > REMEMBERED:
            self._people.popitem(last=False)

    def hear(self, outs: Sequence[Out]) -> None:
        """Note the messages of a micro-batch."""
        for out in outs:
            person = self._people.get(out.key.decode()) if out.key else None
            if person is None or out.value is None:
                continue
            if out.topic == RECOMMENDATIONS:
                person.offered = self._lists.decode(out.value)
            elif out.topic == INTENTS:
                person.intents = self._intents.decode(out.value)

    def some(self, count: int) -> list[Person]:
        """Choose people with something to show: the busiest, each after something else."""
        known = [person for person in self._people.values() if person.intents]
        known = [person for person in known if person.offered] or known
        known.sort(key=lambda person: (-min(person.met, 12), person.user_id))
        chosen: dict[str | None, Person] = {}
        for person in known:
            chosen.setdefault(person.intents.top if person.intents else None, person)
        rest = [person for person in known if person not in chosen.values()]
        return [*chosen.values(), *rest][:count]


def describe(person: Person, title_of: Callable[[str], str]) -> Iterator[str]:
    """Yield the lines that tell about one person."""
    yield f"{person.user_id}"
    for event in person.events:
        what = title_of(event.item_id) if event.item_id is not None else f'"{event.text}"'
        yield f"  {event.type:<9} {what}"
    if person.intents is not None:
        yield f"  is after: {_shares(person.intents.intent)}"
        leanings = {each.category: each.liking for each in person.intents.profile}
        if leanings:
            yield f"  leans to: {_shares(leanings)}"
    if person.offered is not None:
        yield "  is offered:"
        for place, entry in enumerate(person.offered.items[:5], 1):
            why = f"  ({'; '.join(entry.reasons)})" if entry.reasons else ""
            yield f"   {place:2}. {entry.title}{why}"


def _shares(parts: dict[str, float]) -> str:
    best = sorted(parts.items(), key=lambda part: (-part[1], part[0]))[:3]
    return ", ".join(f"{name} {100 * share:.0f} %" for name, share in best) or "not known yet"
