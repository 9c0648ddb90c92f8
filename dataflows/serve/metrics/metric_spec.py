"""What is said of a metric before it is counted."""

from __future__ import annotations

from typing import Literal, NamedTuple

MetricKind = Literal["counter", "gauge", "histogram"]


class MetricSpec(NamedTuple):
    """One metric. `name` is as Prometheus has it, but for a histogram's `_bucket` and the like."""

    name: str
    kind: MetricKind
    help: str
    labels: tuple[str, ...] = ()


class MetricGroup(NamedTuple):
    """Metrics of one matter, with what it takes for them to be there."""

    title: str
    about: str
    specs: tuple[MetricSpec, ...]
