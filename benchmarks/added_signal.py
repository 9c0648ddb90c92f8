"""What a signal of another package costs: CPU time of an event with it and without, on one log.

Three models learn the same events of ml-100k (without it: of the simulated shop) one after the
other, and make a list after each: one with our signals alone, one with the example package's
`price_range`, one with a copy of our own "trending" written as a signal of others, which tells
what the same column costs by the protocol. They take turns by blocks of events, so that what else
the machine does meets all alike; told is the median block, in microseconds an event.

    python -m benchmarks.added_signal [--events 6000] [--warm 3000]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from itertools import islice
from pathlib import Path

from penchant_signal_price_range import PriceRange

from benchmarks.engine import log_files
from dataflows.config.config import load_config
from dataflows.evaluation.log_order import read_order
from learners.online_model import OnlineModel
from learners.signals.signal import SignalMaker
from learners.types import Interaction
from tests.learners.signals.by_protocol import Trending

BLOCK = 250
CASES: dict[str, tuple[SignalMaker, ...]] = {
    "ours alone": (),
    "price_range": (PriceRange,),
    "trending, by the protocol": (Trending,),
}


def events_of(count: int) -> list[Interaction]:
    import msgspec

    with tempfile.TemporaryDirectory() as held:
        config = load_config(None, {}, {})
        _, log, _ = log_files(Path(held), count, shop=False)
        made = []
        for record in islice(read_order(log, config.events, count).records(), count):
            event = msgspec.json.decode(record.value)
            if event.get("item_id") is not None:
                made.append(
                    Interaction(
                        len(made),
                        str(event["event_id"]),
                        str(event["user_id"]),
                        str(event["item_id"]),
                        event["type"],
                        float(event["ts"]),
                        value=event.get("value"),
                    )
                )
    return made


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=6_000, help="events in all")
    parser.add_argument("--warm", type=int, default=3_000, help="of these the first are not timed")
    given = parser.parse_args()
    events = events_of(given.events)
    models = {name: OnlineModel(signals=makers) for name, makers in CASES.items()}
    took: dict[str, list[float]] = {name: [] for name in CASES}
    for start in range(0, len(events), BLOCK):
        block = events[start : start + BLOCK]
        for name, model in models.items():
            began = time.process_time()
            for event in block:
                model.learn(event)
                model.recommend(event.user_id)
            if start >= given.warm:
                took[name].append((time.process_time() - began) / len(block) * 1e6)
    alone = statistics.median(took["ours alone"])
    for name, times in took.items():
        middle = statistics.median(times)
        print(f"{name}: {middle:.0f} us an event ({middle - alone:+.0f})")


if __name__ == "__main__":
    main()
