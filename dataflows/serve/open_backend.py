"""What answers over HTTP, put together by the configuration, whoever the source is."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from dataflows.config.config import Config
from dataflows.registry.announce import announce
from dataflows.registry.registry import open_registry
from dataflows.serve.answers import AnswerSource
from dataflows.serve.changes import ChangeHub
from dataflows.serve.http.call import Backend, no_metrics, observe_nothing
from dataflows.serve.http.static import StaticFile
from dataflows.serve.http.tokens import Tokens, read_tokens
from dataflows.serve.intake.open import open_destination
from dataflows.serve.metrics.registry import Metrics
from dataflows.serve.page import page_files
from dataflows.serve.stored.live_process import LiveProcess


def open_hub(config: Config) -> ChangeHub:
    """Return the hub of changes that the configuration asks for."""
    of = config.serve
    return ChangeHub(of.stream_kept, of.stream_queued, of.stream_clients)


def open_backend(
    config: Config,
    source: AnswerSource,
    hub: ChangeHub,
    *,
    tokens: Tokens | None = None,
    metrics: Metrics | None = None,
    live: LiveProcess | None = None,
    partitions: Callable[[], Iterable[str]] | None = None,
    files: Mapping[str, StaticFile] | None = None,
) -> Backend:
    """Return what answers from `source`; its `intake` is to be closed at the end.

    `hub` has to be told of changed lists. `live` is asked what the source cannot answer;
    `partitions` names what was read so far (default: what the source tells); `files` are served as
    they are, by path (default: the page). Raises InputError for tokens that are none, and where
    others than this machine could ask without one.
    """
    if metrics is not None:
        metrics.http.hub = hub
    return Backend(
        source=source,
        settings=config.serve,
        events=config.events,
        tokens=read_tokens(config.serve, os.environ) if tokens is None else tokens,
        hub=hub,
        intake=open_destination(config, partitions or (lambda: source.readiness().as_of)),
        live=live,
        observe=observe_nothing if metrics is None else metrics.http.observe,
        metrics=no_metrics if metrics is None else metrics.text,
        files=page_files() if files is None else files,
        registry=partial(open_registry, config),
        announce=partial(announce, config),
    )
