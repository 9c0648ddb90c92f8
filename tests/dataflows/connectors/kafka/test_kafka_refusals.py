"""A broker that does not let us in: told from one that is away, and only then the end."""

from __future__ import annotations

import logging

import pytest
from confluent_kafka import KafkaError, KafkaException

from dataflows.config.kafka import KafkaSettings
from dataflows.connectors.kafka.health import Health
from dataflows.connectors.kafka.refusals import PATIENCE, Refusals, end_if_refused
from dataflows.errors import InputError

A, B = "sasl_ssl://10.0.0.1:9093", "sasl_ssl://10.0.0.2:9093"
BOTH = "10.0.0.1:9093,10.0.0.2:9093"
WRONG = "SASL authentication error: Authentication failed"
REFUSED = ("_AUTHENTICATION", f"{WRONG} (after 460ms in state AUTH_REQ)")
AWAY = (
    "_TRANSPORT",
    "Connect to ipv4#10.0.0.2:9093 failed: no one (after 0ms in state CONNECT, 1 error(s) less)",
)


class Now:
    def __init__(self):
        self.time = 100.0

    def __call__(self):
        return self.time


class Nobody:
    """A client that nobody answers."""

    def list_topics(self, *, timeout):
        raise KafkaException(KafkaError(KafkaError._TRANSPORT))


class Somebody:
    def list_topics(self, *, timeout):
        return None


def say(refusals, broker, error):
    refusals.heard(error[0], f"{broker}/bootstrap: {error[1]}")


def test_once_may_be_chance_and_twice_is_not():
    refusals = Refusals(Now())
    say(refusals, A, REFUSED)
    assert refusals.verdict("10.0.0.1:9093") is None
    say(refusals, A, REFUSED)
    assert refusals.verdict("10.0.0.1:9093") == f"10.0.0.1:9093: {WRONG}"


def test_every_broker_within_reach_must_have_said_it_twice():
    refusals = Refusals(Now())
    for _ in range(2):
        say(refusals, A, REFUSED)
    say(refusals, B, REFUSED)
    assert refusals.verdict(BOTH) is None
    say(refusals, B, REFUSED)
    assert refusals.verdict(BOTH) == f"10.0.0.2:9093: {WRONG}"


def test_a_broker_that_is_away_is_not_waited_for():
    refusals = Refusals(Now())
    for _ in range(2):
        say(refusals, A, REFUSED)
        say(refusals, B, AWAY)
    assert refusals.verdict(BOTH) == f"10.0.0.1:9093: {WRONG}"


def test_one_that_says_nothing_is_waited_for_a_moment_only():
    now = Now()
    refusals = Refusals(now)
    for _ in range(2):
        say(refusals, A, REFUSED)
    assert refusals.verdict(BOTH) is None
    now.time += PATIENCE
    assert refusals.verdict(BOTH) is not None


def test_brokers_that_are_away_alone_are_waited_for():
    refusals = Refusals(Now())
    for _ in range(9):
        say(refusals, B, AWAY)
    assert refusals.verdict("10.0.0.2:9093") is None
    assert refusals.last == "10.0.0.2:9093: Connect to ipv4#10.0.0.2:9093 failed: no one"


@pytest.mark.parametrize(
    ("name", "text", "is_for_good"),
    [
        ("_SSL", "SSL handshake failed: error:0A000086: certificate verify failed", True),
        ("_SSL", "SSL handshake failed: SSL transport error: Connection timed out", False),
        ("_SSL", "SSL handshake failed: Disconnected: connection reset by peer", False),
        ("_TRANSPORT", "Receive failed: error:0A000418:SSL routines::tlsv1 alert unknown ca", True),
        ("_TRANSPORT", "Receive failed: routines::tlsv13 alert certificate required", True),
        ("_TRANSPORT", "SSL connection closed by peer", False),
        ("_RESOLVE", "Failed to resolve 'kafka:9092': Name or service not known", False),
        ("UNSUPPORTED_SASL_MECHANISM", "the broker's mechanisms: PLAIN", True),
    ],
)
def test_what_waiting_can_mend_is_no_refusal(name, text, is_for_good):
    refusals = Refusals(Now())
    for _ in range(2):
        say(refusals, A, (name, text))
    assert (refusals.verdict("10.0.0.1:9093") is not None) == is_for_good


@pytest.mark.parametrize("servers", ["SASL_SSL://Kafka.Example", " kafka.example:9092 ,"])
def test_brokers_are_known_by_the_name_that_the_library_gives_them(servers):
    refusals = Refusals(Now())
    for _ in range(2):
        say(refusals, "sasl_ssl://kafka.example:9092", REFUSED)
    assert refusals.verdict(servers) is not None


def test_a_broker_of_the_cluster_that_lets_us_in_is_enough():
    refusals = Refusals(Now())
    settings = KafkaSettings(bootstrap_servers="10.0.0.1:9093")
    for _ in range(2):
        say(refusals, A, REFUSED)
    with pytest.raises(InputError, match=f"10.0.0.1:9093: {WRONG}; see the user"):
        end_if_refused(Nobody(), settings, refusals)
    end_if_refused(Somebody(), settings, refusals)
    assert refusals.reason is None


def test_while_it_runs_an_outage_is_told_with_the_reason_and_ends(caplog):
    caplog.set_level(logging.INFO)
    now = Now()
    health = Health("source", now, settle=1.0)
    health.heard(REFUSED[0], f"{A}/1: {REFUSED[1]}")
    health.degraded("no connection to 10.0.0.1:9093")
    assert health.reason == f"no connection to 10.0.0.1:9093 (10.0.0.1:9093: {WRONG})"
    assert health.reason in caplog.text
    health.heard("_TRANSPORT", f"{A}/1: Connect to ipv4#10.0.0.1:9093 failed: Connection refused")
    health.degraded("no connection to 10.0.0.1:9093")
    assert health.reason == "no connection to 10.0.0.1:9093"
    health.heard(REFUSED[0], f"{A}/1: {REFUSED[1]}")
    health.good()
    now.time += 2
    health.good()
    assert health.is_good
    health.degraded("silence")
    assert health.reason == "silence"
