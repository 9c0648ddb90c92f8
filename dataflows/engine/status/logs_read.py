"""What the logs of topics are known by after each micro-batch: their ids, and their last record."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from dataflows.messages.raw import LastRecord, LogId, Raw


class LogsRead:
    """Follows the logs of the partitions whose records go through; files have none.

    `known` is what each was known by when it was last met.
    """

    def __init__(self) -> None:
        self.known: dict[str, LogId] = {}

    def take(self, raws: Iterable[Raw]) -> dict[str, LogId]:
        """Return what is to be stored beside the positions after these records, by partition.

        A broker that tells no ids is not followed: nothing of its logs is compared.
        """
        known, changed, last = self.known, dict[str, LogId](), dict[str, Raw]()
        for raw in raws:
            if raw.log is not None:
                before = known.get(raw.partition)
                log = raw.log
                if before is not None and before.last is not None:
                    log = msgspec.structs.replace(log, last=before.last)
                known[raw.partition] = changed[raw.partition] = log
            if not raw.is_mark:
                last[raw.partition] = raw
        for partition, raw in last.items():
            if partition in known:
                found = LastRecord.of(raw.offset, raw.timestamp, raw.key, raw.value)
                log = msgspec.structs.replace(known[partition], last=found)
                known[partition] = changed[partition] = log
        return changed
