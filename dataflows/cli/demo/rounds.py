"""The end of the demo: one short round of both models on what was played, and a list in words.

Shorter than any real round, so the gate may well refuse what comes of it; either way its
figures are shown.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from dataflows.cli.demo.people import Person
from dataflows.config.config import Config
from dataflows.config.finetune import Kind
from dataflows.errors import InputError
from dataflows.evaluation.offline_flow import catalogue_records
from dataflows.finetune.language.evaluate import QuestionBudget
from dataflows.finetune.preconditions import check_tunable
from dataflows.finetune.tuner import StageProgress, Tuner
from dataflows.generation.open import check_model
from dataflows.messages.items import ItemRecord, decode_item
from dataflows.registry.decisions import GateDecision, PairedMeasure
from dataflows.registry.registry import Registry

WINDOW = 3_000
ASKED = QuestionBudget(following=14, least=14, check=8, intents=8, generated=4, seconds=30.0)
SHORT: dict[str, dict[str, object]] = {
    "finetune": {"window_events": WINDOW, "threads": min(2, os.cpu_count() or 1)},
    "tuning": {"steps": 24, "batch_size": 32, "others": 16, "max_seconds": 40.0},
    "language": {
        "steps": 40,
        "max_tokens": 96,
        "layers": 0.3,
        "max_seconds": 30.0,
    },
    "gate": {"least_events": 14, "pairs": 1},
}
"""What makes the rounds of the demo short, by section of the configuration."""

SHOWN_FIGURES = {
    "encoder": ("log_rank", "recall@10", "log_rank_unseen", "pipeline_hit_rate"),
    "language": ("next_loss", "log_rank"),
}
NAMES = {
    "log_rank": "-log2(rank) of the next item",
    "recall@10": "recall@10, by meaning alone",
    "log_rank_unseen": "-log2(rank), items unseen in training",
    "pipeline_hit_rate": "HR@10 of the whole recommender",
    "next_loss": "loss of the next title (nats a token)",
}


def left_out(config: Config) -> str | None:
    """Return why there will be no rounds; None where there will be."""
    try:
        check_tunable(config)
        check_model(config.generate.model)
    except InputError as error:
        return str(error)
    return None


def short(config: Config) -> Config:
    """Return the configuration of a short round."""
    changed = {
        section: msgspec.structs.replace(getattr(config, section), **fields)
        for section, fields in SHORT.items()
    }
    return msgspec.structs.replace(config, **changed)


def play_rounds(
    config: Config, log: Path, items: Path | None, registry: Registry, console: Console
) -> None:
    """Run a short round of each model on the newest events of a log, and show what came of it."""
    from dataflows.finetune.choose_tuner import tuner_for
    from dataflows.finetune.language.tuner import LanguageTuner
    from dataflows.finetune.rounds.once import run_once

    config = short(config)
    tuners: dict[Kind, Callable[[], Tuner]] = {
        "encoder": lambda: tuner_for(config, "encoder"),
        "language": lambda: LanguageTuner(config, asked=ASKED),
    }
    for kind, make in tuners.items():
        began = time.monotonic()
        console.print(
            f"\nA short round of the {kind} model on the newest {WINDOW:,} events ...",
            highlight=False,
        )
        with console.status("") as status:

            def tell(step: StageProgress, show: Callable[[str], None] = status.update) -> None:
                far = f" {step.done:,.0f} of {step.total:,.0f}" if step.total else ""
                show(f"{step.stage}{far} {step.note}")

            decision = run_once(config, log, items, kind, registry, tuner=make(), tell=tell)
        _show(decision, time.monotonic() - began, console)


def _show(decision: GateDecision, seconds: float, console: Console) -> None:
    table = Table("figure", "before", "after", "gain, 95 % interval")
    for name in SHOWN_FIGURES[decision.kind]:
        figure = decision.evidence.figures.get(name)
        if figure is not None:
            table.add_row(NAMES[name], *_cells(figure))
    console.print(table)
    outcome = "; ".join(decision.reasons) or f"{decision.candidate} is in force"
    console.print(f"the gate: {decision.verdict}, {outcome} ({seconds:.0f} s)", highlight=False)


def _cells(figure: PairedMeasure) -> tuple[str, str, str]:
    interval = f"{figure.gain:+.3f} [{figure.low:+.3f}, {figure.high:+.3f}]"
    return f"{figure.before:.3f}", f"{figure.after:.3f}", interval


def play_words(
    config: Config, person: Person, items: Path | None, registry: Registry, console: Console
) -> None:
    """Put one list into words, by the language model in force."""
    from dataflows.generation.narrator import narrate
    from encoders.llm.load import load_language_model

    records = _records(items, config)
    offered = person.offered.items if person.offered is not None else ()
    listed = [records[entry.item_id] for entry in offered[:5] if entry.item_id in records]
    if not listed:
        return
    current = registry.current("language")
    adapter = None if current is None else registry.fetch(current.id)
    generate = config.generate
    model = load_language_model(generate.model, adapter=adapter, revision=generate.revision)
    need = person.intents.top if person.intents is not None else None
    words = narrate(model, listed, need or "", records.values())
    console.print(f"\nThe list of {person.user_id} in words ({model.version}):", highlight=False)
    lines = [f"{words.headline.text}  ({words.headline.by})"]
    for title, reason in zip(words.titles, words.reasons, strict=True):
        lines.append(f"  {title}: {reason.text}  ({reason.by})")
    console.print("\n".join(lines), highlight=False, markup=False, soft_wrap=True)


def _records(items: Path | None, config: Config) -> dict[str, ItemRecord]:
    decoded = (
        decode_item(raw, config.events)
        for raw in catalogue_records(items, config.events.max_record_bytes)
    )
    return {one.item_id: one for one in decoded if isinstance(one, ItemRecord)}
