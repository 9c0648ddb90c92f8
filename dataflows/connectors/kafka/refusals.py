"""What waiting cannot mend: a broker that does not let this client in, or that it does not trust.

A wrong password, an unknown user, a certificate that nobody has signed. At the start that is
the end, once every broker within reach has said it twice (one may be about to learn of a new
user); while it runs it is an outage like any other, told with its reason.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import Any, Protocol

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from dataflows.config.kafka import KafkaSettings
from dataflows.errors import InputError

TWICE = 2
PATIENCE = 2.0
"""Seconds after the first refusal, in which a broker that says nothing may still answer."""
POLL_SECONDS = 0.05
ASK_SECONDS = 0.5
"""How long a last question may take, whether nobody lets us in."""

_FOR_GOOD = frozenset(
    {
        *("_AUTHENTICATION", "_SSL", "SASL_AUTHENTICATION_FAILED"),
        *("UNSUPPORTED_SASL_MECHANISM", "ILLEGAL_SASL_STATE"),
    }
)
"""librdkafka's and Kafka's names of such errors."""
_PASSING = ("SSL transport error", "Disconnected")
"""Words in an `_SSL` error that is a line cut off, not a refusal."""
_ALERT = re.compile(
    r"alert (?:bad|unsupported|unknown|certificate|handshake|access)", re.IGNORECASE
)
"""A broker that does not take our certificate says so after the handshake: as a broken line."""
_BROKER_MESSAGE = re.compile(
    r"(?:\w+://)?(?P<broker>[^/\s]+)/\S+: (?P<what>.*?)(?: \(after \d+ms in state .*)?",
    re.DOTALL,
)
_PORT = ":9092"


class MetadataClient(Protocol):
    """Any client of librdkafka."""

    def list_topics(self, *, timeout: float) -> object:
        """Ask about all topics: about one, it might be made. Raises KafkaException."""
        ...


class Refusals:
    """What each broker said last, and how often it refused. `heard` may come from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since: float | None = None
        self._times: dict[str, int] = {}
        self._last: dict[str, str] = {}
        self._reasons: dict[str, str] = {}

    @property
    def reason(self) -> str | None:
        """Why a broker refuses now, or None where none does."""
        return next(reversed(list(self._reasons.values())), None)

    @property
    def last(self) -> str | None:
        """What any broker said last, a refusal before all else; None where none said anything."""
        return self.reason or next(reversed(list(self._last.values())), None)

    def heard(self, name: str, text: str) -> None:
        """Note an error of librdkafka: its name (`_AUTHENTICATION`, ...) and its text."""
        match = _BROKER_MESSAGE.fullmatch(text)
        if match is None:
            return
        broker, what = match["broker"].lower(), f"{match['broker']}: {match['what']}"
        self._reasons.pop(broker, None)
        self._last.pop(broker, None)
        self._last[broker] = what
        if _is_for_good(name, text):
            self._since = self._clock() if self._since is None else self._since
            self._times[broker] = self._times.get(broker, 0) + 1
            self._reasons[broker] = what

    def forget(self) -> None:
        """Forget all refusals: all is well again."""
        self._since = None
        for record in (self._times, self._last, self._reasons):
            record.clear()

    def verdict(self, servers: str) -> str | None:
        """Return why there is no use in waiting, None where there may be.

        Each of the `servers` must have refused twice, or be out of reach; one that says
        nothing is waited for a moment.
        """
        refusing = [broker for broker, times in self._times.items() if times >= TWICE]
        if self._since is None or not refusing:
            return None
        is_over = self._clock() - self._since >= PATIENCE
        for broker in named_brokers(servers):
            is_silent = broker not in self._last
            if broker not in refusing and (broker in self._reasons or (is_silent and not is_over)):
                return None
        return self.reason


def end_if_refused(client: MetadataClient, settings: KafkaSettings, refusals: Refusals) -> None:
    """Raise InputError, with the reason, where nobody lets us in and waiting does not mend it."""
    reason = refusals.verdict(settings.bootstrap_servers)
    if reason is None:
        return
    if answers(client):
        refusals.forget()
        return
    raise InputError(
        f"Kafka does not let this client in, and waiting does not mend it: {reason}; see the "
        "user, the password and the certificates in kafka.client"
    )


def wait(
    admin: AdminClient, settings: KafkaSettings, refusals: Refusals, asked: Iterable[Future[Any]]
) -> None:
    """Wait until all is answered, or failed. Raises InputError where nobody lets us in."""
    waiting = list(asked)
    while not all(one.done() for one in waiting):
        admin.poll(POLL_SECONDS)
        end_if_refused(admin, settings, refusals)


def answers(client: MetadataClient) -> bool:
    """Return whether any broker answers a last question."""
    try:
        client.list_topics(timeout=ASK_SECONDS)
    except KafkaException:
        return False
    return True


def _is_for_good(name: str, text: str) -> bool:
    if name in _FOR_GOOD:
        return not any(words in text for words in _PASSING)
    return name == "_TRANSPORT" and _ALERT.search(text) is not None


def named_brokers(servers: str) -> set[str]:
    """Return the brokers of `kafka.bootstrap_servers`, as librdkafka names them."""
    names = (one.strip().rpartition("://")[2].lower() for one in servers.split(","))
    return {name if ":" in name.rpartition("]")[2] else name + _PORT for name in names if name}
