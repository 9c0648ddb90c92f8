"""Micro-batches cut by what their new texts cost to encode, so that no event waits for many.

A text that the encoder's cache knows costs nothing. What does not fit into a micro-batch
waits for the next one, in its order, and nothing is read for it to grow beyond one micro-batch.
What is learnt does not depend on where a micro-batch ends, so the cut may follow the clock.
"""

from __future__ import annotations

import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence

from dataflows.messages.decoded_records import Rendered
from dataflows.messages.events import EventRecord
from dataflows.messages.raw import Raw
from encoders.throughput import Padded

BEHIND_AFTER = 5.0
"""Seconds of cut micro-batches without a break, after which the encoder is said to be behind."""
TELL_EVERY = 60.0
"""Seconds between two lines that say so."""

_log = logging.getLogger(__name__)


class Portions:
    """Records in, micro-batches out: at most `records` at once, and `seconds` of encoding.

    `render` decodes records and says what each costs in tokens; `rate` is how many tokens a
    second the encoder does. A text that alone takes longer is a portion all the same.
    `counts` holds micro-batches that were "cut" short, the "new_texts" that were encoded, and
    how often the stream was faster than the encoder ("behind").
    """

    def __init__(
        self,
        render: Callable[[Sequence[Raw | Rendered]], list[Rendered]],
        rate: Callable[[], float],
        *,
        seconds: float,
        records: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._render = render
        self._rate = rate
        self._seconds = seconds
        self._most = records
        self._clock = clock
        self._waiting: deque[Rendered] = deque()
        self._of_partition: Counter[str] = Counter()
        self._cut_since: float | None = None
        self._logged_at: float | None = None

    @property
    def room(self) -> int:
        """How many records may be put in; never 0 between two calls of `take`."""
        return self._most - len(self._waiting)

    @property
    def is_waiting(self) -> bool:
        """Whether there is more to take."""
        return bool(self._waiting)

    def waiting(self) -> dict[str, int]:
        """Return how many records wait, by partition. From any thread."""
        return dict(self._of_partition)

    def put(self, records: Sequence[Raw | Rendered]) -> None:
        """Add what was read, at most `room` records, decoded or not."""
        if records:
            rendered = self._render(records)
            self._waiting.extend(rendered)
            self._of_partition.update(one.raw.partition for one in rendered)

    def take(self) -> list[Rendered]:
        """Return the next micro-batch, of at least one record where any wait."""
        most = self._rate() * self._seconds
        waiting, tokens = self._waiting, Padded()
        taken: list[Rendered] = []
        while waiting:
            more = waiting[0].tokens
            if more:
                if tokens.total and tokens.after(more) > most:
                    break
                tokens.add(more)
                self.counts["new_texts"] += 1
            taken.append(waiting.popleft())
        self._of_partition.subtract(one.raw.partition for one in taken)
        self._watch()
        return taken

    def summary(self) -> str:
        """Describe in a few words what was cut; "" where nothing was."""
        cut = self.counts["cut"]
        if not cut:
            return ""
        is_behind = "behind, " if self._logged_at is not None else ""
        texts = self.counts["new_texts"]
        return f"encoder {is_behind}{texts:,} new texts, {cut:,} micro-batches cut for them"

    def _watch(self) -> None:
        """Log where events have waited for the encoder without a break, and when that is over.

        Not where items wait alone: a new catalogue takes its time, and no list waits for it.
        """
        self.counts["cut"] += bool(self._waiting)
        if not any(isinstance(each.one, EventRecord) for each in self._waiting):
            if self._logged_at is not None:
                _log.warning("the encoder has caught up: no event waits for its text any more")
            self._cut_since = self._logged_at = None
            return
        now = self._clock()
        if self._cut_since is None:
            self._cut_since = now
        lasted = now - self._cut_since
        if lasted < BEHIND_AFTER or (
            self._logged_at is not None and now - self._logged_at < TELL_EVERY
        ):
            return
        self.counts["behind"] += self._logged_at is None
        self._logged_at = now
        _log.warning(
            "events with new texts come faster than they are encoded: for %.0f s they have waited "
            "for the encoder, which does about %.0f tokens a second; lists come late until it has "
            "caught up. If it lasts, take a smaller encoder (`penchant models compress`, "
            "docs/how-to/operations.md), send shorter texts, or run on a faster processor",
            *(lasted, self._rate()),
        )
