"""Kafka as a Bytewax source: events and items from our own positions, in micro-batches."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Collection, Sequence
from math import inf

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from dataflows.config.kafka import EVENTS, KafkaSettings
from dataflows.connectors.kafka.assignment.log_identity import ReplacedError
from dataflows.connectors.kafka.assignment.merge_by_time import Merge
from dataflows.connectors.kafka.client import find_partitions, make_consumer
from dataflows.connectors.kafka.consumer import Reader
from dataflows.connectors.kafka.health import Health
from dataflows.connectors.kafka.prefetch import of_client, of_merge
from dataflows.connectors.micro_batches import Portions
from dataflows.errors import InputError
from dataflows.lifecycle.bytewax_errors import hushing
from dataflows.lifecycle.deadline import Deadline
from dataflows.messages.decoded_records import Arrived, Rendered
from dataflows.messages.raw import Raw
from dataflows.state.positions import Progress

PART = "kafka"
COMMIT_SECONDS = 1.0
"""The least time for the last commit, where the output has taken all that there was."""

Decode = Callable[[Sequence[Raw]], list[Rendered]]
"""Decodes records, in their order."""

_LOG = logging.getLogger(__name__)


class KafkaSource(FixedPartitionedSource[Arrived, None]):
    """One Bytewax partition that holds every partition of both topics.

    `reads_traces`: records come with the context of their trace; to be set before `open`.

    `stop` is asked before each batch; once it says yes the source is at its end, and the
    flow ends with a last snapshot. Call `finish` after the flow, so that the group's
    offsets are those of the final state.

    An InputError while reading (a lost position, say) ends the source in the same orderly
    way, and `finish` raises it: from within a step it would come out as a panic of the
    stream engine, with no last snapshot.

    `finish` waits until `deadline` at most, which is `flush_seconds` from then on where it is
    not shared with others.

    `health` says whether the broker answers, `lag()` how far behind each partition is.
    `portions` cuts micro-batches by what they cost to encode; without it they are as read.
    With `decode` too, events of several partitions are merged by their time, which counts as
    no later than the broker's and `max_skew` seconds. What still waits at the end is not
    learnt, and so is read again at the next start.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        progress: Progress,
        stop: Callable[[], bool] = lambda: False,
        deadline: Deadline | None = None,
        portions: Portions | None = None,
        decode: Decode | None = None,
        max_skew: float = 300.0,
    ) -> None:
        self.health = Health("source", settle=settings.degraded_seconds)
        self._settings = settings
        self._progress = progress
        self._stop = stop
        self._deadline = deadline or Deadline(settings.flush_seconds, stop)
        self._portions = portions
        self._decode = decode
        self._max_skew = max_skew
        self._merge: Merge | None = None
        self._left: deque[Rendered] = deque()
        self._reader: Reader | None = None
        self._failure: InputError | None = None
        self.reads_traces = False

    def open(self) -> None:
        """Reach the broker and find the topics. Raises InputError within `start_seconds`."""
        if self._reader is None:
            self._open()

    def finish(self) -> bool:
        """Commit the stored positions to the group and close; False where it took too long.

        Raises, once, the InputError that ended the source.
        """
        reader, self._reader = self._reader, None
        self._tell_not_learnt(len(self._left))
        self._left.clear()
        is_committed = reader is None or reader.finish(max(COMMIT_SECONDS, self._deadline.left()))
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure
        return is_committed

    def take(self) -> Sequence[Arrived]:
        """Return the next micro-batch. Raises StopIteration at the end of the source."""
        assert self._reader is not None  # noqa: S101 - Bytewax has built the part before
        if self._stop():
            raise StopIteration
        try:
            return self._next(self._reader)
        except ReplacedError as replaced:
            self._read_anew(replaced)
            return []
        except InputError as error:
            self._failure = error
            raise StopIteration from error

    def _read_anew(self, replaced: ReplacedError) -> None:
        """Begin with a new client: the old one would hold on to what it knew of the topic.

        What waits to be merged of a log that is gone comes no more, and is learnt first; but not
        what may be of the new log already, since that comes again with it.
        """
        _LOG.warning("%s", replaced)
        old, merge = self._reader, self._merge
        assert old is not None  # noqa: S101 - it has just told so
        assert merge is not None  # noqa: S101 - made with it
        old.let_go()
        self._reader = None
        ends = dict.fromkeys(replaced.names, inf)
        try:
            reader = self._open()
            ends = reader.ends_now(old, replaced.names)
            reader.begin()
        except InputError as error:
            self._failure = error
            raise StopIteration from error
        finally:
            left, unsure = merge.let_go(ends, old.confirmed)
            self._left.extend(left)
            self._tell_not_learnt(unsure)

    def _tell_not_learnt(self, count: int) -> None:
        """Tell of records of a topic that was replaced which waited, and are not learnt from it."""
        if count:
            self.health.count("not_learnt", count)
            _LOG.warning(
                "%d records of the topic that was replaced waited and are not learnt, unless they "
                "are in the new one too",
                count,
            )

    def is_read(self) -> bool:
        """Return whether each partition was read to its end once, by what the broker says of it."""
        return self._reader is not None and self._reader.is_read

    def lag(self) -> dict[str, int]:
        """Count the records not yet taken of each partition whose end is known."""
        lag = dict(self._reader.lag) if self._reader is not None else {}
        for waiting in (self._portions, self._merge):
            if waiting is not None:
                held = waiting.waiting()
                lag = {name: unread + held.get(name, 0) for name, unread in lag.items()}
        return lag

    def list_parts(self) -> list[str]:
        """Return what Bytewax asks for."""
        return [PART]

    @hushing
    def build_part(self, step_id: str, for_part: str, resume_state: None) -> _Part:  # noqa: ARG002
        """Build what Bytewax asks for. Raises InputError like `open`."""
        self._begin()
        return _Part(self.take)

    def _begin(self) -> None:
        reader = self._reader or self._open()
        reader.begin()

    def _open(self) -> Reader:
        reader = Reader(self._ahead(), self._progress, self.health)
        reader.reads_traces = self.reads_traces
        reader.open()
        self._reader = reader
        self._merge = Merge(
            lambda: reader.caught_up.names,
            reader.caught_up.is_ended,
            seconds=self._settings.merge_seconds,
            max_skew=self._max_skew,
            given_up=self._not_waited_for,
        )
        return reader

    def _next(self, reader: Reader) -> Sequence[Arrived]:
        portions = self._portions
        if portions is None:
            return reader.take()
        if self._left:  # of a log that is gone, before any of the one in its place
            more = min(portions.room, len(self._left))
            portions.put([self._left.popleft() for _ in range(more)])
            return portions.take()
        # The reader is asked each time, also where enough waits: it answers the broker there.
        may_wait, merge, decode = not portions.is_waiting, self._merge, self._decode
        if merge is None or decode is None or not merge.is_needed:
            portions.put(reader.take(portions.room, may_wait=may_wait))
        else:
            is_full = self._fill(reader, merge, decode, may_wait)
            portions.put(merge.take(portions.room, is_full=is_full))
        return portions.take()

    def _ahead(self) -> KafkaSettings:
        """Return the settings of the reader: it is asked first how many partitions are merged."""
        if self._decode is None:
            return self._settings
        asker = make_consumer(self._settings, self.health)
        try:
            (count,) = find_partitions(asker, self._settings, [EVENTS]).values()
        finally:
            asker.close()
        return of_client(self._settings, count)

    def _fill(self, reader: Reader, merge: Merge, decode: Decode, may_wait: bool) -> bool:
        """Read until each partition has something to compare, or nothing more is in hand.

        Of a partition with more than its share nothing more is read for now, so that what is
        held stays below what the merge may hold. Whether there are too many bytes to read on.
        """
        names = reader.caught_up.names
        room = of_merge(self._settings, len(names))
        may_wait = may_wait and (merge.is_stalled or not merge.is_holding)
        while merge.bytes_held < room.bytes:
            raws = reader.take(room.reading, may_wait=may_wait)
            merge.put(decode(raws))
            held = merge.waiting()
            reader.caught_up.hold_back(name for name in names if held.get(name, 0) >= room.each)
            if len(raws) < room.reading or not merge.is_lopsided:
                return False
            may_wait = False
        return True

    def _not_waited_for(self, names: Collection[str]) -> None:
        self.health.count("not_waited_for", len(names))
        self.health.tell(
            "not waited for",
            "%s: more is to come, but did not within kafka.merge_seconds = %g s; events of other "
            "partitions are learnt meanwhile",
            ", ".join(names),
            self._settings.merge_seconds,
        )


class _Part(StatefulSourcePartition[Arrived, None]):
    def __init__(self, take: Callable[[], Sequence[Arrived]]) -> None:
        self._take = take

    @hushing
    def next_batch(self) -> Sequence[Arrived]:
        return self._take()

    def snapshot(self) -> None:
        """Return nothing: positions are in our own store, with the state that they belong to."""
