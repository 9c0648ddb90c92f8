"""What one shard has to say: lists that changed, intents, dead letters; numbered in the outbox."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator

from dataflows import messages
from dataflows.keeping import Load, Scan
from dataflows.message_types import Position, Versions
from dataflows.outbox import DEAD_LETTERS, INTENTS, RECOMMENDATIONS, Out, Outbox
from dataflows.record import Raw, Reject
from dataflows.records import Record
from dataflows.served import Last, Served
from learners.lists import UserList

log = logging.getLogger(__name__)


class Offers:
    """Compares each list with the one last sent, and writes the messages.

    A list goes out when its items or their order changed; what the user is after goes
    with it, and alone where only the most likely intent changed. `counts` is told.
    """

    def __init__(
        self,
        load: Load,
        outbox: Outbox,
        versions: Versions,
        served_users: int,
        clock: Callable[[], float],
        counts: Counter[str],
    ) -> None:
        self._outbox = outbox
        self._versions = versions
        self._served = Served(load, served_users)
        self._clock = clock
        self._counts = counts

    def touch(self, user_id: str) -> Last:
        """Take note of an event of this user; give what they were last sent."""
        return self._served.touch(user_id)

    def offer(self, offered: UserList, title_of: Callable[[str], str], raw: Raw) -> list[Out]:
        """Give the messages for a fresh list of a user who was touched, made after `raw`."""
        ids = tuple(entry.item_id for entry in offered.entries)
        intent = min(offered.intent, key=lambda need: (-offered.intent[need], need), default=None)
        last = self._served.touch(offered.user_id)
        self._counts["lists_made"] += 1
        if last == Last(ids, intent):
            return []
        position, now = Position(raw.partition, raw.offset), self._clock()
        values: dict[str, bytes] = {}
        try:
            if ids != last.ids:
                values[RECOMMENDATIONS] = messages.render_recommendation(
                    offered, title_of, position, self._versions, now
                )
            values[INTENTS] = messages.render_intents(offered, position, self._versions, now)
        except messages.MessageError:
            # One list that cannot be written must not stop everybody else's.
            self._counts["lists_unwritable"] += 1
            log.exception("a list was not sent")
            return []
        self._counts["lists_sent"] += RECOMMENDATIONS in values
        self._served.send(offered.user_id, ids, intent)
        key = messages.user_key(offered.user_id)
        return [self._outbox.put(topic, key, value) for topic, value in values.items()]

    def bury(self, reject: Reject) -> Out:
        """Give the dead letter of a record that cannot be learnt."""
        value = messages.render_dead_letter(reject, self._clock())
        return self._outbox.put(DEAD_LETTERS, messages.dead_letter_key(reject), value)

    def changed(self, scan: Scan) -> Iterator[Record]:
        """Give the records of what was sent that changed since the last call."""
        return self._served.changed(scan)

    def restore(self, scan: Scan) -> None:
        """Go on from what is stored."""
        self._served.restore(scan)
