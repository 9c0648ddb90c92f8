"""The metrics of a process, in a registry of their own, as Prometheus reads them."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from dataflows.lifecycle.versions import installed
from dataflows.serve.metrics.families import Families
from dataflows.serve.metrics.http import HttpMetrics

Gather = Callable[[Families], object]
"""Adds samples that are counted elsewhere; called at each scrape, from any thread."""


class Metrics:
    """All metrics of one process. Nothing is global: whoever counts is handed this object.

    `registry` is read by Prometheus' client, `http` is told of requests, and what is counted
    already is added by those that `add` names, when it is asked for.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        self.http = HttpMetrics()
        self._gather: list[Gather] = [_build, self.http.gather]
        ProcessCollector(registry=self.registry)
        self.registry.register(_Gathered(self._gather))

    def add(self, gather: Gather) -> None:
        """Have `gather` add its samples at each scrape from now on."""
        self._gather.append(gather)

    def text(self, accept: str = "") -> tuple[bytes, str]:
        """Return all metrics and their content type, in the format that `accept` prefers."""
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type


class _Gathered(Collector):
    def __init__(self, gather: list[Gather]) -> None:
        self._gather = gather

    def collect(self) -> Iterator[Metric]:
        families = Families()
        for gather in self._gather:
            gather(families)
        return iter(families)


def _build(into: Families) -> None:
    into.add("penchant_build_info", 1, installed("penchant") or "", platform.python_version())
