"""The items of a shard as records: what changed of them, and what of it is to be stored."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Sequence

from dataflows.engine.batch import EncodedItem, Removal
from dataflows.engine.encoder_in_force import EncoderSpace
from dataflows.engine.item_store import KIND, item_blob, moved_blob, read_item, to_item
from dataflows.engine.protocols import LlmHooks, Model, PreparedSwitch
from dataflows.state.records import Record, Records

REWRITTEN_AT_ONCE = 256
"""Items whose vectors of another encoder are replaced in the store, per transaction."""


class ItemRecords:
    """Puts items into the model, and keeps those that changed until they are stored.

    For a switch to another encoder the texts of changed items can be followed: hold the shard's
    lock for `follow`, `followed` and `unfollow`.
    """

    def __init__(
        self,
        store: Records,
        model: Model,
        space: EncoderSpace,
        counts: Counter[str],
        hooks: Sequence[LlmHooks],
    ) -> None:
        self._store = store
        self._model = model
        self._space = space
        self._counts = counts
        self._hooks = hooks
        self._changed: dict[str, bytes | None] = {}
        self._stale: deque[str] = deque()
        """Items whose stored vectors are of another encoder."""
        self._followed: dict[str, str | None] | None = None

    def take(self, record: EncodedItem | Removal) -> None:
        """Put an item that is new or changed, or remove one that left the catalogue."""
        item_id = record.item.item_id
        if isinstance(record, Removal):
            self._model.remove_item(item_id)
            for hook in self._hooks:
                hook.remove_item(item_id)
            self._changed[item_id] = text = None
            self._counts["items_removed"] += 1
        else:
            self._model.put_item(to_item(record.item, record.vector))
            for hook in self._hooks:
                hook.put_item(record.item)
            self._changed[item_id] = item_blob(record, self._space.in_force.encoder)
            text = record.text
            self._counts["items_put"] += 1
            self._counts["items_repaired"] += record.item.repaired
        if self._followed is not None:
            self._followed[item_id] = text

    def stored(self, item_id: str) -> bytes | None:
        """Return an item as it is stored, or is about to be."""
        if item_id in self._changed:
            return self._changed[item_id]
        return self._store.get(KIND, item_id)

    def move(self, made: PreparedSwitch) -> None:
        """Go on in another encoder's space; stored vectors follow, some with each commit."""
        self.unfollow()
        self._model.switch(made.reencoding)
        self._stale = deque(made.item_ids)
        self._space.encoder = made.encoder

    def follow(self) -> dict[str, str | None]:
        """Begin to keep the text of each item that changes, None for one that went.

        Returns those that changed since the last commit, which is in the file then.
        """
        self._store.settle()
        self._followed = {}
        return {
            item_id: None if blob is None else read_item(blob).text
            for item_id, blob in self._changed.items()
        }

    def followed(self) -> dict[str, str | None]:
        """Return the texts of the items that changed since the last call."""
        followed, self._followed = self._followed or {}, {}
        return followed

    def unfollow(self) -> None:
        """Keep no more texts."""
        self._followed = None

    def changed(self) -> Iterator[Record]:
        """Yield (kind, key, blob or None) of what changed since the last call, and is stale."""
        self._rewrite()
        changed, self._changed = self._changed, {}
        for item_id, blob in changed.items():
            yield KIND, item_id, blob

    def finish(self) -> None:
        """Store the vectors that are still another encoder's, in transactions of their own."""
        while self._stale:
            self._store.commit(list(self.changed()))

    def restore(self) -> None:
        """Put in what is stored. Raises `learners.codec.StateError` if damaged."""
        for stored, is_stale in self._space.items(self._store.scan(KIND)):
            self._model.put_item(to_item(stored.record, stored.vector))
            for hook in self._hooks:
                hook.put_item(stored.record)
            if is_stale:
                self._stale.append(stored.record.item_id)

    def _rewrite(self) -> None:
        """Replace some of the stored vectors of another encoder."""
        version = self._space.in_force.encoder
        for _ in range(min(REWRITTEN_AT_ONCE, len(self._stale))):
            item_id = self._stale.popleft()
            blob = self.stored(item_id)
            stored = None if blob is None else read_item(blob)
            if stored is not None and stored.encoder != version:
                vector = self._model.item_vector(item_id)
                self._changed[item_id] = moved_blob(stored, vector, version)
