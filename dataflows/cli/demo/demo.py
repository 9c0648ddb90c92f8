"""The demo: a shop, or a log that was named, through the dataflow that runs live."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import msgspec
from rich.console import Console

from dataflows.cli.demo.log import DemoLog, check_events, named_log, shop_log
from dataflows.cli.demo.people import People, describe
from dataflows.cli.demo.view import DemoView, HitRates, Scene, demo_view
from dataflows.config.config import Config, load_config
from dataflows.connectors.files.sink import TOPICS, FileSink, topic_file
from dataflows.errors import InputError
from dataflows.evaluation.baselines.catalogue import DEFAULT, open_baselines
from dataflows.evaluation.baselines.runner import BaselineRunner
from dataflows.evaluation.intent_report import intent_table
from dataflows.evaluation.judging.prequential import Prequential
from dataflows.evaluation.metrics.accuracy import accuracy
from dataflows.evaluation.metrics.rank_metrics import Ranks, gains
from dataflows.evaluation.narrow_tables import print_whole
from dataflows.evaluation.observer import ReplayObserver
from dataflows.evaluation.offline_flow import PlaySource, batched, open_engine, play
from dataflows.evaluation.report import drift_line, ledger_line, show_accuracy
from dataflows.evaluation.timing import Pace
from dataflows.hotswap.configured_encoder import load_configured
from dataflows.messages.raw import Raw
from dataflows.registry.registry import Registry
from dataflows.state.outbox import DEAD_LETTERS, INTENTS, Out
from encoders.cache.cached import CachedEncoder

SHOP_EVENTS = 12_000
BATCH = 32
RECENT = 1000
ENOUGH = 100
"""Events that must have been judged before a share of them is shown."""
CACHE = "encoder-cache.db"
MODELS = "models"


class Demo:
    """One run of the demo: what is played, and what looks on."""

    def __init__(
        self, log: DemoLog, config: Config, encoder: CachedEncoder, view: DemoView
    ) -> None:
        learner = msgspec.structs.replace(config.learner, repeats=log.repeats)
        self.config = msgspec.structs.replace(config, learner=learner)
        self.log = log
        self.encoder = encoder
        self.people = People(config.events)
        self.judge = Prequential(
            log.warmup.learnt,
            repeats_on=log.repeats == "on",
            k=config.learner.k,
            ranks_from=log.warmup.ranks_from,
        )
        self.baselines = {
            name: BaselineRunner(baseline, self.judge.trace, repeats_on=self.judge.repeats_on)
            for name, baseline in open_baselines(DEFAULT, learner.seed).baselines.items()
        }
        self.watch = ReplayObserver(self.judge, log.name, self._look)
        self.engine = open_engine(self.config, encoder, self.watch)
        self.watch.follow(self.engine.positions)
        self._sent: Counter[str] = Counter()
        self._view = view

    def run(self, out: Path) -> None:
        """Play the log to its end; the messages go to files in `out`."""
        source = PlaySource(batched(self._records(), BATCH), self.watch.pace)
        play(self.config, source, lambda done: FileSink(out, done), self.engine, self.encoder)
        self._view.show(self._scene())
        for name, runner in self.baselines.items():
            self.judge.scored.add_baseline(name, runner.finish().ranks)

    def _records(self) -> Iterator[Raw]:
        for raw in self.log.records:
            with self.watch.pace.apart():
                self.people.see(raw)
            yield raw

    def _look(self, outs: Sequence[Out]) -> None:
        self.people.hear(outs)
        self._sent.update(out.topic for out in outs)
        for runner in self.baselines.values():
            runner.advance()
        if self._view.is_due(min(self.watch.pace.records, self.log.total - 1), self.log.total):
            self._view.show(self._scene())

    def _scene(self) -> Scene:
        pace, counts = self.watch.pace, self.encoder.counts
        latency = pace.latency_ms()
        return Scene(
            done=min(pace.records, self.log.total),
            total=self.log.total,
            per_second=pace.records / pace.spent().wall if pace.records else 0.0,
            p50=latency["p50"],
            p99=latency["p99"],
            lists=self.watch.lists,
            intents=self._sent[INTENTS],
            dead_letters=self._sent[DEAD_LETTERS],
            recent=self._recent(),
            encoded=counts.misses,
            remembered=counts.hits + counts.disk_hits,
        )

    def _recent(self) -> HitRates:
        labelled, right = self.watch.intent.recent(RECENT)
        is_of_intent = not self.judge.items and labelled >= ENOUGH
        return HitRates(
            self._rate(self.judge.scored.column("tie_safe", newest=RECENT)),
            self._rate(self.baselines["popularity"].ranks(newest=RECENT)),
            right if is_of_intent else None,
        )

    def _rate(self, ranks: Ranks) -> float | None:
        if len(ranks) < ENOUGH:
            return None
        return float(gains(ranks, self.config.learner.k)[:, 0].mean())


def run_demo(
    log: Path | None = None,
    items: Path | None = None,
    events: int | None = None,
    out: Path = Path("demo-output"),
    config: Config | None = None,
    console: Console | None = None,
    *,
    rounds: bool = True,
    opens: bool | None = None,
) -> None:
    """Play the simulated shop, or `log`, and print what came of it.

    At most `events` events. With `rounds`, and where what they need is there, a short round of
    each model follows. Files of an earlier demo in `out` are replaced. Then a line says how it can
    be looked at (`opens` None), or it can be until Ctrl-C, in a browser that is opened or not.
    Raises InputError, EncoderError, LedgerError, and what training raises.
    """
    console = console or Console()
    check_events(events)
    if log is None and items is not None:
        raise InputError(f"items {items} was given without a log of events; name the log too")
    config = config or load_config()
    played = named_log(log, items, events, config) if log else shop_log(events or SHOP_EVENTS)
    _make_room(out)
    console.print(f"Loading the encoder ({config.encoder.name}) ...", highlight=False)
    inner = load_configured(config.encoder)
    with (
        closing(CachedEncoder(inner, config.encoder.cached_texts, out / CACHE)) as cached,
        demo_view(played.title, inner.version, console) as view,
    ):
        _explain(played, out, console)
        demo = Demo(played, config, cached, view)
        demo.run(out)
    demo.engine.ledger.balance()
    _summarise(demo, out, console)
    if rounds:
        _tune(demo, out, console)
    _look(demo, out, console, opens)


def _look(demo: Demo, out: Path, console: Console, opens: bool | None) -> None:
    """Say where it can be looked at, and stay there where that is wanted."""
    from dataflows.cli.demo import look

    is_there = opens is not None
    port = look.free_port() if is_there else look.PORT
    path = look.write_look(demo.log, out, demo.config, out / CACHE, port)
    if is_there:
        status = look.stay(path, port, console, opens=bool(opens))
        if status:
            raise InputError(f"what was to be looked at ended with status {status}; see above")
        return
    console.print(
        f"\nTo look at it in a browser: penchant run --config {out / look.FOLDER / path.name}, "
        f"then http://127.0.0.1:{port}/ (or at once: penchant demo --open)",
        highlight=False,
        soft_wrap=True,
    )


def _tune(demo: Demo, out: Path, console: Console) -> None:
    """Run the rounds, and put a list into words."""
    from dataflows.cli.demo import rounds as demo_rounds

    why = demo_rounds.left_out(demo.config)
    if why is not None:
        console.print(f"\nThe rounds of fine-tuning are left out: {why}", highlight=False)
        return
    shutil.rmtree(out / MODELS, ignore_errors=True)
    registry = Registry(out / MODELS)
    with tempfile.TemporaryDirectory(prefix="penchant-demo-") as held:
        log, items = demo.log.write(Path(held))
        demo_rounds.play_rounds(demo.config, log, items, registry, console)
        for person in demo.people.some(1):
            demo_rounds.play_words(demo.config, person, items, registry, console)
    console.print(
        f"\nThe versions are in {out / MODELS}: "
        f"PENCHANT_MODELS__ROOT={out / MODELS} penchant models list",
        highlight=False,
        soft_wrap=True,
    )


def _make_room(out: Path) -> None:
    """Remove the messages of an earlier demo."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        for topic in TOPICS:
            topic_file(out, topic).unlink(missing_ok=True)
    except OSError as error:
        raise InputError(
            f"{out}: cannot be written to ({error.strerror}); give another --out"
        ) from None


def _explain(log: DemoLog, out: Path, console: Console) -> None:
    console.print(
        f"Playing {log.total:,} events of {log.title} through the dataflow that runs live. "
        f"Each new text is encoded once and then remembered in {out / CACHE}, so a second run "
        f"is faster. Every event after the first fifth is ranked before it is learnt.",
        highlight=False,
    )


def _summarise(demo: Demo, out: Path, console: Console) -> None:
    k, pace = demo.config.learner.k, demo.watch.pace
    figures = accuracy(demo.judge, k, demo.config.learner.seed)
    ledger = demo.engine.ledger.as_dict()
    intent = demo.watch.intent.figures(demo.engine.model.tracker.seconds)
    report = {"log": demo.log.title, "k": k, **figures, "intent": intent}
    show_accuracy(report, console, leads=False)
    if not report["scored"] and intent["events"]:
        print_whole(intent_table(report), console)
    console.print(ledger_line(ledger), highlight=False)
    reasons = ledger["reasons"].get("dead_letter", {})
    console.print(
        "dead letters: " + (", ".join(f"{n} {word}" for word, n in reasons.items()) or "none"),
        highlight=False,
    )
    drift = drift_line(demo.engine.counts)
    speed = _speed(pace, "a list" if demo.watch.lists else "an intent") if pace.records else ""
    for line in filter(None, (drift, speed)):
        console.print(line, highlight=False)
    some = demo.people.some(3)
    if some:
        console.print("\nThree of them, at the end:", highlight=False)
    for person in some:
        lines = describe(person, demo.engine.model.item_title)
        text = "\n".join(lines)
        console.print(f"\n{text}", highlight=False, markup=False, soft_wrap=True)
    files = ", ".join(str(topic_file(out, topic)) for topic in TOPICS)
    console.print(f"\nAll messages: {files}", highlight=False, soft_wrap=True)


def _speed(pace: Pace, what: str) -> str:
    latency = pace.latency_ms()
    return (
        f"speed: {pace.records / pace.spent().wall:,.0f} events/s, encoding included; {what} "
        f"{latency['p50']:.0f} ms after its micro-batch of {BATCH} (p99 {latency['p99']:.0f} ms)"
    )
