"""The recommender's state as records: one per item, and one for all that is shared.

Arrays and plain values only (see `learners.codec`). What can be derived is not kept:
titles and vectors come back with the catalogue, which is put in again after a restart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from learners.codec import pack, unpack
from learners.drift import DriftMonitor
from learners.ranking.answers_first import TRUST
from learners.ranking.context import CandidateBatch
from learners.signals.popularity import CHANNELS
from learners.state.model import ModelState
from learners.users.generated import KIND as GENERATED_KIND
from learners.users.profile import ProfileLearner
from learners.users.table import BUCKET_KIND

ITEM_KIND = "learner:item"
SHARED_KIND = "learner:shared"
SHARED_VERSION = _VERSION = 6

Changed = Iterator[tuple[str, str, bytes | None]]


class ModelRecords:
    """Writes and reads the records of one model; users, and what was named for them, their own."""

    def __init__(self, model: ModelState) -> None:
        self._model = model
        self._signals = model.signals

    def changed(self) -> Changed:
        """Yield the records changed since the last call, that of all that is shared last."""
        model = self._model
        yield from model.users.changed(model.position)
        yield from model.generated.changed(model.position)
        if model.position < 0 and not model.dirty:
            return
        for number in sorted(model.dirty):
            yield ITEM_KIND, str(number), pack(ITEM_KIND, _VERSION, self._item(number))
        yield from model.tracker.changed()
        yield SHARED_KIND, "all", pack(SHARED_KIND, _VERSION, self._shared())
        model.dirty.clear()

    def restore(self, scan: Callable[[str], Iterator[tuple[str, bytes]]]) -> None:
        """Read who was seen, all item records in the order of their numbers, then the shared one.

        Users load when they turn up.
        """
        self._model.users.restore(scan(BUCKET_KIND))
        self._model.generated.restore(scan(GENERATED_KIND))
        stored = sorted(scan(ITEM_KIND), key=lambda record: int(record[0]))
        self._signals.items.make_room(len(stored))
        for _, blob in stored:
            self._signals.items.number(unpack(blob, ITEM_KIND, _VERSION)["id"])
        self._signals.make_room()
        added: dict[int, dict[str, Any]] = {}
        for key, blob in stored:
            state = unpack(blob, ITEM_KIND, _VERSION)
            self._put_item(int(key), state)
            if "signals" in state:
                added[int(key)] = state["signals"]
        for _, blob in scan(SHARED_KIND):
            state = unpack(blob, SHARED_KIND, _VERSION)
            self._put_shared(state, scan)
            self._signals.added.restore(state.get("signals", {}), added, state["position"])
        self._signals.block_unavailable()

    def _item(self, number: int) -> dict[str, Any]:
        signals, items = self._signals, self._signals.items
        return {
            "id": items.ids[number],
            "available": bool(items.available[number]),
            "streamed": bool(items.streamed[number]),
            "first": float(items.first[number]),
            "last": float(items.last[number]),
            "cleared": float(items.cleared[number]),
            "categories": items.categories[:, number],
            "counts": signals.popularity.counts[:, number],
            "neighbours": signals.neighbours.row_out(number),
            "searched": signals.searched.row_out(number),
            "words": signals.searched.words.get(number),
            "values": signals.values.sums[:, number],
            "mark": signals.semantic.fingerprints.get(number, 0),
            "near": signals.semantic.row_out(number),
            **self._people(number),
            **self._beyond(number),
            **self._added(number),
        }

    def _people(self, number: int) -> dict[str, Any]:
        """Return by how many users an item was taken, with what, when again; little for most."""
        signals = self._signals
        users = signals.neighbours.users_out(number), signals.searched.users_out(number)
        told: dict[str, Any] = {}
        if signals.takers.count(number):
            told["takers"] = signals.takers.out(number)
        if any(map(any, users)):
            told["users"] = users
        if signals.rests.sums[1, number]:
            told["returns"] = signals.rests.sums[:, number].tolist()
        return told

    def _beyond(self, number: int) -> dict[str, Any]:
        """Return what counts hold beyond takings; nothing where all weighed 1."""
        beyond = self._signals.popularity.beyond[:, number]
        return {"beyond": beyond} if beyond.any() else {}

    def _added(self, number: int) -> dict[str, Any]:
        """Return what the added signals know of an item; nothing where there are none."""
        known = self._signals.added.item_state(number)
        return {"signals": known} if known else {}

    def _put_item(self, number: int, state: dict[str, Any]) -> None:
        signals, items = self._signals, self._signals.items
        for name in ("available", "streamed", "first", "last", "cleared"):
            getattr(items, name)[number] = state[name]
        items.categories[:, number] = state["categories"]
        signals.popularity.counts[:, number] = state["counts"]
        if "beyond" in state:
            signals.popularity.beyond[:, number] = state["beyond"]
        signals.values.put(number, state["values"])
        signals.semantic.fingerprints[number] = state["mark"]
        # What was stored before users were counted says of nobody.
        pairs, after = state.get("users", (b"", b""))
        if state["neighbours"] is not None:
            signals.neighbours.row_in(number, *state["neighbours"])
            signals.neighbours.users_in(number, pairs)
        if state["searched"] is not None:
            signals.searched.row_in(number, *state["searched"])
            signals.searched.users_in(number, after)
        if "takers" in state:
            signals.takers.put(number, *state["takers"])
        signals.rests.sums[:, number] = state.get("returns", 0)
        signals.searched.note(number, state["words"])
        if state["near"] is not None:
            signals.semantic.row_in(number, *state["near"])

    def _shared(self) -> dict[str, Any]:
        model, signals = self._model, self._signals
        return {
            "position": model.position,
            "learnt": model.learnt,
            "repeats": model.repeats,
            "groups": model.groups,
            "space": model.users.space,
            "open": None if model.open is None else _stored(model.open),
            "fresh": signals.fresh,
            **({"signals": signals.added.state()} if signals.added else {}),
            "values": signals.values.state(),
            "categories": signals.items.category_names,
            "neighbours_base": signals.neighbours.base,
            "searched_base": signals.searched.base,
            "searching": signals.searching,
            "answers": model.answers.trust,
            "returning": signals.returning,
            "rests": signals.rests.state(),
            "popularity_base": signals.popularity.base,
            "popularity_top": [signals.popularity.top(channel) for channel in range(CHANNELS)],
            "columns": model.columns,
            "prior": model.began_with,
            "preference": model.preference.state(),
            "needs": model.tracker.state(),
            "profiles": model.profiles.state(),
            "drift": model.drift.state(),
        }

    def _put_shared(
        self, state: dict[str, Any], scan: Callable[[str], Iterator[tuple[str, bytes]]]
    ) -> None:
        model, signals = self._model, self._signals
        model.position, model.learnt = state["position"], state["learnt"]
        model.repeats, model.groups = state["repeats"], state["groups"]
        model.users.space = state["space"]
        batch = None if state["open"] is None else _batch(state["open"])
        signals.searching = state["searching"]
        # What was stored before times were told of returns knows none.
        signals.returning = state.get("returning", False)
        if "rests" in state:
            signals.rests.restore(state["rests"])
        is_same = list(state["columns"]) == list(model.columns)
        model.open = batch if is_same else None
        # What was stored before answers came first knows nothing of them.
        model.answers.trust = list(state.get("answers", TRUST))
        signals.fresh = state["fresh"]
        signals.values.restore(state["values"])
        for name in state["categories"]:
            signals.items.category(name)
        signals.neighbours.base = state["neighbours_base"]
        signals.searched.base = state["searched_base"]
        signals.popularity.restore_top(state["popularity_base"], state["popularity_top"])
        # What was stored before there were priors began from chance.
        model.began_with = state.get("prior")
        model.take_preference(state["preference"], state["columns"])
        model.tracker.restore(state["needs"], scan)
        model.profiles = ProfileLearner.from_state(state["profiles"])
        model.drift = DriftMonitor.from_state(state["drift"])


_STORED_AS = {"item_weights": "pull"}
"""Fields of a batch that a record has under another name."""


def _stored(batch: CandidateBatch) -> dict[str, Any]:
    """Return the fields of a batch by the names that records have for them."""
    return {_STORED_AS.get(name, name): value for name, value in batch._asdict().items()}


def _batch(stored: dict[str, Any]) -> CandidateBatch:
    """Return the batch whose fields a record holds."""
    return CandidateBatch(*(stored[_STORED_AS.get(name, name)] for name in CandidateBatch._fields))
