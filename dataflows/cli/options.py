"""What several commands take: the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from dataflows.config.config import Config

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", help="TOML file (docs/reference/config.md); without one: defaults."),
]
ItemsOption = Annotated[
    Path | None, typer.Option("--items", help="Catalogue: one JSON object a line.")
]
EncoderOption = Annotated[
    str | None,
    typer.Option(
        "--encoder",
        help="packaged, hashing, static:FOLDER, a folder or a hub name; default: the config's.",
    ),
]
RoundsOption = Annotated[
    bool, typer.Option(help="Tune both models on it for a moment, and show what the gate says.")
]
LookOption = Annotated[
    bool | None,
    typer.Option("--open/--stay", help="Then let it be seen until Ctrl-C, in a browser or not."),
]


USUAL = Path("penchant.toml")
"""What most people call their configuration. It is not read unless it is named."""


def read_config(path: Path | None, overrides: Mapping[str, object] | None = None) -> Config:
    """Load the configuration; what an option left out does not override it."""
    from dataflows.config.config import load_config

    if unread_config(path):
        typer.echo(f"penchant: {USUAL} lies here and is not read: give --config {USUAL}", err=True)
    given = {name: value for name, value in (overrides or {}).items() if value is not None}
    return load_config(path, given)


def unread_config(path: Path | None) -> Path | None:
    """Return the configuration that lies here and is not read, as none is named; None for none."""
    return USUAL if path is None and USUAL.is_file() else None
