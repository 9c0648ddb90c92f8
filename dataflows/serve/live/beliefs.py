"""What was sent of users' intents lately, so that it can be seen how a belief grew."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque

import msgspec

from dataflows.messages.outgoing import Distribution, Moment
from dataflows.serve.user_types import PastBelief

OF_USER = 48
"""So many messages of one user are remembered,"""
MOST_BYTES = 16_000_000
"""and of all together so many bytes; whoever was there longest ago is forgotten first."""


class _Sent(msgspec.Struct, gc=False):
    """Of a message on intents, what is to be seen here."""

    time: Moment
    intent: Distribution
    belief: Distribution


_decoder = msgspec.json.Decoder(_Sent)


class SentBeliefs:
    """Remembers messages by user, as they were sent; read when asked. Safe between threads."""

    def __init__(self, of_user: int = OF_USER, most_bytes: int = MOST_BYTES) -> None:
        self._of_user = of_user
        self._most = most_bytes
        self._bytes = 0
        self._sent: OrderedDict[bytes, deque[bytes]] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, key: bytes, message: bytes) -> None:
        """Remember a message; `key` is its user, as on the topic."""
        with self._lock:
            sent = self._sent.get(key)
            if sent is None:
                sent = self._sent[key] = deque()
            else:
                self._sent.move_to_end(key)
            sent.append(message)
            self._bytes += len(message)
            if len(sent) > self._of_user:
                self._bytes -= len(sent.popleft())
            while self._bytes > self._most and len(self._sent) > 1:
                self._bytes -= sum(map(len, self._sent.popitem(last=False)[1]))

    def of(self, user_id: str) -> tuple[PastBelief, ...]:
        """Return what was believed of a user, the oldest first."""
        with self._lock:
            sent = tuple(self._sent.get(user_id.encode(), ()))
        read = map(_decoder.decode, sent)
        return tuple(PastBelief(one.time, one.intent, one.belief) for one in read)
