"""The commands of `penchant state`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dataflows.cli.options import ConfigOption, read_config

if TYPE_CHECKING:
    from rich.console import Console

    from dataflows.cli.state_check import ShardCheck

app = typer.Typer(help="Check the state, back it up, put a backup in place.", rich_markup_mode=None)


@app.command()
def check(
    config: ConfigOption = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    r"""Look through the whole state: pages, checksums, records. Exit status 1 where it is damaged.

    It changes nothing, and works beside a running process.

    \b
    Examples:
      penchant state check --config penchant.toml
      penchant state check --json
    """
    import msgspec
    from rich.console import Console

    from dataflows.cli.state_check import look

    looked = look(Path(read_config(config).state.path))
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(looked)).decode())
    else:
        for one in looked:
            _show(one, Console())
    if any(one.damages for one in looked):
        raise typer.Exit(1)


@app.command()
def backup(
    target: Annotated[Path, typer.Argument(metavar="FOLDER", help="New, or empty.")],
    config: ConfigOption = None,
) -> None:
    r"""Copy the state to a folder, as of its last commit; works beside a running process.

    The copy is looked through before it counts. Nothing is overwritten.

    \b
    Examples:
      penchant state backup /backups/penchant-monday --config penchant.toml
      penchant state backup "/backups/penchant-$(date +%F)"
    """
    from dataflows.cli.state_copy import backup as copy_out

    for path in copy_out(Path(read_config(config).state.path), target):
        typer.echo(f"{path}: {path.stat().st_size:,} bytes")


@app.command()
def restore(
    source: Annotated[Path, typer.Argument(metavar="FOLDER", help="A backup.")],
    config: ConfigOption = None,
    *,
    replace: Annotated[
        bool, typer.Option("--replace", help="Move a state that is there aside.")
    ] = False,
) -> None:
    r"""Put a backup in place of the state, while no process has it open.

    The next run goes on from the positions in the backup.

    \b
    Examples:
      penchant state restore /backups/penchant-monday --config penchant.toml
      penchant state restore /backups/penchant-monday --replace
    """
    from dataflows.cli.state_copy import restore as copy_in

    state = Path(read_config(config).state.path)
    aside = copy_in(source, state, replace=replace)
    typer.echo(f"{state}: the state of {source} is in place")
    if aside is not None:
        typer.echo(f"{aside}: the state that was there")


def _show(looked: ShardCheck, console: Console) -> None:
    from rich.table import Table

    marked = "" if looked.is_marked else ", not yet marked as complete"
    console.print(
        f"{looked.file}: {looked.bytes:,} bytes, commit {looked.commits:,}{marked}",
        highlight=False,
        soft_wrap=True,
    )
    table = Table("kind", box=None, pad_edge=False)
    for name in ("records", "bytes", "with a checksum"):
        table.add_column(name, justify="right")
    for kind, held in sorted(looked.kinds.items()):
        table.add_row(kind, f"{held.records:,}", f"{held.bytes:,}", f"{held.summed:,}")
    if looked.kinds:
        console.print(table)
    for damage in looked.damages:
        console.print(f"DAMAGED: {damage}", highlight=False, soft_wrap=True, markup=False)
    if looked.more:
        console.print(f"and {looked.more:,} damages more", highlight=False)
    if not looked.damages:
        console.print("nothing is damaged", highlight=False)
