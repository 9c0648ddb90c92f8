"""The command line. Each command is thin, and imports what it needs when it is called."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from dataflows.cli.finetune import finetune
from dataflows.cli.help import command_line, listing
from dataflows.cli.intents import app as intents
from dataflows.cli.models import app as models
from dataflows.cli.options import (
    ConfigOption,
    EncoderOption,
    ItemsOption,
    LookOption,
    RoundsOption,
    read_config,
    unread_config,
)
from dataflows.cli.serve import serve
from dataflows.cli.state import app as state
from dataflows.lifecycle.exit_status import DEBUG, run_to_status
from dataflows.lifecycle.leave import end

app = typer.Typer(
    name="penchant",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
topics = typer.Typer(help="Make the Kafka topics.", rich_markup_mode=None)
app.add_typer(topics, name="topics")
app.add_typer(intents, name="intents")
app.add_typer(models, name="models")
app.add_typer(state, name="state")
app.command()(finetune)
app.command()(serve)

LogArgument = Annotated[Path, typer.Argument(help="Log of events: one JSON object a line.")]


class Repeats(StrEnum):
    """Whether items that a user already has may come back."""

    auto = "auto"
    on = "on"
    off = "off"


def main() -> None:
    """Run the command line and end the process with its status."""
    end(run_command())


def run_command() -> int:
    """Run the command line; return 0 well, 1 failed while running, 2 wrong use or input."""
    return run_to_status(_command)


def _command() -> object:
    from dataflows.lifecycle.own_packages import check_own_packages

    if not os.environ.get(DEBUG):
        # An error in a step passes through the engine's Rust, which would print its own stack.
        os.environ["RUST_BACKTRACE"] = "0"
    check_own_packages()
    command = command_line(app)
    return command(_arguments() or ["--help"], prog_name="penchant", standalone_mode=False)


def _show_version(wanted: bool) -> None:
    if wanted:
        from dataflows.lifecycle.versions import version_line

        typer.echo(version_line())
        raise typer.Exit


@app.callback()
def penchant(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the versions and exit.", callback=_show_version, is_eager=True
        ),
    ] = False,
) -> None:
    r"""Online-learning recommendations: user events in, refreshed lists out.

    \b
    Examples:
      penchant demo
      penchant replay events.jsonl --items items.jsonl
      penchant run --config penchant.toml
    """


def _arguments() -> list[str]:
    """Return the arguments of the command; a `~` that the shell left, as in `--out=~/x`, too."""
    if not any("~" in argument for argument in sys.argv[1:]):
        return sys.argv[1:]
    from dataflows.config.kinds import expanded

    parts = (argument.partition("=") for argument in sys.argv[1:])
    return [
        f"{name}{sign}{expanded(value)}" if name.startswith("--") else expanded(name + sign + value)
        for name, sign, value in parts
    ]


@app.command(cls=listing("encoder", "signal"))
def run(
    *,
    accept_items: Annotated[
        bool,
        typer.Option(
            "--accept-items",
            help="Take the items file for the whole catalogue, be it ever so short or torn.",
        ),
    ] = False,
    config: ConfigOption = None,
) -> None:
    r"""Run the long-lived process: events in, lists out, state kept.

    Files or Kafka, as the configuration says. SIGTERM or Ctrl-C stop it cleanly: lists are
    flushed and the state is written. SIGHUP opens the output files anew, SIGUSR1 has it tell
    how it is (docs/how-to/operations.md).

    An item that a changed items file no longer has leaves the catalogue. Where that would be
    more than a fifth, or the file breaks off, it is refused, and --accept-items takes it.

    \b
    Examples:
      penchant run --config penchant.toml
      penchant run --config penchant.toml --accept-items
      PENCHANT_FLOW__SOURCE=kafka penchant run
    """
    from dataflows.lifecycle.signals import hold_back

    hold_back()
    from dataflows.app.run import run as run_flow

    run_flow(read_config(config), accept_items=accept_items)


@app.command(cls=listing("encoder", "signal", "baseline"))
def replay(  # noqa: PLR0913 - a command has the options that it has
    events: LogArgument,
    *,
    items: ItemsOption = None,
    warmup: Annotated[float, typer.Option(help="Share of the log that is only learnt.")] = 0.2,
    k: Annotated[int | None, typer.Option("--k", help="Length of a list; default 10.")] = None,
    repeats: Annotated[
        Repeats | None, typer.Option(help="May come back what a user has? Default: auto.")
    ] = None,
    json_out: Annotated[
        Path | None, typer.Option("--json", help="Write the whole report here.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write the whole report here, as one page to look at.")
    ] = None,
    ranks: Annotated[
        Path | None, typer.Option(help="Write event_id, rank, candidates here, as CSV.")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Replay the first N records only.")] = None,
    seed: Annotated[int | None, typer.Option(help="Keys all randomness; default 0.")] = None,
    encoder: EncoderOption = None,
    batch_size: Annotated[int, typer.Option(help="Records of one micro-batch.")] = 32,
    against: Annotated[
        str,
        typer.Option(metavar="NAME,...|all|none", help="Baselines (docs/explanation/replay.md)."),
    ] = "popularity,popularity-decayed",
    generate: Annotated[
        bool,
        typer.Option("--generate", help="Let a model name items (docs/explanation/generation.md)."),
    ] = False,
    promote: Annotated[
        list[str] | None,
        typer.Option(
            metavar="VERSION@EVENT", help="Put this encoder in force before record EVENT."
        ),
    ] = None,
    decisions: Annotated[
        Path | None,
        typer.Option(help="Repeat these; `penchant intents history --json` writes them."),
    ] = None,
    decisions_in_events: Annotated[
        bool,
        typer.Option("--decisions-in-events", help="Take those among the events of an old log."),
    ] = False,
    config: ConfigOption = None,
) -> None:
    r"""Replay a log, ranking every event before it is learnt, and report the accuracy.

    docs/explanation/replay.md has the rules and the meaning of each figure.

    \b
    Examples:
      penchant replay events.jsonl --items items.jsonl
      penchant replay events.jsonl --html report.html
      penchant replay events.jsonl --json report.json --ranks ranks.csv
      penchant replay events.jsonl --limit 20000 --encoder hashing
      penchant replay events.jsonl --against all
      penchant replay events.jsonl --promote encoder-0001-1f3a90bc@50000
      penchant replay events.jsonl --decisions decisions.jsonl
    """
    from rich.console import Console

    from dataflows.evaluation import report
    from dataflows.evaluation.baselines.catalogue import read_names
    from dataflows.evaluation.baselines.progress import baseline_progress
    from dataflows.evaluation.made_by import made_by, title_of
    from dataflows.evaluation.planned_swaps import read_promote
    from dataflows.evaluation.replay import ReplaySettings
    from dataflows.evaluation.replay import replay as replay_log
    from dataflows.lifecycle.first_start import compiling_line

    overrides = {"learner.k": k, "learner.seed": seed, "encoder.name": encoder}
    overrides["learner.repeats"] = repeats and repeats.value
    report.check_writable(json_out, html, ranks)
    settings = ReplaySettings(
        warmup=warmup,
        limit=limit,
        batch_size=batch_size,
        against=read_names(against),
        generate=generate,
        promote=tuple(map(read_promote, promote or ())),
        decisions=None if decisions is None else str(decisions),
        decisions_in_events=decisions_in_events,
    )
    if line := compiling_line():
        typer.echo(f"penchant: {line}", err=True)
    with baseline_progress(Console(stderr=True)) as follow:
        done = replay_log(read_config(config, overrides), events, items, settings, follow=follow)
    full = {**done.report, "title": title_of(events), "run": made_by(sys.argv[1:])}
    if json_out is not None:
        report.write_json(full, json_out)
    if html is not None:
        from dataflows.evaluation.html.write import write_html

        write_html(full, html)
    if ranks is not None:
        report.write_ranks(done.scored, ranks)
    report.render(done.report, Console())


@app.command()
def check(
    events: LogArgument,
    *,
    items: ItemsOption = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 1 where there is anything to remark.")
    ] = False,
    config: ConfigOption = None,
) -> int:
    r"""Report on the quality of a log: what would be learnt, dropped or dead-lettered, and why.

    With --items the catalogue is looked at too, and which items of the events it knows. The
    exit status is 0, or 1 where nothing is usable, or 2 where a file cannot be read at all.

    \b
    Examples:
      penchant check events.jsonl
      penchant check events.jsonl --items items.jsonl
      penchant check events.jsonl --config penchant.toml --strict
    """
    from rich.console import Console

    from dataflows.evaluation.log_check.check import check_events
    from dataflows.evaluation.log_check.report import render

    report = check_events(events, read_config(config), items=items)
    render(report, Console(), unread_config(config))
    return int(not (report.is_usable and (report.is_clean or not strict)))


@app.command(cls=listing("format"))
def convert(
    format_name: Annotated[
        str,
        typer.Argument(metavar="FORMAT", help="How the log was published; see above."),
    ],
    path: Annotated[Path, typer.Argument(help="File or folder of the published log.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for the two files.")],
    shuffle: Annotated[
        int | None, typer.Option(metavar="SEED", help="Order rows by a seeded shuffle (no times).")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Write over an earlier conversion in the folder.")
    ] = False,
    encoding: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Encoding of all files; default: each one's own."),
    ] = None,
) -> None:
    r"""Convert a published log to events.jsonl and items.jsonl.

    FORMAT is one of movielens, recbole, completejourney, wikispeedia, deskdrop, serenade, nemig,
    amazon, banking77, clinc150, cais-zh, or what another package brings, which is named below.
    Told in the end: what became of every column, which rows and values could not be read, and how
    many items of the events the catalogue knows.

    \b
    Examples:
      penchant convert recbole .cache/ml-100k -o data/ml-100k
      penchant convert amazon All_Beauty_5.jsonl.gz -o data/beauty
      penchant convert banking77 banking77 -o data/banking --shuffle 0
    """
    from rich.console import Console

    from dataflows.datasets.convert import convert as convert_log
    from dataflows.datasets.output.report import render

    report = convert_log(format_name, path, out, shuffle, force=force, encoding=encoding)
    render(report, Console())
    if not report.is_usable:
        raise typer.Exit(1)


@app.command(cls=listing("encoder"))
def demo(
    log: Annotated[
        Path | None, typer.Argument(help="A log of events; without one, a simulated shop.")
    ] = None,
    items: ItemsOption = None,
    events: Annotated[
        int | None, typer.Option(help="At most so many events; the shop's default is 12000.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for lists, intents and dead letters.")] = Path(
        "demo-output"
    ),
    encoder: EncoderOption = None,
    rounds: RoundsOption = True,
    open_: LookOption = None,
) -> None:
    r"""Play a simulated shop, or a log, through the dataflow that runs live, and show it.

    Then a short round of fine-tuning of both models, and a list in words. Recommendations,
    intents and dead letters are written as JSON lines; those of an earlier demo in the same
    folder are replaced.

    \b
    Examples:
      penchant demo
      penchant demo --events 5000 --encoder hashing
      penchant demo --events 3000 --open
      penchant demo events.jsonl --items items.jsonl --out my-demo
    """
    from dataflows.cli.demo.demo import run_demo
    from dataflows.config.config import load_config

    config = load_config(None, {"encoder.name": encoder} if encoder else None)
    run_demo(log, items, events, out, config, rounds=rounds, opens=open_)


@topics.command()
def create(config: ConfigOption = None) -> None:
    r"""Make the topics that are missing, with the right settings; nothing existing is changed.

    \b
    Examples:
      penchant topics create --config penchant.toml
      PENCHANT_KAFKA__BOOTSTRAP_SERVERS=broker:9092 penchant topics create
    """
    from dataflows.connectors.kafka.topics import create_topics

    for made in create_topics(read_config(config).kafka):
        typer.echo(f"{made.topic}: {made.outcome}")
        for difference in made.differences:
            typer.echo(f"  {difference}")


@app.command()
def version() -> None:
    r"""Print the versions of penchant and of what it stands on, as --version does.

    \b
    Example:
      penchant version
    """
    _show_version(wanted=True)


if __name__ == "__main__":
    main()
