"""The command `penchant serve`."""

from __future__ import annotations

from typing import Annotated

import typer

from dataflows.cli.options import ConfigOption, read_config


def serve(
    config: ConfigOption = None,
    *,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on; default: the config's.")
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="Port to listen on, 0 for a free one; default: the config's.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Processes that share the port; default: the config's.")
    ] = None,
    accept_items: Annotated[
        bool,
        typer.Option(
            "--accept-items",
            help="Take the items file for the whole catalogue, be it ever so short or torn.",
        ),
    ] = False,
) -> int:
    r"""Answer over HTTP from what a `penchant run` sends, and take in events and items.

    It follows the topics or files of lists, intents, narratives and items. Any number of them
    may run beside one `penchant run`, which answers by itself too where serve.enabled is set
    (docs/how-to/serve.md). SIGTERM or Ctrl-C stop it cleanly.

    \b
    Examples:
      penchant serve --config penchant.toml
      penchant serve --config penchant.toml --port 8080 --workers 2
    """
    from dataflows.lifecycle.signals import hold_back

    hold_back()
    from dataflows.app.serve import serve as serve_by

    overrides = {"serve.host": host, "serve.port": port, "serve.workers": workers}
    return serve_by(read_config(config, overrides), accept_items=accept_items)
