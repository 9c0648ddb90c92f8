"""What one shard has to say: lists that changed, intents, dead letters; numbered in the outbox.

After a topic was made anew, all lists are sent again, since the topics of the lists may be
empty too (`ListsAgain`): some at a time, so that fresh events do not wait for all of them. That
it is not yet done is stored, and after a restart it begins again.
"""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Callable, Iterator

from dataflows.messages import outgoing_json
from dataflows.messages.outgoing import Position, Refreshed, Versions
from dataflows.messages.raw import Raw, Reject
from dataflows.state.last_sent import LastList, LastSent
from dataflows.state.outbox import DEAD_LETTERS, INTENTS, RECOMMENDATIONS, Out, Outbox
from dataflows.state.records import Record, Records
from learners.codec import pack, unpack_as
from learners.types import RecommendationList

log = logging.getLogger(__name__)


class Publisher:
    """Compares each list with the one last sent, and writes the messages.

    A list goes out when its items or their order changed; what the user is after goes
    with it, and alone where only the most likely need changed, now or of the session.
    `counts` counts lists made and sent, apart from them those that were made anew for no event of
    their user, and the items that lists lack because these rest. `versions` are those that
    messages carry.
    """

    def __init__(
        self,
        outbox: Outbox,
        versions: Versions,
        last_sent: LastSent,
        clock: Callable[[], float],
        counts: Counter[str],
    ) -> None:
        self._outbox = outbox
        self.versions = versions
        self._last_sent = last_sent
        self._clock = clock
        self._counts = counts

    def publish(self, offered: RecommendationList, raw: Raw) -> list[Out]:
        """Return the messages for a fresh list of a user who was touched, made after `raw`."""
        fresh = LastList(
            _ids(offered),
            next(iter(offered.intent), None),
            next(iter(offered.belief), None),
            partition=raw.partition,
            offset=raw.offset,
        )
        last = self._last_sent.sure(offered.user_id)
        self._counts["lists_made"] += 1
        self._counts["items_held_back"] += offered.held_back
        if last is not None and last.says_same(fresh):
            return []
        position, now = Position(raw.partition, raw.offset), self._clock()
        values: dict[str, bytes] = {}
        try:
            if last is None or last.ids != fresh.ids:
                values[RECOMMENDATIONS] = outgoing_json.render_recommendation(
                    offered, position, self.versions, now
                )
            values[INTENTS] = outgoing_json.render_intents(offered, position, self.versions, now)
        except outgoing_json.MessageError as error:
            return self._unwritable(error)
        is_new = RECOMMENDATIONS in values
        self._counts["lists_sent"] += is_new
        self._last_sent.send(offered.user_id, fresh, offered.sequence if is_new else None)
        return self._put(offered.user_id, values)

    def refresh(self, offered: RecommendationList, raw: Raw, why: Refreshed) -> list[Out]:
        """Return the list, without intents, of a user who has not been touched.

        It is as new as `raw` for whoever compares positions: the record of their newest event.
        """
        position = Position(raw.partition, raw.offset)
        try:
            value = outgoing_json.render_recommendation(
                offered, position, self.versions, self._clock(), why
            )
        except outgoing_json.MessageError as error:
            return self._unwritable(error)
        self._counts["lists_refreshed"] += 1
        self._last_sent.refresh(offered.user_id, _ids(offered), offered.sequence)
        return self._put(offered.user_id, {RECOMMENDATIONS: value})

    def _put(self, user_id: str, values: dict[str, bytes]) -> list[Out]:
        """Put messages of a user, by topic, into the outbox; return them."""
        key = outgoing_json.user_key(user_id)
        return [self._outbox.put(topic, key, value) for topic, value in values.items()]

    def _unwritable(self, error: outgoing_json.MessageError) -> list[Out]:
        """Count a list that is not sent: it must not stop everybody else's."""
        self._counts["lists_unwritable"] += 1
        count = self._counts["lists_unwritable"]
        if count & (count - 1) == 0:  # the 1st, 2nd, 4th, ...: no flood
            log.error("a list was not sent (%d so far): %s", count, error)
        return []

    def bury(self, reject: Reject) -> Out:
        """Return the dead letter of a record that cannot be learnt."""
        value = outgoing_json.render_dead_letter(reject, self._clock())
        return self._outbox.put(DEAD_LETTERS, outgoing_json.dead_letter_key(reject), value)


def _ids(offered: RecommendationList) -> tuple[str, ...]:
    return tuple([entry.item_id for entry in offered.entries])


KIND = "again"
VERSION = 1
AT_ONCE = 200
"""Users whose lists are made in one go."""


class ListsAgain:
    """The users who are to be sent their lists again; state goes through `changed` and `restore`.

    `as_of` is the input position that those lists tell: the last of the log that was replaced.
    """

    def __init__(self, last_sent: LastSent) -> None:
        self._last_sent = last_sent
        self._waiting: deque[str] = deque()
        self._is_changed = False
        self.as_of: Position | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def begin(self, as_of: Position, store: Records) -> None:
        """Send again all lists that `store` knows of, as if nobody had had one."""
        self.as_of, self._is_changed = as_of, True
        self._fill(store)

    def take(self) -> list[str]:
        """Return the next users, at most `AT_ONCE`."""
        users = [self._waiting.popleft() for _ in range(min(AT_ONCE, len(self._waiting)))]
        if users and not self._waiting:
            self._is_changed = True
        return users

    def changed(self) -> Iterator[Record]:
        """Yield (kind, key, blob) of what changed since the last call."""
        if self._is_changed:
            self._is_changed = False
            is_on = self._waiting and self.as_of is not None
            yield KIND, "", pack(KIND, VERSION, self.as_of) if is_on else None

    def restore(self, store: Records) -> None:
        """Restore what was begun. Raises `learners.codec.StateError` if damaged."""
        blob = store.get(KIND, "")
        if blob is not None:
            self.as_of = unpack_as(blob, KIND, VERSION, Position)
            self._fill(store)

    def _fill(self, store: Records) -> None:
        self._last_sent.doubt()
        self._waiting = deque(self._last_sent.known(store.scan))
