"""Fine-tuning from the stream itself: one round of each model, its gate, and what comes after.

For each log, with default settings: one round of the encoder and one of the language model on
the newest events of a prefix, as `penchant finetune --once` does it, each in a process of its own
with two threads. Before and after are what the gate measured on the newest fifth of the window,
which was never trained on, with 95 % intervals, paired, whole users drawn. A promoted encoder
then goes live: the events behind the prefix are replayed with the switch at their first one, and
without, and compared event by event; as often as the gate does (`gate.pairs`), with other first
weights of the network that ranks, and what an event gets is the mean.

  ml-100k   MovieLens 100k, the first 50,000 events, then 10,000 more
  shop      the simulated shop, 24,000 events, then 12,000 more

    python -m benchmarks.llm [--logs NAME,...] [--kinds encoder,language] [--threads 2]
        [--no-live] [--root FOLDER] [--json OUT]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.accuracy_logs import SOURCES, is_there, write_log

PREFIX = {"ml-100k": 50_000, "shop": 24_000}
AFTER = {"ml-100k": 10_000, "shop": 12_000}
KINDS = ("encoder", "language")
ROUND_MINUTES = 20.0
KEPT_TEXTS = 100_000
POINTS = -0.005
"""How much of HR@10 the interval of the lists may reach below zero after a switch."""


def play_round(kind: str, log: Path, items: Path, limit: int, root: Path, threads: int):
    """Do a round in this process, and give its decision with the time and memory it took."""
    import resource

    import msgspec

    from dataflows.config.config import load_config
    from dataflows.finetune.rounds.once import run_once
    from dataflows.registry.registry import Registry

    config = load_config(None, {"finetune.threads": threads}, {})
    began, cpu = time.monotonic(), time.process_time()
    decision = run_once(config, log, items, kind, Registry(root), limit=limit)
    return msgspec.to_builtins(decision) | {
        "wall_seconds": time.monotonic() - began,
        "cpu_seconds": time.process_time() - cpu,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def play_twins(log: Path, items: Path, name: str, root: Path, version: str):
    """Replay what follows with the switch and without."""
    import msgspec

    from dataflows.config.config import load_config
    from dataflows.evaluation.paired_replay import twins
    from dataflows.evaluation.replay import ReplaySettings
    from dataflows.registry.registry import open_registry
    from encoders.cache.cached import CachedEncoder
    from encoders.load import load_encoder

    config = load_config(None, {"models.root": str(root)}, {})
    place = PREFIX[name]
    settings = ReplaySettings(limit=place + AFTER[name], against=())
    encoder = CachedEncoder(load_encoder(config.encoder.name), KEPT_TEXTS)
    folder = open_registry(config).fetch(version)
    loaded = CachedEncoder(load_encoder(str(folder)), KEPT_TEXTS)
    done = twins(
        config,
        log,
        items,
        (place, version),
        settings,
        encoder=encoder,
        versions={version: loaded},
        pairs=config.gate.pairs,
    )
    return msgspec.to_builtins(done)


def alone(arguments: list[str]):
    """Run one part in a process of its own, and give what it found; None where it failed."""
    with tempfile.TemporaryDirectory() as held:
        out = Path(held) / "found.json"
        command = [sys.executable, "-m", "benchmarks.llm", *arguments, "--json", str(out)]
        status = subprocess.run(command, check=False).returncode
        return json.loads(out.read_text()) if status == 0 else None


def goals(kind: str, found) -> list[tuple[str, str, bool]]:
    """Return (goal, value, met) of a round."""
    figures, minutes = found["evidence"]["figures"], found["wall_seconds"] / 60
    rows = [
        (
            f"within {ROUND_MINUTES:.0f} min, gate included",
            f"{minutes:.1f} min",
            minutes < ROUND_MINUTES,
        )
    ]
    if kind == "encoder":
        recall = figures["recall@10"]
        more = recall["after"] / recall["before"] - 1 if recall["before"] else 0.0
        rows.append(("recall@10 up by 30 %", f"{more:+.0%}", more >= 0.3))
        unseen = figures.get("log_rank_unseen")
        if unseen is not None:
            told = interval(unseen)
            rows.append(("items unseen in training no worse", told, unseen["gain"] >= 0))
    else:
        loss, rank = figures["next_loss"], figures["log_rank"]
        less = 1 - loss["after"] / loss["before"]
        rows += [
            ("held-out loss down by 40 %", f"{-less:+.0%}", less >= 0.4),
            ("-log2(rank) among 50 up, interval above 0", interval(rank), rank["low"] > 0),
        ]
    return rows


def live_goals(found) -> list[tuple[str, str, bool]]:
    content, lists = found["content"], found["lists"]
    return [
        ("content signal better, interval above 0", interval(content), content["low"] > 0),
        ("lists: interval above -0.5 points", interval(lists), lists["low"] > POINTS),
    ]


def interval(figure) -> str:
    return f"{figure['gain']:+.4f} [{figure['low']:+.4f}, {figure['high']:+.4f}]"


def show(title: str, figures, rows) -> None:
    """Print figures before and after, then the goals."""
    print(f"\n{title}")
    if figures:
        print(f"  {'figure':<28} {'before':>9} {'after':>9}  gain, 95 % interval")
    for name, figure in figures.items():
        told = interval(figure)
        print(f"  {name:<28} {figure['before']:>9.4f} {figure['after']:>9.4f}  {told}")
    for goal, value, met in rows:
        print(f"  {'met   ' if met else 'MISSED'} {goal}: {value}")
    sys.stdout.flush()


def play_log(name: str, folder: Path, root: Path, given) -> dict[str, object]:
    """Do all that was asked for on one log."""
    log, items = write_log(name, folder, PREFIX[name] + AFTER[name])
    found: dict[str, object] = {}
    for kind in given.kinds.split(","):
        asked = ["round", kind, str(log), str(items), str(PREFIX[name]), str(root)]
        made = alone(["--one", *asked, "--threads", str(given.threads)])
        found[kind] = made
        if made is None:
            print(f"\n{name}, {kind}: the round failed")
            continue
        rows = goals(kind, made) if made["evidence"]["figures"] else []
        title = (
            f"{name}, {kind}: {made['verdict']} ({'; '.join(made['reasons']) or made['candidate']})"
            f", {made['evidence']['events']:,} events judged, {made['cpu_seconds']:.0f} CPU s, "
            f"{made['peak_mib']:,.0f} MiB"
        )
        show(title, made["evidence"]["figures"], rows)
    encoder = found.get("encoder")
    if encoder and encoder["verdict"] == "promote" and not given.no_live:
        asked = ["live", str(log), str(items), name, str(root), encoder["candidate"]]
        after = alone(["--one", *asked])
        found["live"] = after
        if after is not None:
            told = {key: after[key] for key in ("content", "lists")}
            title = f"{name}, live: {after['version']} from event {after['event']:,} on"
            show(title, told, live_goals(after))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--logs", default="ml-100k,shop")
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--no-live", action="store_true", help="leave out the twin replays")
    parser.add_argument("--root", type=Path, help="keep the versions here")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--one", nargs="+", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        part, *rest = given.one
        if part == "round":
            kind, log, items, limit, root = rest
            made = play_round(kind, Path(log), Path(items), int(limit), Path(root), given.threads)
        else:
            log, items, name, root, version = rest
            made = play_twins(Path(log), Path(items), name, Path(root), version)
        given.json.write_text(json.dumps(made))
        return
    found = {}
    for name in given.logs.split(","):
        if not is_there(name):
            print(f"{name}: skipped, {SOURCES[name][1]} is not there")
            continue
        with tempfile.TemporaryDirectory() as held:
            root = (given.root or Path(held)) / name
            found[name] = play_log(name, Path(held), root, given)
    if given.json:
        from dataflows.evaluation.made_by import made_by

        run = made_by([]) | {"command": " ".join(["python -m benchmarks.llm", *sys.argv[1:]])}
        given.json.write_text(json.dumps({"run": run, "logs": found}, indent=2) + "\n")
    if any(None in each.values() for each in found.values()):
        sys.exit(1)


if __name__ == "__main__":
    main()
