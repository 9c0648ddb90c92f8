"""The commands of `penchant models`."""

from __future__ import annotations

import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dataflows.cli.options import ConfigOption, read_config

if TYPE_CHECKING:
    from dataflows.config.config import Config
    from dataflows.registry.manifest import Promotion
    from dataflows.registry.registry import Registry

app = typer.Typer(
    help="Look at the versions of models, put one in force, go back.", rich_markup_mode=None
)
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why, kept with the promotion.")]
VersionArgument = Annotated[
    str, typer.Argument(metavar="VERSION", help="Its whole id, or the name it was given.")
]


class KindName(StrEnum):
    """What a version is a model of."""

    encoder = "encoder"
    language = "language"


class SmallFormName(StrEnum):
    """What an encoder can be compressed to."""

    int8 = "int8"
    static = "static"


KindArgument = Annotated[KindName, typer.Argument(help="What kind of model goes back.")]


@app.command("list")
def show_all(
    config: ConfigOption = None,
    *,
    kind: Annotated[KindName | None, typer.Option(help="Only these.")] = None,
    as_json: JsonOption = False,
) -> None:
    r"""List the versions with the gate's figures, which is in force, promotions and decisions.

    \b
    Examples:
      penchant models list --config penchant.toml
      penchant models list --kind encoder --json
    """
    import json

    from rich.console import Console

    from dataflows.cli import models_view
    from dataflows.registry.manifest import KINDS

    registry = _registry(read_config(config))
    versions = registry.versions(None if kind is None else kind.value)
    lines = {one: registry.line(one) for one in KINDS}
    if as_json:
        rows = [models_view.as_builtins(one, lines[one.kind]) for one in versions]
        typer.echo(json.dumps(rows, indent=2))
    else:
        models_view.show_all(
            versions, lines, registry.promotions(), registry.decisions(), Console()
        )


@app.command()
def show(
    version: VersionArgument, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    r"""Show all that is known of a version: origin, data, settings, figures, the gate's result.

    \b
    Examples:
      penchant models show encoder-0007-1f3a90bc
      penchant models show encoder-0007-1f3a90bc --json
    """
    import json

    from rich.console import Console

    from dataflows.cli import models_view

    registry = _registry(read_config(config))
    one = registry.get(version)
    line = registry.line(one.kind)
    if as_json:
        typer.echo(json.dumps(models_view.as_builtins(one, line), indent=2))
    else:
        models_view.show_one(one, line, Console())


@app.command()
def promote(
    version: VersionArgument,
    config: ConfigOption = None,
    *,
    reason: ReasonOption = "promoted by hand",
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Even where the gate refused it, or was not asked.")
    ] = False,
) -> None:
    r"""Verify a version and put it in force; a running flow takes it up without a restart.

    \b
    Examples:
      penchant models promote encoder-0007-1f3a90bc --config penchant.toml
      penchant models promote encoder-0007-1f3a90bc --anyway --reason "a trial"
    """
    chosen = read_config(config)
    registry = _registry(chosen)
    _tell(chosen, registry, registry.promote(version, reason, time.time(), anyway=anyway))


@app.command()
def rollback(
    kind: KindArgument,
    config: ConfigOption = None,
    *,
    to: Annotated[
        str | None,
        typer.Option(
            metavar="VERSION|base", help="How far; `base` is the configured model. Default: one."
        ),
    ] = None,
    reason: ReasonOption = "rolled back by hand",
) -> None:
    r"""Go back to the version that was in force before; a running flow does so in seconds.

    \b
    Examples:
      penchant models rollback encoder --config penchant.toml
      penchant models rollback encoder --to base --reason "lists got odd"
    """
    chosen = read_config(config)
    registry = _registry(chosen)
    target = "" if to == "base" else to
    _tell(chosen, registry, registry.rollback(kind.value, reason, time.time(), target))


@app.command()
def gc(
    config: ConfigOption = None,
    *,
    keep: Annotated[
        int | None,
        typer.Option(help="Newest versions of each kind that stay; default: the config's."),
    ] = None,
) -> None:
    r"""Remove old versions, and what a writer that was killed left behind.

    Those in force stay, those before them, and what their adapters were trained upon.

    \b
    Examples:
      penchant models gc --config penchant.toml
      penchant models gc --keep 2
    """
    chosen = read_config(config)
    gone = _registry(chosen).gc(chosen.models.keep if keep is None else keep)
    for version in gone:
        typer.echo(f"removed {version}")
    typer.echo(f"{len(gone)} removed")


@app.command()
def compress(
    version: Annotated[
        str, typer.Argument(metavar="VERSION|base", help="`base` is the configured encoder.")
    ],
    form: Annotated[SmallFormName, typer.Option(help="What it is made into.")],
    config: ConfigOption = None,
    *,
    events: Annotated[
        Path | None, typer.Option(help="Log to judge by; default: what fine-tuning has kept.")
    ] = None,
    items: Annotated[Path | None, typer.Option(help="The catalogue of that log.")] = None,
) -> None:
    r"""Make a smaller, faster form of an encoder: a version of its own, judged by the gate.

    int8 keeps neighbourhoods and classes; static is for very high rates of labelled intent
    (docs/how-to/models.md has the figures). Nothing is promoted.

    \b
    Examples:
      penchant models compress encoder-0007-1f3a90bc --form int8
      penchant models compress base --form int8 --events events.jsonl
    """
    from rich.console import Console

    from dataflows.cli import models_view
    from dataflows.finetune import compress as making
    from dataflows.finetune.encoder.tuner import EncoderTuner
    from dataflows.finetune.newest_window import newest_window
    from dataflows.finetune.rounds.process import limit_threads
    from dataflows.finetune.rounds.view import describe_step
    from dataflows.finetune.window.window import split

    chosen = read_config(config)
    limit_threads(chosen.finetune.threads)
    registry = _registry(chosen)
    source = making.source_of(registry, version, chosen.encoder.name)
    parted = split(newest_window(chosen, events, items), chosen.finetune.newest_share)
    tuner = EncoderTuner(chosen)
    console = Console(stderr=True)
    with console.status("") as status:
        made, decision = making.compress(
            source,
            form.value,
            parted,
            registry,
            tuner,
            chosen.gate,
            tell=lambda step: status.update(describe_step(step)),
        )
    models_view.show_one(made, registry.line("encoder"), Console())
    if decision.is_promoted:
        typer.echo(f"put it in force with: penchant models promote {made.id}")


def _registry(config: Config) -> Registry:
    from dataflows.registry.registry import open_registry

    return open_registry(config)


def _tell(config: Config, registry: Registry, promotion: Promotion) -> None:
    from dataflows.registry.announce import announce

    typer.echo(
        f"{promotion.kind}: {promotion.version or 'the configured model'} is in force, "
        f"{promotion.previous or 'the configured model'} was before"
    )
    if announce(config, registry, promotion):
        typer.echo(f"announced on the topic {config.kafka.promotions_topic}")
