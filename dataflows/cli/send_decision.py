"""A decision on its way to a running process: signed, numbered, and written where it listens."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Mapping
from pathlib import Path

from dataflows.config.config import Config
from dataflows.config.signing_keys import KEY, Keys, read_keys
from dataflows.engine.decisions.history import DecisionState
from dataflows.errors import InputError
from dataflows.messages.signed import next_sequence, write_signed
from dataflows.messages.special_events import KIND, write_control
from learners.intent.decisions import Control

SIGNER = "PENCHANT_DECISIONS_SIGNER"
"""Names who decides; by default user and host. Each name has sequences of its own."""

_LONGEST = 256


def signer_name() -> str:
    """Return the name under which this user on this host decides."""
    named = os.environ.get(SIGNER, "")
    if not named:
        try:
            user = getpass.getuser()
        except (KeyError, OSError, ImportError):  # a user id without a name, in a container
            user = str(os.getuid())
        named = f"{user}@{socket.gethostname()}"
    return "".join(char for char in named if char.isprintable())[:_LONGEST]


def send(
    config: Config, control: Control, shard: int | None, taken: Mapping[int, DecisionState]
) -> str:
    """Send a decision; say where to. `taken` is what each shard has taken so far.

    Raises InputError where the configuration names no place, or it does not take the record.
    """
    keys, signer = read_keys(os.environ), signer_name()
    last = max((one.sequences.of(signer) for one in taken.values()), default=-1)
    content = write_control(control, shard)
    record = write_signed(KIND, signer, next_sequence(last), content, keys)
    if config.flow.source == "kafka":
        return f"{_to_kafka(config, record, signer)}{_unsigned(keys)}"
    return f"{_to_file(config, record)}{_unsigned(keys)}"


def _unsigned(keys: Keys) -> str:
    return (
        "" if keys else f"; it is not signed ({KEY} is not set), so a process with a key refuses it"
    )


def _to_kafka(config: Config, record: bytes, signer: str) -> str:
    from dataflows.config.kafka import DECISIONS
    from dataflows.connectors.kafka.client import send as to_topic

    topic = config.kafka.decisions_topic
    if not topic:
        raise InputError(
            "kafka.decisions_topic is empty, so the process that has the state open hears no "
            "decision; name a topic there, or decide when it has ended"
        )
    to_topic(config.kafka, DECISIONS, record, signer.encode())
    return f"sent to the topic {topic}: a process has the state open"


def _to_file(config: Config, record: bytes) -> str:
    path = config.files.decisions
    if not path:
        raise InputError(
            f"{config.state.path}: a process has this state open and hears no decision "
            "(files.decisions is not set); name a file there, or decide when it has ended"
        )
    try:
        descriptor = os.open(Path(path), os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        with open(descriptor, "ab", buffering=0) as file:  # noqa: PTH123 - it is open already
            size = os.fstat(descriptor).st_size
            # A line that somebody left without its end stays a line of its own.
            is_mid_line = size and os.pread(descriptor, 1, size - 1) != b"\n"
            file.write(b"\n" * bool(is_mid_line) + record + b"\n")
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written ({error.strerror}); check its rights"
        ) from error
    return f"appended to {path}: a process has the state open"
