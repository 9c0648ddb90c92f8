"""Taking an interaction back: what it counted is counted no more.

Undone is all that names the interaction: its counts, what it was counted together with, before
and after it, what its value said of its item, what it told of its user. What stays is what it
moved a little together with all others: the weights of networks and of labels, the weights
between items that others took too, the scale of values, drift detectors.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from learners.intent.unlearn import retract
from learners.signals.rests import moment, seconds
from learners.signals.searches import Search
from learners.signals.signal import Taking
from learners.signals.tables import Signals
from learners.signals.undo import NO_RETURN, TYPE, hash32
from learners.state.model import ModelState
from learners.types import Retraction
from learners.users.chosen import forgive, had_before, lose_repeat, redate
from learners.users.user import User

Extent = Literal["all", "item", "nothing"]
"""What was taken back: all of an event, only that its user has its item, or nothing."""


class TakenBack(NamedTuple):
    """How much was taken back, and the numbers of the items whose records changed."""

    extent: Extent
    items: set[int]


def take_back(model: ModelState, retraction: Retraction) -> Extent:
    """Take back an event as far as it is remembered; return how much of it was.

    Wholly where it is among its user's newest interactions. Of an older one it is only taken
    back that the user has its item, if that is known: the retraction names it, or the event is
    one of the shard's newest.
    """
    user_id, item_id = retraction.user_id, retraction.item_id
    user = model.users.get(user_id, model.position)
    item = -1 if item_id is None else model.signals.items.index.get(item_id, -1)
    event = _event(model, user, retraction, item)
    done = TakenBack("nothing", set()) if event is None else _undo(model, user, user_id, event)
    if done.extent == "nothing" and had_before(user, item):
        user.untake(item)
        done = TakenBack("item", set())
    model.dirty |= done.items
    if done.extent != "nothing":
        model.users.touch(user_id, user, model.position)
        model.peek = None
        if model.open is not None and model.open.user_id == user_id:
            model.open = None
    return done.extent


def _event(model: ModelState, user: User, retraction: Retraction, item: int) -> int | None:
    """Return the hash of the event that is meant, None where none of its kind is remembered."""
    if retraction.event_id is not None:
        return hash32(retraction.event_id)
    kind = retraction.type or ""
    event = user.newest_of(hash32(kind), item) if item >= 0 else None
    if event is None:
        kept = model.tracker.buffer.newest(retraction.user_id, kind, retraction.item_id)
        event = None if kept is None else hash32(kept)
    search = user.search if retraction.item_id is None else None
    if event is None and search is not None and search.type == hash32(kind):
        event = search.event
    return event


def _undo(model: ModelState, user: User, user_id: str, event: int) -> TakenBack:
    """Undo the event with this hash wherever it is found."""
    place, changed = user.place_of(event), set[int]()
    extent: Extent = "nothing"
    if place >= 0:
        changed, extent = _uncount(model, user, place), "all"
    for aside in [aside for aside in user.aside if aside.event == event]:
        forgive(user, aside)
        user.untake(aside.item)
        redate(user, aside.item, None)
        extent = "all"
    if user.search is not None and user.search.event == event:
        changed |= _unsearch(model, user, user.search)
        extent = "all"
    item_id = retract(model.tracker, user.intent, user_id, event)
    if item_id is not None and extent == "nothing":
        extent = "item" if item_id else "all"
        user.untake(model.signals.items.index.get(item_id, -1))
    return TakenBack(extent, changed)


def _uncount(model: ModelState, user: User, place: int) -> set[int]:
    """Remove the interaction at `place` from all counts; return the items whose records changed.

    What came after it counts from now on as if it had not been there: it is together with what
    stood behind it then.
    """
    signals, window = model.signals, model.settings.window
    item, undo, ts = int(user.recent[place]), user.undo_record(place), float(user.times[place])
    before = [_taking(user, at, window) for at in range(place, user.kept)]
    model.repeats -= lose_repeat(user, place)
    _return_later(signals, user, place)
    user.drop(place)
    redate(user, item, undo.until)
    later = [_taking(user, at, window) for at in range(place, user.kept)]
    changed = {item, *signals.unsearch(item, undo)}
    for was, now in zip(before, [None, *later], strict=True):
        changed |= signals.recount(was, now)
    signals.uncount(item, undo, model.position)
    if user.profile is not None:
        ago = (model.position - undo.position) * model.learnt / (model.position + 1)
        since = len(later), round(ago)  # of everybody's, about: not all events are counted
        categories = signals.items.category_names_of(item)
        model.profiles.unlearn(user.profile, categories, ts, undo.weight, since)
    model.learnt -= 1
    return changed


def _taking(user: User, place: int, window: int) -> Taking:
    """Return the interaction at `place` as signals count it."""
    item, ts = int(user.recent[place]), float(user.times[place])
    return Taking.of(item, ts, user.undo_record(place), user.window_before_place(place, window))


def _return_later(signals: Signals, user: User, place: int) -> None:
    """Count the next event with the item of that at `place` as a return to what was before it.

    Where that is remembered no longer it is no return any more.
    """
    item = int(user.recent[place])
    others = np.flatnonzero(user.recent[: user.kept] == item)
    before, after = others[others < place], others[others > place]
    if not len(after):
        return
    later, returned = user.undo_record(after[0]), NO_RETURN
    if len(before):
        ts = seconds(moment(float(user.times[before[-1]])))
        kind = int(user.words[TYPE, before[-1]])
        returned = signals.rests.bin_of(kind, float(user.times[after[0]]) - ts)
    signals.return_otherwise(item, later, returned)
    user.note(after[0], later._replace(returned=returned))


def _unsearch(model: ModelState, user: User, search: Search) -> set[int]:
    """Forget a user's newest search; return the items whose records changed."""
    user.search = None
    changed: set[int] = set()
    for place in range(max(user.kept - (user.length - search.at), 0), user.kept):
        undo = user.undo_record(place)
        if undo.hub == search.hub:
            changed |= model.signals.unsearch(int(user.recent[place]), undo)
            user.note(place, undo._replace(hub=-1))
    return changed
