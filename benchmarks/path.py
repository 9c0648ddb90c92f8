"""The way of one event: the files it enters and the Python calls it makes, room by room.

The ml-100k log (without it: the simulated shop) is played through the flow that runs live, one
event a micro-batch, each with its list, every text in the encoder's cache. Of the last 1,000
events all `call` events of `sys.setprofile` are counted that are of files of the three packages,
and of code that these had generated (named tuples): from the moment at which the source hands an
event over to the one at which it is asked for the next. Commits are left out: they are once an
epoch, not once an event. Medians are told, and the way that the median event took.

With `--lines` it is also told how long the files of that way are, and how many of their lines are
of functions that it entered, headings and documentation included: what of a file is not of the way
is what stands beside it as one concept, such as taking back, storing and restoring. What a compiled
function calls of others that are compiled is not seen.

    python -m benchmarks.path [--warm 5000] [--events 1000] [--calls] [--lines]
"""

from __future__ import annotations

import argparse
import gc
import statistics
import sys
import tempfile
from collections import Counter
from contextlib import closing
from itertools import chain, islice
from pathlib import Path

from benchmarks.engine import Alone, log_files, warm

ROOT = Path(__file__).resolve().parent.parent
ROOMS = tuple(f"{ROOT / package}/" for package in ("dataflows", "encoders", "learners"))
NOT_OF_THE_WAY = ("dataflows/evaluation/",)
"""The source and the sink of a play, which stand in for files and Kafka."""


class Way:
    """Notes the calls between two events."""

    def __init__(self) -> None:
        self.events: list[Counter[tuple[str, str]]] = []
        self._now: Counter[tuple[str, str]] | None = None
        self._names: dict[object, tuple[str, str] | None] = {}
        self.lines: dict[tuple[str, str], set[int]] = {}
        """The numbers of the lines of each function that was entered by any event."""

    def turn(self, is_on: bool) -> None:
        """End the way of one event, and begin that of the next where `is_on`."""
        sys.setprofile(None)
        if self._now is not None:
            self.events.append(self._now)
        self._now = Counter() if is_on else None
        if is_on:
            sys.setprofile(self._note)

    def _note(self, frame, what: str, _given) -> None:
        if what != "call" or self._now is None:
            return
        code = frame.f_code
        try:
            name = self._names[code]
        except KeyError:
            name = self._names[code] = self._name(code)
        if name is None and code.co_filename.startswith("<"):
            caller = frame.f_back and self._name(frame.f_back.f_code)
            name = caller and (caller[0], f"{code.co_name} (generated)")
        if name is not None:
            self._now[name] += 1

    def _name(self, code) -> tuple[str, str] | None:
        if not code.co_filename.startswith(ROOMS):
            return None
        file = str(Path(code.co_filename).relative_to(ROOT))
        if file.startswith(NOT_OF_THE_WAY):
            return None
        name = file, code.co_qualname
        last = max(line for _, _, line in code.co_lines() if line is not None)
        self.lines.setdefault(name, set()).update(range(code.co_firstlineno, last + 1))
        return name


def walk(warm_events: int, events: int) -> Way:
    """Play the log and return the way of each of the last events."""
    from dataflows.config.config import load_config
    from dataflows.engine.item_store import Catalogue
    from dataflows.evaluation.log_order import read_order
    from dataflows.evaluation.offline_flow import (
        NowhereSink,
        PlaySource,
        batched,
        catalogue_records,
        open_engine,
        play,
    )
    from dataflows.evaluation.timing import Pace
    from dataflows.state.store import Store
    from encoders.cache.cached import CachedEncoder
    from encoders.load import load_encoder

    config = load_config(None, {"flow.epoch_seconds": 3600.0}, {})
    way, pace = Way(), Pace()
    with tempfile.TemporaryDirectory() as held:
        folder = Path(held)
        _, log, items = log_files(folder, warm_events + events, shop=False)
        order = read_order(log, config.events, warm_events + events)
        cached = CachedEncoder(load_encoder("hashing-384"), 200_000)
        warm(cached, items, order, config)

        def each(batches):
            for number, batch in enumerate(batches):
                way.turn(number >= warm_events)
                yield batch
                way.turn(False)

        with closing(Store.open(folder / "state")) as store:
            engine = open_engine(config, cached, Alone(pace, log.name), store)
            titles = Catalogue(None, cached.version)
            records = catalogue_records(items, config.events.max_record_bytes)
            first = batched(records, 256)
            play(config, PlaySource(first, pace), NowhereSink, engine, cached, titles)
            gc.disable()
            one_by_one = each(islice(batched(order.records(), 1), warm_events + events))
            play(config, PlaySource(one_by_one, pace), NowhereSink, engine, cached, titles)
    return way


def files(way: Counter[tuple[str, str]]) -> int:
    return len({file for file, _ in way})


def tell_lines(typical: Counter[tuple[str, str]], lines: dict[tuple[str, str], set[int]]) -> None:
    """Print of each file how long it is, and how many lines are of functions entered; the sums."""
    entered: dict[str, set[int]] = {}
    for name in typical:
        entered.setdefault(name[0], set()).update(lines.get(name, ()))
    lengths = {file: len((ROOT / file).read_text("utf-8").splitlines()) for file in entered}
    for file, found in sorted(entered.items()):
        print(f"  {lengths[file]:4} lines, {len(found):4} of functions entered: {file}")
    total, way = sum(lengths.values()), sum(map(len, entered.values()))
    print(f"lines {total:,} in {len(entered)} files, {way:,} of functions entered")


def tell(way: Way, *, calls: bool, lines: bool) -> None:
    """Print the way of the event that is nearest to the median, then both medians."""
    ways = way.events
    middle = statistics.median_low(one.total() for one in ways)
    typical = next(one for one in ways if one.total() == middle)
    rooms: dict[str, Counter[str]] = {}
    for (file, _), count in typical.items():
        room = str(Path(file).parent)
        rooms.setdefault(room, Counter())[Path(file).name] += count
    for room, entered in rooms.items():
        told = ", ".join(f"{file} {count}" for file, count in entered.items())
        print(f"{room}: {entered.total()} calls, {len(entered)} files ({told})")
    if calls:
        for (file, function), count in chain(typical.items()):
            print(f"  {count:4} {file} {function}")
    if lines:
        tell_lines(typical, way.lines)
    entered = round(statistics.median(map(files, ways)))
    print(f"files {entered} calls {round(statistics.median(one.total() for one in ways))}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--warm", type=int, default=5_000, help="events before, not counted")
    parser.add_argument("--events", type=int, default=1_000, help="events that are counted")
    parser.add_argument("--calls", action="store_true", help="also each function, as often called")
    parser.add_argument("--lines", action="store_true", help="also how long the files are")
    given = parser.parse_args()
    tell(walk(given.warm, given.events), calls=given.calls, lines=given.lines)


if __name__ == "__main__":
    main()
