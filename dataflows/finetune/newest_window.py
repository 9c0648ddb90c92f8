"""The newest events, to judge a compressed encoder by: those kept for fine-tuning, or of a log."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import msgspec

from dataflows.config.config import Config
from dataflows.connectors.files.line_reader import LineReader
from dataflows.errors import InputError
from dataflows.finetune.flow import DecodeStep
from dataflows.finetune.run import tuning_folder
from dataflows.finetune.window.collect import Collector
from dataflows.finetune.window.kept import KIND_EVENT, VERSION, read_items
from dataflows.finetune.window.window import Window, WindowEvent, standing
from dataflows.messages.raw import EVENTS, ITEMS, Raw
from dataflows.state.records import MemoryStore, Records
from dataflows.state.store import Store
from learners.codec import unpack_as

BATCH = 1000


def newest_window(config: Config, events: Path | None = None, items: Path | None = None) -> Window:
    """Return the newest `finetune.window_events` events, cleaned, with the catalogue.

    From the log `events` where one is given; else what the fine-tuning flow has kept; else the
    files of the configuration. Raises InputError where there is nothing.
    """
    if events is not None:
        return _of_log(config, events, items)
    store = Store.reader(tuning_folder(config))
    if store is not None:
        try:
            return _of_store(config, store)
        finally:
            store.close()
    if config.flow.source == "files":
        files = config.files
        return _of_log(config, Path(files.events), Path(files.items) if files.items else None)
    raise InputError(
        f"there are no events to judge by: {tuning_folder(config)} holds none; run `penchant "
        "finetune --once` first, or give a log with --events"
    )


def _of_log(config: Config, events: Path, items: Path | None) -> Window:
    store = MemoryStore()
    settings = msgspec.structs.replace(config.finetune, models="encoder")
    collector = Collector(store, settings, config.clean)
    decode = DecodeStep(config.events, ITEMS, lambda _: None)
    for topic, path in ((ITEMS, items), (EVENTS, events)):
        if path is None:
            continue
        for batch in _batches(path, topic, config.events.max_record_bytes):
            for _, arrived in decode(batch):
                collector.take(arrived)
            collector.commit()
    return _of_store(config, store)


def _of_store(config: Config, store: Records) -> Window:
    newest = [blob for _, blob in store.scan(KIND_EVENT)][-config.finetune.window_events :]
    read = [unpack_as(blob, KIND_EVENT, VERSION, WindowEvent) for blob in newest]
    events = [event for event, stands in zip(read, standing(read), strict=True) if stands]
    if not events:
        raise InputError(
            "there are no events to judge by: none of those read is learnt from; give a log "
            "with --events"
        )
    return Window("encoder", 0, events, len(events), read_items(store))


def _batches(path: Path, topic: str, max_bytes: int) -> Iterator[list[Raw]]:
    reader = LineReader(path, topic, f"{path.name} ({topic})", max_bytes=max_bytes)
    try:
        records = reader.records()
        while batch := list(islice(records, BATCH)):
            yield batch
    finally:
        reader.close()
