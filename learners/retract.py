"""Taking an interaction back: what it counted is counted no more.

Undone is all that names the interaction: its counts, what it was counted together with, before
and after it, what its value said of its item, what it told of its user. What stays is what it
moved a little together with all others: the weights of networks and of labels, the pulls
between items that others took too, the scale of values, drift detectors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from learners.history import User
from learners.interaction import Retraction
from learners.receipt import mark

if TYPE_CHECKING:
    from learners.recommender import Recommender

Extent = Literal["all", "item", "nothing"]
"""What was taken back: all of an event, only that its user has its item, or nothing."""


class TakenBack(NamedTuple):
    """How much was taken back, and the numbers of the items whose records changed."""

    extent: Extent
    items: set[int]


def take_back(model: Recommender, retraction: Retraction) -> TakenBack:
    """Take an event back as far as it is remembered.

    Wholly where it is among its user's newest interactions. Of an older one it is only taken
    back that the user has its item, if that is known: the retraction names it, or the event is
    one of the shard's newest.
    """
    user_id, item_id = retraction.user_id, retraction.item_id
    user = model.users.get(user_id, model.position)
    item = -1 if item_id is None else model.signals.items.index.get(item_id, -1)
    event = _event(user, retraction, item)
    if event is None:
        if item < 0 or not user.had_before(item):
            return TakenBack("nothing", set())
        user.untake(item)
        done = TakenBack("item", set())
    else:
        done = _undo(model, user, user_id, event)
    if done.extent != "nothing":
        model.users.touch(user_id, user, model.position)
    return done


def _event(user: User, retraction: Retraction, item: int) -> int | None:
    """Give the mark of the event that is meant, None where none of its kind is remembered."""
    if retraction.event_id is not None:
        return mark(retraction.event_id)
    kind, search = mark(retraction.type or ""), user.search
    if retraction.item_id is None:
        return search.event if search is not None and search.type == kind else None
    return user.newest_of(kind, item)


def _undo(model: Recommender, user: User, user_id: str, event: int) -> TakenBack:
    """Undo the event with this mark wherever it is found."""
    place, changed = user.place_of(event), set[int]()
    extent: Extent = "nothing"
    if place >= 0:
        changed, extent = _uncount(model, user, place), "all"
        user.drop(place)
    for aside in [aside for aside in user.aside if aside.event == event]:
        user.aside.remove(aside)
        user.untake(aside.item)
        extent = "all"
    if user.search is not None and user.search.event == event:
        user.search, extent = None, "all"
    item_id = model.needs.retract(user, user_id, event)
    if item_id is not None and extent == "nothing":
        extent = "item" if item_id else "all"
        user.untake(model.signals.items.index.get(item_id, -1))
    return TakenBack(extent, changed)


def _uncount(model: Recommender, user: User, place: int) -> set[int]:
    """Take back what was counted of the interaction at `place`; give the items changed."""
    item, receipt = int(user.recent[place]), user.receipt(place)
    signals, neighbours, window = model.signals, model.signals.neighbours, model.settings.window
    before = user.walk_to(place, window)
    neighbours.unlearn(item, *before, receipt.position)
    changed = {item, receipt.hub, *before.items.tolist()}
    for later in range(place + 1, user.kept):
        other = int(user.recent[later])
        if other == item:
            break  # from here on others were counted together with that one
        items, back = user.walk_to(later, window)
        at = np.flatnonzero(items == item)
        position = user.receipt(later).position
        neighbours.unlearn(other, items[at], back[at], position)
        changed.add(other)
    signals.uncount(item, receipt, model.position)
    if user.profile is not None:
        since = user.kept - 1 - place, model.position - receipt.position
        categories = signals.items.category_names_of(item)
        ts = float(user.times[place])
        model.profiles.unlearn(user.profile, categories, ts, receipt.weight, since)
    model.learnt -= 1
    model.repeats -= user.often(item) > 1
    return changed - {-1}
