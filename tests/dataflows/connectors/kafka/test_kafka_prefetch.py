from __future__ import annotations

import pytest

from dataflows.config.kafka import KafkaSettings
from dataflows.connectors.kafka.prefetch import of_client, of_merge


def test_one_partition_leaves_all_of_it_to_the_client_library():
    settings = KafkaSettings(prefetch_messages=500)
    assert of_client(settings, 1) == settings


@pytest.mark.parametrize("partitions", [2, 3, 8, 100])
@pytest.mark.parametrize("messages", [10_000, 4_321, 600])
@pytest.mark.parametrize("batch_size", [1000, 3])
def test_client_library_and_merge_together_hold_no_more_than_is_set(
    partitions, messages, batch_size
):
    settings = KafkaSettings(
        prefetch_messages=messages, prefetch_bytes=1_000_000, batch_size=batch_size
    )
    client, room = of_client(settings, partitions), of_merge(settings, partitions)
    # A partition that lacks one of its share may bring that and a whole reading more.
    held = partitions * (room.each - 1 + room.reading)
    assert client.prefetch_messages + held <= messages
    assert client.prefetch_bytes + room.bytes <= 1_000_000
    assert room.reading <= batch_size
    assert held > messages / 4, "and much of it may be used"


def test_of_each_partition_there_is_room_for_one_record_however_little_is_set():
    settings = KafkaSettings(prefetch_messages=1, prefetch_bytes=1024)
    assert of_merge(settings, 100)[:2] == (1, 1)
    client = of_client(settings, 100)
    assert (client.prefetch_messages, client.prefetch_bytes) == (1, 1024)
