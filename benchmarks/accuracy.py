"""Accuracy per CPU second: the lists and every baseline, side by side, in the same replay.

Each log is a process of its own with one thread, replayed by the rules of
docs/explanation/replay.md with default settings, and the packaged encoder; its vectors are made
before the clock starts, and
kept in .cache. Events per CPU second are those of the live path for ours, and of answers and
learning for a baseline; hits per CPU second is that times HR@10. Lead is ours less the
baseline's over the same events; young items had fewer than five events in the stream before.

  ml-100k          MovieLens 100k
  ml-100k-half     the same, with the events on half of the items (drawn with seed 0) left out of
                   the first half: they are unseen until mid-stream, and in the catalogue always
  ml-100k-liked    the same with what its stars mean ([clean.values], as convert writes it): likes
                   alone are scored, and what that gives beside a replay that takes every rating
                   for a wish, over the same events
  completejourney, wikispeedia, deskdrop   from ../shared/data (PENCHANT_SHARED)
  wikispeedia-untold   the same without the searches that name the target of each session
  serenade         short sessions in a shop, each a user of its own, without texts
  nemig-en, nemig-de   what was read and clicked of news, in a made order: users one after the
                   other. Their catalogue is undated, so young items are those met before alone
  shop             the simulated shop

The short form replays a prefix of each log, --whole all of it; both beside all baselines that are
installed, and what is left out is said.

    python -m benchmarks.accuracy [--whole] [--events 20000] [--logs NAME,...]
        [--against NAME,...|all] [--encoder packaged] [--at-once 2] [--json OUT]
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np

from benchmarks.accuracy_logs import (
    CLICKS,
    HALF,
    LIKED,
    REPEATS,
    SOURCES,
    UNDATED,
    chosen,
    is_there,
    write_log,
)

EVENTS = 20_000
VECTORS = Path(".cache/accuracy-vectors.sqlite")
KEPT_TEXTS = 60_000
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
KEPT = (
    *("log", "k", "seed", "scored", "unscored", "users", "items", "tie_safe", "plain", "as_served"),
    *("peers", "best_peer", "best_peer_of", "repeats", "repeat_share", "candidate_recall"),
    *(
        "new_items",
        "unwanted",
        "left_out",
        "events_per_cpu_second",
        "cpu_seconds",
        "coverage",
        "versions",
    ),
    "settings",
)
LEAD_GOAL, YOUNG_GOAL = 5.0, 2.0
LEADS = ("completejourney", "wikispeedia", "deskdrop")
ML100K_GOALS = {"hr@10": 0.22, "ndcg@10": 0.112, "events_per_cpu_second": 1500.0}


def of_ours(against: str) -> tuple[str, ...]:
    """Read the names of baselines; all are all of ours, whatever other packages bring here."""
    from dataflows.evaluation.baselines.catalogue import (
        ALL,
        BASELINES,
        open_baselines,
        read_names,
    )

    names = read_names(against)
    if names != (ALL,):
        return names
    return tuple(name for name in open_baselines(names, 0).baselines if name in BASELINES)


def replay_log(name: str, events: int | None, against: str, encoder: str) -> dict[str, object]:
    """Replay one log, and give what its report says of accuracy and speed."""
    from dataflows.config.config import load_config
    from dataflows.datasets.output.report import SETTINGS
    from dataflows.evaluation.replay import ReplaySettings, replay

    overrides = {"encoder.name": encoder, "learner.repeats": REPEATS.get(name, "auto")}
    plain = load_config(None, overrides, {})
    with tempfile.TemporaryDirectory() as held:
        folder = Path(held)
        log, items = write_log(name, folder, events)
        config = load_config(folder / SETTINGS, overrides, {}) if name == LIKED else plain
        cached = warm_up(folder, log, items, events, config)
        settings = ReplaySettings(limit=events, against=of_ours(against))
        done = replay(config, log, items, settings, cached)
        found = {key: done.report[key] for key in KEPT}
        if name in CLICKS:
            found["clicks"] = clicks(done.scored, chosen(name, log, done.scored.event_ids))
        if name == LIKED:
            alone = ReplaySettings(limit=events, against=())
            without = replay(plain, log, items, alone, cached).scored
            found["liked"] = liked(done.scored, without, found["unwanted"])
    return found


def warm_up(folder: Path, log: Path, items: Path | None, events: int | None, config):
    """Compile what is compiled at the first call, and encode every text once."""
    from dataflows.datasets.shop.shop import Shop
    from dataflows.engine.encode_step import EncodeStep
    from dataflows.engine.item_store import Catalogue
    from dataflows.evaluation.log_order import read_order
    from dataflows.evaluation.offline_flow import batched, catalogue_records
    from dataflows.evaluation.replay import ReplaySettings, replay
    from encoders.backends.hashing import HashingEncoder
    from encoders.cache.cached import CachedEncoder
    from encoders.load import load_encoder

    small = folder / "small"
    small.mkdir()
    Shop(seed=1, items=60, users=20).write(small, 300)
    settings = ReplaySettings(against=())
    replay(config, small / "events.jsonl", small / "items.jsonl", settings, HashingEncoder(384))
    VECTORS.parent.mkdir(exist_ok=True)
    cached = CachedEncoder(load_encoder(config.encoder.name), KEPT_TEXTS, VECTORS)
    step = EncodeStep(cached, config.events, Catalogue(None, cached.version))
    catalogue = catalogue_records(items, config.events.max_record_bytes)
    order = read_order(log, config.events, events)
    for batch in batched(chain(catalogue, order.records()), 1000):
        step.encode(batch)
    return cached


def clicks(scored, mask: list[bool]) -> dict[str, object]:
    """Return the hit rates over some of the events, and the lead over the best baseline, paired."""
    from dataflows.evaluation.metrics.bootstrap import bootstrap
    from dataflows.evaluation.metrics.rank_metrics import gains

    kept = np.array(mask)
    hits = {n: gains(scored.column(n)[kept], 10)[:, :1] for n in ("tie_safe", *scored.baselines)}
    rates = {name: float(each.mean()) for name, each in hits.items()}
    best = max(scored.baselines, key=rates.__getitem__, default=None)
    if best is None:
        return {"events": int(kept.sum()), "hr@10": rates}
    paired = bootstrap(hits["tie_safe"] - hits[best], scored.column("user")[kept])
    return {
        "events": int(kept.sum()),
        "hr@10": rates,
        "best_peer": best,
        "lead": rates["tie_safe"] - rates[best],
        "interval": paired[0].tolist(),
    }


def liked(with_values, without, unwanted: dict[str, int]) -> dict[str, object]:
    """Return the hit rates over what was liked, with values and without, and the paired gain.

    Beside them those over what was not (`unwanted` is what the replay with values met of it),
    where fewer are better.
    """
    from dataflows.evaluation.metrics.bootstrap import bootstrap
    from dataflows.evaluation.metrics.rank_metrics import gains

    places = {event_id: place for place, event_id in enumerate(without.event_ids)}
    other = without.column("tie_safe")[[places[event_id] for event_id in with_values.event_ids]]
    hits = gains(with_values.column("tie_safe"), 10)[:, :1]
    was_liked = set(with_values.event_ids)
    not_liked = [event_id not in was_liked for event_id in without.event_ids]
    shown = gains(without.column("tie_safe")[not_liked], 10)[:, 0]
    paired = hits - gains(other, 10)[:, :1]
    return {
        "events": len(hits),
        "hr@10": {"with": float(hits.mean()), "without": float((hits - paired).mean())},
        "others": {
            "with": unwanted["hits"] / max(unwanted["events"], 1),
            "without": float(shown.mean()) if len(shown) else 0.0,
        },
        "gain": float(paired.mean()),
        "interval": bootstrap(paired, with_values.column("user"))[0].tolist(),
    }


def table(name: str, found) -> list[str]:
    """Lay out one log: every method, best first, and how far ours is ahead of it."""
    repeats = found["settings"]["repeats"]
    head = (
        f"{name}: {found['scored']:,} events scored, {found['users']:,} users, "
        f"{found['items']:,} items, repeats {repeats}, encoder {found['settings']['encoder']}"
    )
    columns = (
        f"  {'method':<20} {'HR@10':>6} {'95 %':>14} {'NDCG@10':>8} {'95 %':>14} {'cold HR':>8} "
        f"{'young HR':>8} {'lead':>8} {'95 %':>18} {'in %':>6} {'events/s':>9} {'hits/s':>7}"
    )
    lines = [head, columns]
    rows = {"penchant": {**found["tie_safe"], "speed": found["events_per_cpu_second"]}}
    for baseline, figures in found["peers"].items():
        rows[baseline] = {**figures, "speed": figures["events_per_cpu_second"]}
    for method, row in sorted(rows.items(), key=lambda pair: -(pair[1]["hr@10"] or 0)):
        lead = row.get("lead")
        ahead = f"{'':>8} {'':>18} {'':>6}"
        if lead is not None:
            more = 100 * lead["hr@10"] / row["hr@10"] if row["hr@10"] else float("inf")
            ahead = f"{lead['hr@10']:+8.4f} {span(lead, '+.4f'):>18} {more:+6.0f}"
        young = row["young"]["met"] if name in UNDATED else row["young"]
        lines.append(
            f"  {method:<20} {row['hr@10']:6.4f} {span(row):>14} {row['ndcg@10']:8.4f} "
            f"{span(row, name='ndcg@10'):>14} {number(row['cold'])} {number(young)} {ahead} "
            f"{row['speed'] or 0:9,.0f} {(row['speed'] or 0) * row['hr@10']:7,.0f}"
        )
    lines += [f"  {baseline} was left out: {why}" for baseline, why in found["left_out"].items()]
    return lines


def span(figures, form: str = ".3f", name: str = "hr@10") -> str:
    low, high = figures["interval"][name]
    return f"{low:{form}}..{high:{form}}"


def number(figures) -> str:
    return f"{'-':>8}" if figures["hr@10"] is None else f"{figures['hr@10']:8.4f}"


def verdicts(name: str, found, *, whole: bool) -> list[str]:
    """Say of each goal whether it is met by these figures."""
    said = []
    if "liked" in found:
        of = found["liked"]
        low, high = of["interval"]
        said.append(
            f"HR@10 of what was liked ({of['events']:,}): {of['hr@10']['with']:.4f}; where every "
            f"rating is a wish {of['hr@10']['without']:.4f}: {of['gain']:+.4f} "
            f"({low:+.4f}..{high:+.4f})"
        )
        others = of["others"]
        said.append(
            f"HR@10 of what was not ({found['unwanted']['events']:,}), where less is better: "
            f"{others['with']:.4f}; where every rating is a wish {others['without']:.4f}"
        )
    if found["best_peer"] is None:
        return [f"  {line}" for line in said]
    said += [against_best("HR@10", found["best_peer"], found, None, name in LEADS)]
    said += [against_best("cold HR@10", found["best_peer_of"]["cold"], found, "cold", False)]
    if "clicks" in found and "lead" in found["clicks"]:
        of = found["clicks"]
        low, high = of["interval"]
        more = 100 * of["lead"] / of["hr@10"][of["best_peer"]]
        said.append(
            f"HR@10 of clicks alone ({of['events']:,}): {of['hr@10']['tie_safe']:.4f}; the best "
            f"baseline, {of['best_peer']}, {of['hr@10'][of['best_peer']]:.4f}: {of['lead']:+.4f} "
            f"({low:+.4f}..{high:+.4f}, {more:+.1f} %): "
            f"{verdict(more >= LEAD_GOAL and low > 0)}"
        )
    if name == HALF:
        best = found["best_peer_of"]["young"]
        ours, baseline = found["tie_safe"]["young"], found["peers"][best]["young"]
        times = ours["hr@10"] / baseline["hr@10"] if baseline["hr@10"] else float("inf")
        said.append(
            f"HR@10 of items with fewer than 5 events ({ours['events']:,} events): "
            f"{ours['hr@10']:.4f}, {times:.1f} times the best baseline's "
            f"({best}, {baseline['hr@10']:.4f}); of those met before "
            f"{ours['met']['hr@10']:.4f} and {baseline['met']['hr@10']:.4f}; "
            f"goal {YOUNG_GOAL:.0f} times: {verdict(times >= YOUNG_GOAL)}"
        )
    if name == "ml-100k" and whole:
        measured = {**found["tie_safe"], "events_per_cpu_second": found["events_per_cpu_second"]}
        said += [
            f"{key} {measured[key]:.4g}, goal {goal:.4g}: {verdict(measured[key] >= goal)}"
            for key, goal in ML100K_GOALS.items()
        ]
    return [f"  {line}" for line in said]


def against_best(what: str, best: str, found, part: str | None, is_goal: bool) -> str:
    """Say how far ours is ahead of the best baseline; cold users are held to be no worse off."""
    baseline = found["peers"][best]
    ours, theirs, lead = found["tie_safe"], baseline, baseline["lead"]
    if part is not None:
        ours, theirs, lead = ours[part], theirs[part], lead[part]
    low, high = lead["interval"]["hr@10"] or (float("nan"), float("nan"))
    more = 100 * lead["hr@10"] / theirs["hr@10"] if theirs["hr@10"] else float("inf")
    line = (
        f"{what} {ours['hr@10']:.4f}; the best baseline, {best}, {theirs['hr@10']:.4f}: "
        f"{lead['hr@10']:+.4f} ({low:+.4f}..{high:+.4f}, {more:+.1f} %)"
    )
    if part is not None:
        return f"{line}; goal no worse: {verdict(high >= 0, 'not shown to be worse')}"
    if is_goal:
        return f"{line}; goal {LEAD_GOAL:.0f} %: {verdict(more >= LEAD_GOAL and low > 0)}"
    return line


def verdict(is_met: bool, met: str = "met") -> str:
    return met if is_met else "missed"


def run_alone(name: str, given: argparse.Namespace) -> dict[str, object] | None:
    """Replay one log in a process of its own; None where that failed."""
    started = time.perf_counter()
    done = subprocess.run(
        [
            *(sys.executable, "-m", "benchmarks.accuracy", "--log", name),
            *(("--whole",) if given.whole else ("--events", str(given.events))),
            *("--against", given.against, "--encoder", given.encoder),
        ],
        env=os.environ | dict.fromkeys(THREADS, "1"),
        stdout=subprocess.PIPE,
        check=False,
    )
    if done.returncode:
        print(f"{name}: failed (its process ended with {done.returncode})\n", flush=True)
        return None
    found = json.loads(done.stdout.splitlines()[-1])
    found["seconds"] = time.perf_counter() - started
    lines = [*table(name, found), *verdicts(name, found, whole=given.whole)]
    print("\n".join(lines), f"\n  {found['seconds']:,.0f} s\n", flush=True)
    return found


def read_arguments() -> argparse.Namespace:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    options.add_argument("--whole", action="store_true", help="all of each log, for a night")
    options.add_argument("--events", type=int, default=EVENTS, help="of each log's prefix")
    options.add_argument("--logs", default=",".join(SOURCES))
    options.add_argument("--against", default="all", help="default: all of ours")
    options.add_argument("--encoder", default="packaged")
    options.add_argument("--at-once", type=int, default=2, help="logs replayed side by side")
    options.add_argument("--json", type=Path)
    options.add_argument("--log", choices=SOURCES, help="this one alone, in this process")
    return options.parse_args()


def main() -> None:
    given = read_arguments()
    if given.log:
        logging.disable(logging.WARNING)  # drift is told in a report, not here
        events = None if given.whole else given.events
        print(json.dumps(replay_log(given.log, events, given.against, given.encoder)))
        return
    wanted = given.logs.split(",")
    for name in wanted:
        if name not in SOURCES:
            sys.exit(f"log {name!r} is unknown; give some of {', '.join(SOURCES)}")
        if not is_there(name):
            print(f"{name}: skipped, {SOURCES[name][1]} is not there")
    length = "all of each log" if given.whole else f"the first {given.events:,} events of each"
    print(f"{length}, seed 0, default settings, encoder {given.encoder}\n", flush=True)
    present = [name for name in wanted if is_there(name)]
    with ThreadPoolExecutor(given.at_once) as pool:
        found = dict(zip(present, pool.map(partial(run_alone, given=given), present), strict=True))
    if given.json:
        from dataflows.evaluation.made_by import made_by

        run = made_by([]) | {"command": " ".join(["python -m benchmarks.accuracy", *sys.argv[1:]])}
        given.json.write_text(json.dumps({"run": run, "logs": found}, indent=2) + "\n")
    if None in found.values():
        sys.exit(1)


if __name__ == "__main__":
    main()
