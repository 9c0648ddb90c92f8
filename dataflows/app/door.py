"""HTTP inside a running process: asked of its shards, from when these are open to its end."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterable
from functools import partial

from dataflows.app.ends import FlowEnds, KafkaSide
from dataflows.app.figures import RunFigures
from dataflows.config.config import Config
from dataflows.engine.shards import Engines
from dataflows.rules.in_force import RulesInForce
from dataflows.serve.http.app import DoorApp
from dataflows.serve.http.tokens import read_tokens
from dataflows.serve.live import Following, InputLook, LiveAnswers
from dataflows.serve.live.handed_out import HandedOut
from dataflows.serve.open_backend import open_backend, open_hub
from dataflows.serve.server import Server
from learners.online_model import OnlineModel

AT_ONCE_SECONDS = 1.0
"""How long the end of a process waits for connections before it goes on beside them."""

_log = logging.getLogger(__name__)


class Door:
    """Answers over HTTP what can be asked of the shards of this process, between two events.

    `following` has to follow the flow. `start` once the shards are open, `close` before they close,
    and `finish` last of all.
    """

    def __init__(
        self,
        config: Config,
        engines: Engines[OnlineModel],
        ends: FlowEnds,
        figures: RunFigures,
        handed_out: HandedOut,
        rules: RulesInForce,
    ) -> None:
        self.following = Following(open_hub(config), handed_out)
        self._tokens = read_tokens(config.serve, os.environ)
        look = InputLook(ends.unread, ends.unit, partial(_troubles, ends.sides))
        boards = {name: one.made() for name, one in config.serve.leaderboards.items()}
        self.answers = LiveAnswers(
            engines, self.following, look, figures.status, leaderboards=boards, rules=rules
        )
        self._config = config
        self._engines = engines
        self._metrics = figures.metrics
        self._closers: list[Callable[[], object]] = []
        self._ending: threading.Thread | None = None

    def start(self) -> None:
        """Answer from now on. Raises InputError where the port cannot be had."""
        config = self._config
        backend = open_backend(
            config,
            self.answers,
            self.following.hub,
            tokens=self._tokens,
            metrics=self._metrics,
            partitions=self._partitions,
        )
        if backend.intake is not None:
            self._closers.append(backend.intake.close)
        server = Server(DoorApp(backend), config.serve)
        server.start()
        self._closers.append(server.close)
        _log.info("answers at %s", server.url)

    def close(self) -> None:
        """Answer nothing more; what is asked meanwhile is refused (503).

        Connections are let go meanwhile, so that a slow one takes none of the time in which
        messages are delivered; `finish` waits for that.
        """
        self.answers.close()
        self._ending = threading.Thread(target=self._end, name="http-end", daemon=True)
        self._ending.start()
        self._ending.join(AT_ONCE_SECONDS)

    def finish(self) -> None:
        """Wait until all connections are let go, as long as `serve.stop_seconds` allows."""
        if self._ending is not None:
            self._ending.join()

    def _end(self) -> None:
        while self._closers:
            self._closers.pop()()

    def _partitions(self) -> set[str]:
        """Return the names of all partitions that were read so far."""
        return {name for engine in self._engines.open_now() for name in dict(engine.positions)}


def _troubles(sides: Iterable[KafkaSide]) -> list[str]:
    """Say which sides of Kafka do not answer, and why."""
    return [f"Kafka {side.name}: {side.reason}" for side in sides if not side.is_good]
