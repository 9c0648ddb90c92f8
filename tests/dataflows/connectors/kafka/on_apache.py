"""Runs the tests marked `kafka` on Apache Kafka: a node of its own, or a broker that is named.

    python -m tests.dataflows.connectors.kafka.on_apache [options of pytest]

Where neither is to be had, one line says what is missing, and the tests that need Apache Kafka
are skipped, and counted. What fails gets a second try, alone (`tests/second_try.py`).
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from pathlib import Path

from tests.dataflows.connectors.kafka.apache import Cluster
from tests.dataflows.connectors.kafka.broker import NAMED, OWN_NODES
from tests.dataflows.connectors.kafka.jars import ROOT, MissingError, jars, version
from tests.second_try import run


def main() -> int:
    options = sys.argv[1:]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # in order: the tests are ended too
    if os.environ.get(NAMED):
        print(f"tests on the broker {os.environ[NAMED]}", flush=True)  # noqa: T201  what it runs on
        return pytest("kafka", options)
    try:
        jars()
    except MissingError as error:
        print(f"no tests on a real broker: {error} in {NAMED}", flush=True)  # noqa: T201
        return pytest("apache", options)
    with tempfile.TemporaryDirectory() as folder, Cluster(Path(folder) / "kafka") as cluster:
        print(f"tests on Apache Kafka {version()}", flush=True)  # noqa: T201
        return pytest("kafka", options, **{NAMED: cluster.servers, OWN_NODES: "1"})


def pytest(mark: str, options: list[str], **environment: str) -> int:
    os.chdir(ROOT)
    return run(["-m", mark, *options], os.environ | environment)


if __name__ == "__main__":
    sys.exit(main())
