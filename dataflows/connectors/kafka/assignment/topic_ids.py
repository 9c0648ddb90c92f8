"""The ids of a cluster and of its topics, asked of the broker beside the reading."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from dataflows.messages.raw import LogId


class AskedIds:
    """One round of questions: the cluster and its topics.

    `asked` is when, by the monotonic clock.
    """

    def __init__(self, admin: AdminClient, topics: set[str], seconds: float) -> None:
        self.asked = time.monotonic()
        self._cluster = _future(lambda: admin.describe_cluster(request_timeout=seconds))
        described = _future(
            lambda: admin.describe_topics(TopicCollection(sorted(topics)), request_timeout=seconds)
        )
        self._topics: dict[str, Future[Any]] = described or {}

    def is_done(self) -> bool:
        """Return whether all has been answered, or was given up."""
        return all(future.done() for future in self._all())

    def wait(self, seconds: float) -> None:
        """Wait until then, at most so long."""
        deadline = time.monotonic() + seconds
        for future in self._all():
            try:
                future.result(max(0.01, deadline - time.monotonic()))
            except (KafkaException, TimeoutError):
                continue

    def cluster(self) -> LogId:
        """Return the id of the cluster alone."""
        return LogId(str(getattr(_result(self._cluster), "cluster_id", None) or ""))

    def ids(self) -> dict[str, LogId]:
        """Return topic to ids, for the topics that are there."""
        cluster = self.cluster().cluster
        found = {topic: _result(future) for topic, future in self._topics.items()}
        return {
            topic: LogId(cluster, _id_of(told)) for topic, told in found.items() if told is not None
        }

    def _all(self) -> list[Future[Any]]:
        first = [] if self._cluster is None else [self._cluster]
        return [*first, *self._topics.values()]


def _future(ask: Callable[[], Any]) -> Any:
    """Return what a question gives; None where the library or the broker knows no such question."""
    try:
        return ask()
    except (KafkaException, ValueError, TypeError):
        return None


def _result(future: Future[Any] | None) -> Any:
    if future is None or not future.done():
        return None
    try:
        return future.result()
    except Exception:  # noqa: BLE001 - refused, unknown, timed out: nothing is known
        return None


def _id_of(told: Any) -> str:
    """Return a topic's id as text; brokers before 2.8 tell one of zeros, which is none."""
    text = str(told.topic_id or "")
    return "" if text.strip("A") == "" else text
