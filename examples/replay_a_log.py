"""Replay a log: how good its lists would have been, event by event, beside other methods.

    python examples/replay_a_log.py [EVENTS.jsonl [ITEMS.jsonl]]

Without files a small shop is simulated. Every event is ranked before it is learnt, by the very
steps that run live, so the figures are those that a running engine would have had.
"""

import sys
import tempfile
from pathlib import Path

from dataflows import replay
from dataflows.datasets.shop.shop import Shop


def simulated(folder: Path) -> list[Path]:
    """Write the log of a simulated shop, events and catalogue."""
    Shop(seed=0).write(folder, 3_000)
    return [folder / "events.jsonl", folder / "items.jsonl"]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(name) for name in sys.argv[1:]] or simulated(Path(folder))
        figures = replay(*files, encoder="hashing", against=["popularity", "markov", "item-knn"])
    print(f"{figures['events']['learnt']:,} events learnt, {figures['scored']:,} of them scored")
    for name, method in {"penchant": figures["tie_safe"], **figures["peers"]}.items():
        print(f"{name:12} HR@10 {method['hr@10']:.4f}  NDCG@10 {method['ndcg@10']:.4f}")


if __name__ == "__main__":
    main()
