"""The command `penchant finetune`."""

from __future__ import annotations

from typing import Annotated

import typer

from dataflows.cli.options import ConfigOption, read_config


def finetune(
    *,
    once: Annotated[
        bool, typer.Option("--once", help="One round of each model on what is new, then end.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    r"""Tune encoder and language model on the stream, in the background; promote what wins.

    Reads the same events as `penchant run`, from positions of its own. `penchant run` starts
    it as a child where the configuration says `finetune.enabled`. docs/how-to/finetune.md has the
    rules by which a new version goes live.

    \b
    Examples:
      penchant finetune --once --config penchant.toml
      PENCHANT_FINETUNE__MODELS=encoder penchant finetune
    """
    import os

    from dataflows.lifecycle.signals import hold_back

    hold_back()
    from dataflows.finetune.rounds.view import describe_decision
    from dataflows.finetune.run import finetune as run_flow

    settings = read_config(config)
    os.nice(settings.finetune.nice)
    decisions = run_flow(settings, once=once)
    for decision in decisions:
        typer.echo(f"{decision.kind}: {describe_decision(decision)}")
    if once and not decisions:
        typer.echo("nothing new since the last round")
