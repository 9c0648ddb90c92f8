"""What a change does to the lists: the same events before and after it, compared event by event.

Replayed are the first 20,000 events of each log of benchmarks/accuracy_logs.py that is there, each
in a process of its own with one thread, the default settings and the packaged encoder, whose
vectors are kept in .cache. Both sides replay the files that this checkout converted. There is no
warm-up: the first event is scored too. Repeats are on where the benchmark of accuracy has them on.
No prior weights hold anything of a log that is reported: those of the package are made of simulated
streams alone; which were used is printed of each log.

    python -m benchmarks.paired_ranks --against ../before     # another checkout
    python -m benchmarks.paired_ranks --save .cache/before    # ranks, for later
    python -m benchmarks.paired_ranks --with .cache/before    # ... compared with those
    python -m benchmarks.paired_ranks --against . --set learner.prior=none   # a setting

Printed are HR@10 and NDCG@10 before and after, over the events that both have scored, the mean of
the differences with its 95 % interval by a bootstrap over users, of all events of each log, of
its first 500, and of the first 500 of all logs together. The exit status is 1 where a log's
HR@10 or NDCG@10 is worse by more than .0010, 2 where there was nothing to compare or a replay
failed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.accuracy_logs import HALF, REPEATS, SOURCES, UNTOLD, is_there, write_log
from benchmarks.replay_ranks import read_setting
from benchmarks.same_ranks import CHECKOUT, Failed, is_checkout, run_python
from dataflows.config.config import load_config
from dataflows.evaluation.log_order import read_order
from dataflows.evaluation.metrics.bootstrap import bootstrap
from dataflows.evaluation.metrics.rank_metrics import gains
from dataflows.evaluation.replay import ReplaySettings
from dataflows.evaluation.warmup import look_at_warmup

LOGS = tuple(name for name in SOURCES if name not in (HALF, UNTOLD))
EVENTS = 20_000
FIRST = 500
WORST = -0.0010
"""The most that a log may lose, on average."""

VECTORS = CHECKOUT / ".cache" / "paired-vectors.sqlite"
WORKER = CHECKOUT / "benchmarks" / "replay_ranks.py"


class Ranks(NamedTuple):
    """The scored events of a log in their order, and what ranked them."""

    ids: list[str]
    users: np.ndarray
    ranks: np.ndarray
    made_by: dict[str, Any]


class Pairs(NamedTuple):
    """Events that were scored before and after: their users, and what each earned, `(n, 2)`."""

    users: np.ndarray
    before: np.ndarray
    after: np.ndarray

    def first(self, count: int) -> Pairs:
        return Pairs(*(column[:count] for column in self))


def ranks_of(
    checkout: Path,
    log: tuple[Path, Path | None],
    out: Path,
    limit: int,
    settings: Sequence[tuple[str, object]],
) -> Ranks:
    """Replay a log with a checkout, and keep its ranks in `out`. Raises Failed."""
    VECTORS.parent.mkdir(exist_ok=True)
    events, items = log
    options = [f"{name}={json.dumps(value)}" for name, value in settings]
    run_python(
        checkout,
        f"the replay of {checkout}",
        *("-P", WORKER, events, out, "--limit", limit, "--vectors", VECTORS),
        *(("--items", items) if items else ()),
        *(word for option in options for word in ("--set", option)),
    )
    return read_ranks(out)


def read_ranks(path: Path) -> Ranks:
    """Read the ranks that a replay left."""
    with np.load(path) as kept:
        made_by = json.loads(str(kept["made_by"]))
        return Ranks(kept["ids"].tolist(), kept["users"], kept["ranks"], made_by)


def paired(before: Ranks, after: Ranks) -> Pairs:
    """Put the two ranks of each event that both sides have scored beside each other."""
    places = {event_id: place for place, event_id in enumerate(before.ids)}
    both = [(places[e], place) for place, e in enumerate(after.ids) if e in places]
    of_before, of_after = np.array(both, dtype=np.int64).reshape(-1, 2).T
    return Pairs(
        after.users[of_after],
        gains(before.ranks[of_before], 10)[:, :2],
        gains(after.ranks[of_after], 10)[:, :2],
    )


def pooled(parts: Sequence[Pairs]) -> Pairs:
    """Put events of several logs together; their users are different people."""
    starts = np.cumsum([0, *(part.users.max(initial=-1) + 1 for part in parts)])[:-1]
    users = [part.users + start for part, start in zip(parts, starts, strict=True)]
    return Pairs(
        np.concatenate(users),
        np.concatenate([part.before for part in parts]),
        np.concatenate([part.after for part in parts]),
    )


def differences(pairs: Pairs) -> np.ndarray:
    """Return the mean of after less before, and its interval: `(2, 3)`, of HR@10 and NDCG@10."""
    less = pairs.after - pairs.before
    return np.column_stack([less.mean(axis=0), bootstrap(less, pairs.users)])


def line(what: str, pairs: Pairs) -> str:
    """Say what became of some events."""
    told = [f"  {what:<12} {len(pairs.users):>7,} events"]
    rows = zip(("HR@10", "NDCG@10"), differences(pairs), pairs.before.T, pairs.after.T, strict=True)
    for name, (mean, low, high), before, after in rows:
        change = f"{mean:+.4f} ({low:+.4f} to {high:+.4f})"
        told.append(f"{name} {before.mean():.4f} -> {after.mean():.4f}, {change}")
    return "; ".join(told)


def side(ranks: Ranks) -> str:
    """Say what made ranks."""
    return f"model {ranks.made_by['model']}, prior {ranks.made_by['prior']}"


def by_the_rule(log: Path, limit: int) -> str:
    """Return whether repeats are on: as the benchmark of accuracy has it, by its warm-up."""
    config = load_config(None, {}, {})
    order = read_order(log, config.events, limit)
    warmup = look_at_warmup(order, ReplaySettings().warmup, config.events, config.clean)
    return "on" if warmup.repeats_on("auto") else "off"


def replayed(name: str, given: argparse.Namespace) -> tuple[Ranks | None, Ranks]:
    """Return the ranks of a log before (None: nothing to compare with) and after."""
    with tempfile.TemporaryDirectory() as held:
        folder = Path(held)
        log = write_log(name, folder, given.limit)
        repeats = REPEATS.get(name) or by_the_rule(log[0], given.limit)
        common = [("encoder.name", given.encoder), ("learner.repeats", repeats)]
        out = (given.save or folder) / f"{name}.npz"
        after = ranks_of(CHECKOUT, log, out, given.limit, [*common, *given.set])
        if given.against:
            before = ranks_of(given.against, log, folder / "before.npz", given.limit, common)
            return before, after
    kept = given.before / f"{name}.npz" if given.before else None
    return read_ranks(kept) if kept and kept.is_file() else None, after


def compared(given: argparse.Namespace) -> Iterator[tuple[str, Pairs]]:
    """Replay every log and print what became of it; yield those that could be compared."""
    for name in given.logs:
        if not is_there(name):
            print(f"{name}: left out, {SOURCES[name][1]} is not there")
            continue
        started = time.perf_counter()
        before, after = replayed(name, given)
        seconds = time.perf_counter() - started
        made = f"{side(before)} -> {side(after)}" if before else side(after)
        print(f"{name}: {made}; repeats {after.made_by['repeats']} ({seconds:,.0f} s)", flush=True)
        pairs = paired(before, after) if before else None
        if pairs is None or not len(pairs.users):
            rate = gains(after.ranks, 10)[:, 0].mean()
            print(f"  {len(after.ids):,} events, HR@10 {rate:.4f}; nothing to compare with")
            continue
        print(line("all", pairs), line(f"first {FIRST}", pairs.first(FIRST)), sep="\n", flush=True)
        yield name, pairs


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    other = parser.add_mutually_exclusive_group()
    other.add_argument("--against", type=Path, metavar="DIR", help="another checkout")
    other.add_argument("--with", type=Path, metavar="DIR", dest="before", help="saved ranks")
    parser.add_argument("--save", type=Path, metavar="DIR", help="write ranks here")
    parser.add_argument("--logs", default=",".join(LOGS))
    parser.add_argument("--limit", type=int, default=EVENTS, help="events of each log")
    parser.add_argument("--encoder", default="packaged")
    parser.add_argument(
        *("--set", "--setting"),
        type=read_setting,
        action="append",
        default=[],
        metavar="section.name=value",
        help="of this checkout alone",
    )
    given = parser.parse_args()
    given.logs = given.logs.split(",")
    if unknown := set(given.logs) - set(SOURCES):
        parser.error(f"--logs: {', '.join(sorted(unknown))}: give some of {', '.join(SOURCES)}")
    if given.against and not is_checkout(given.against):
        parser.error(f"--against: no checkout of penchant in {given.against}")
    if given.before and not given.before.is_dir():
        parser.error(f"--with: no folder {given.before}; --save makes one")
    for name in ("against", "before", "save"):
        if getattr(given, name):
            setattr(given, name, getattr(given, name).resolve())
    if given.save:
        given.save.mkdir(parents=True, exist_ok=True)
    return given


def main() -> int:
    given = read_arguments()
    try:
        found = dict(compared(given))
    except Failed as failed:
        print(failed, file=sys.stderr)
        return 2
    if not found:
        return 2 if given.against or given.before else 0
    together = pooled([pairs.first(FIRST) for pairs in found.values()])
    print(f"logs together: {len(found)}", line(f"first {FIRST}", together), sep="\n")
    worse = {n: differences(pairs)[:, 0].min() for n, pairs in found.items()}
    lost = {name: least for name, least in worse.items() if least < WORST}
    said = ", ".join(f"{name} {least:+.4f}" for name, least in lost.items()) or "none"
    print(f"worse by more than {-WORST:.4f}: {said}")
    return int(bool(lost))


if __name__ == "__main__":
    sys.exit(main())
