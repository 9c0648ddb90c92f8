"""Closes a consumer in a set time: where a commit is not answered, closing may take minutes.

The consumer is no member of a group's rebalance, so nobody waits for it to leave, and what was
to be committed is committed before. A consumer that does not close is left to the end of the
process, with the thread that closes it.
"""

from __future__ import annotations

import threading

from confluent_kafka import Consumer

CLOSING_SECONDS = 1.0


class Closing:
    """A thread that waits to close a consumer.

    It is begun while the process runs: none can be started any more at the end of an interpreter.
    """

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer
        self._wanted = threading.Event()
        self._done = threading.Event()
        threading.Thread(target=self._close, name="kafka-closing", daemon=True).start()

    def close(self, seconds: float = CLOSING_SECONDS) -> bool:
        """Close the consumer; whether that was done within the time."""
        self._wanted.set()
        return self._done.wait(seconds)

    def _close(self) -> None:
        self._wanted.wait()
        self._consumer.close()
        self._done.set()
