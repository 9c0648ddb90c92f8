"""How much is read ahead, shared out between the client library and the merge of partitions.

`prefetch_messages` and `prefetch_bytes` are for both together. With one partition the merge
holds nothing, and the client library has it all; with several each has half.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from dataflows.config.kafka import KafkaSettings

LEAST_BYTES = 1024


def of_client(settings: KafkaSettings, partitions: int) -> KafkaSettings:
    """Return the settings for a client that reads so many partitions of the events."""
    if partitions < 2:
        return settings
    return msgspec.structs.replace(
        settings,
        prefetch_messages=max(1, settings.prefetch_messages // 2),
        prefetch_bytes=max(LEAST_BYTES, settings.prefetch_bytes // 2),
    )


class PrefetchLimits(NamedTuple):
    """What the merge may hold.

    `each`: records of a partition after which no more of it are read; `reading`: records of one
    reading, all of which may be of one partition; `bytes`: of all partitions.
    """

    each: int
    reading: int
    bytes: int


def of_merge(settings: KafkaSettings, partitions: int) -> PrefetchLimits:
    """Return the room for so many partitions: half of all, with the last reading of each."""
    each = max(1, settings.prefetch_messages // (3 * partitions))
    reading = max(1, min(each // 2, settings.batch_size))
    return PrefetchLimits(each, reading, settings.prefetch_bytes // 2)
