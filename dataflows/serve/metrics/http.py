"""What is counted of HTTP: requests and their time, and who follows the stream of changes."""

from __future__ import annotations

from dataflows.engine.status.histogram import SecondsHistogram
from dataflows.serve.changes import ChangeHub
from dataflows.serve.metrics.families import Families

OTHER = "other"
"""The route of a request that no route is for: what is asked names no label."""


class HttpMetrics:
    """Counts requests by method, template of the route and status.

    `hub` is what the stream of changes is told by, if there is one. To be observed by one thread.
    """

    def __init__(self) -> None:
        self.hub: ChangeHub | None = None
        self._requests: dict[tuple[str, str, int], int] = {}
        self._seconds: dict[tuple[str, str], SecondsHistogram] = {}

    def observe(self, method: str, route: str | None, status: int, seconds: float) -> None:
        """Count a request that was answered; `route` is a template such as `/v1/items/{id}`.

        None is for a path that is no route. Methods and routes must be known ones.
        """
        route = OTHER if route is None else route
        key = (method, route, status)
        self._requests[key] = self._requests.get(key, 0) + 1
        histogram = self._seconds.get((method, route))
        if histogram is None:
            histogram = self._seconds[method, route] = SecondsHistogram()
        histogram.add(seconds)

    def gather(self, into: Families) -> None:
        """Add what was counted."""
        for key, count in sorted(self._requests.copy().items()):
            into.add("penchant_http_requests_total", count, *key)
        for labels, seconds in sorted(self._seconds.copy().items()):
            into.add_histogram("penchant_http_request_seconds", seconds, *labels)
        if self.hub is not None:
            into.add("penchant_stream_clients", len(self.hub))
            into.add("penchant_stream_changes_total", self.hub.published)
            into.add("penchant_stream_dropped_total", self.hub.dropped)
