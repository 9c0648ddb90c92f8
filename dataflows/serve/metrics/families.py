"""Samples gathered for one scrape, held to what `dataflows.serve.metrics.specs` says of each."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.utils import floatToGoString

from dataflows.engine.status.histogram import SecondsHistogram
from dataflows.serve.metrics.specs import SPECS


class Families:
    """The samples of one scrape. Raises KeyError for a metric that is in no specification."""

    def __init__(self) -> None:
        self._made: dict[str, Metric] = {}

    def add(self, name: str, value: float, *labels: object) -> None:
        """Add a sample of a counter or a gauge; `labels` in the order of the specification."""
        family = self._family(name)
        assert isinstance(family, CounterMetricFamily | GaugeMetricFamily)  # noqa: S101 - or a typo
        family.add_metric(_texts(name, labels), value)

    def add_histogram(self, name: str, seconds: SecondsHistogram, *labels: object) -> None:
        """Add a histogram, where it has counted anything."""
        counts = list(accumulate(seconds.counts))
        if not counts[-1]:
            return
        family = self._family(name)
        assert isinstance(family, HistogramMetricFamily)  # noqa: S101 - or a typo
        bounds = [*map(floatToGoString, seconds.bounds), "+Inf"]
        buckets = list(zip(bounds, counts, strict=True))
        family.add_metric(_texts(name, labels), buckets, seconds.total)

    def __iter__(self) -> Iterator[Metric]:
        return iter(self._made.values())

    def _family(self, name: str) -> Metric:
        family = self._made.get(name)
        if family is None:
            family = self._made[name] = _begin(name)
        return family


def _begin(name: str) -> Metric:
    spec = SPECS[name]
    if spec.kind == "counter":
        return CounterMetricFamily(name.removesuffix("_total"), spec.help, labels=spec.labels)
    if spec.kind == "histogram":
        return HistogramMetricFamily(name, spec.help, labels=spec.labels)
    return GaugeMetricFamily(name, spec.help, labels=spec.labels)


def _texts(name: str, labels: tuple[object, ...]) -> list[str]:
    """Return the values of labels as text. Raises ValueError where they are not as many."""
    wanted = SPECS[name].labels
    if len(labels) != len(wanted):
        raise ValueError(f"{name} has the labels {wanted}, and was given {labels}")
    return [str(label) for label in labels]
