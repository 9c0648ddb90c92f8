"""The commands of `penchant intents`."""

from __future__ import annotations

from typing import Annotated

import typer

from dataflows.cli.options import ConfigOption, read_config

app = typer.Typer(
    help="Look at the labels of intent in the state, and decide on them.", rich_markup_mode=None
)
ForceOption = Annotated[
    bool, typer.Option("--force", help="Send it even where the state's last commit has no such.")
]
ShardOption = Annotated[int | None, typer.Option(help="Only in this shard; default: in all.")]


@app.command("list")
def show(
    config: ConfigOption = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    r"""List the known labels, and the clusters of events that fit none, as of the last commit.

    \b
    Examples:
      penchant intents list --config penchant.toml
      penchant intents list --json
    """
    from rich.console import Console

    from dataflows.cli import intent_labels

    found = intent_labels.overviews(read_config(config))
    if as_json:
        typer.echo(intent_labels.as_json(found))
    else:
        intent_labels.show(found, Console())


@app.command()
def name(
    label: str,
    new: str,
    config: ConfigOption = None,
    shard: ShardOption = None,
    *,
    force: ForceOption = False,
) -> None:
    r"""Call a label by another name; events that still carry the old one are learnt under it.

    \b
    Example:
      penchant intents name card_swallowed "card swallowed"
    """
    _decide(config, shard, force, do="name", intent=label, into=new)


@app.command()
def merge(
    label: str,
    into: str,
    config: ConfigOption = None,
    shard: ShardOption = None,
    *,
    force: ForceOption = False,
) -> None:
    r"""Let a label count for another one; events that still carry it are learnt under that.

    \b
    Example:
      penchant intents merge top_up_failed top_up_reverted
    """
    _decide(config, shard, force, do="merge", intent=label, into=into)


@app.command()
def promote(
    cluster: int,
    name: str,
    config: ConfigOption = None,
    shard: ShardOption = None,
    *,
    force: ForceOption = False,
) -> None:
    r"""Make a cluster that has emerged a label of this name.

    \b
    Example:
      penchant intents promote 12 "refund not showing up"
    """
    _decide(config, shard, force, do="promote", intent=name, cluster=cluster)


@app.command()
def retire(
    label: str,
    config: ConfigOption = None,
    shard: ShardOption = None,
    *,
    force: ForceOption = False,
) -> None:
    r"""Forget a label; events that still carry it are learnt as if they carried none.

    \b
    Example:
      penchant intents retire old_campaign
    """
    _decide(config, shard, force, do="retire", intent=label)


@app.command()
def history(
    config: ConfigOption = None,
    shard: ShardOption = None,
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON lines, as `penchant replay` takes them.")
    ] = False,
) -> None:
    r"""List the decisions that were carried out, and from which learnt event on each holds.

    \b
    Examples:
      penchant intents history --config penchant.toml
      penchant intents history --json > decisions.jsonl
      penchant replay events.jsonl --decisions decisions.jsonl
    """
    from rich.console import Console

    from dataflows.cli import intent_labels
    from dataflows.engine.decisions.history import as_line

    found = intent_labels.history(read_config(config), shard)
    if not as_json:
        intent_labels.show_history(found, Console())
        return
    for number, applied in found.items():
        for one in applied:
            typer.echo(as_line(number, one))


def _decide(config: ConfigOption, shard: int | None, force: bool, **control: object) -> None:
    import msgspec

    from dataflows.cli.intent_labels import decide
    from learners.intent.decisions import Control

    decided = msgspec.convert(control, Control)
    typer.echo(decide(read_config(config), decided, shard, unchecked=force))
