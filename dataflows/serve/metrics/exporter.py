"""`/metrics` without the rest of HTTP: prometheus_client's own server, for `[metrics]`."""

from __future__ import annotations

import logging
import threading
from wsgiref.simple_server import WSGIServer

from prometheus_client import start_http_server

from dataflows.config.serve import MetricsSettings
from dataflows.errors import InputError
from dataflows.serve.metrics.registry import Metrics

_log = logging.getLogger(__name__)


class Exporter:
    """Tells `metrics` to whoever asks at the address of `settings`, from threads of its own."""

    def __init__(self, metrics: Metrics, settings: MetricsSettings) -> None:
        self._metrics = metrics
        self._settings = settings
        self._server: WSGIServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        """The port that it listens on, 0 before `begin`."""
        return 0 if self._server is None else self._server.server_port

    def begin(self) -> None:
        """Listen. Raises InputError where the address cannot be had."""
        host, port = self._settings.host, self._settings.port
        try:
            self._server, self._thread = start_http_server(port, host, self._metrics.registry)
        except OSError as error:
            raise InputError(
                f"metrics.host {host}, metrics.port {port}: nothing can listen there "
                f"({error.strerror or error}); free the port, or give another (0 for any)"
            ) from error
        _log.info("metrics at http://%s:%d/metrics", host, self.port)

    def finish(self) -> None:
        """Listen no longer; nothing where it never did."""
        server, self._server = self._server, None
        if server is not None and self._thread is not None:
            server.shutdown()
            server.server_close()
            self._thread.join()
