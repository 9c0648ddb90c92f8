"""What this client may do, asked before anything is read or written.

Kafka tells of a missing right only in use: as silence, as lists that wait for ever, as a stop
that takes a minute. So it is asked at the start, and all that lacks is reported in one line. Only
what is certain counts: operations that are listed, without the one that is needed, or a topic
that is refused. A broker that does not tell is believed to allow.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

import msgspec
from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # exported without saying so
    AclOperation,
    AdminClient,
)

from dataflows.config.kafka import DECISIONS, EVENTS, ITEMS, PROMOTIONS, KafkaSettings
from dataflows.connectors.kafka.client import SWITCHES, make_admin, unreachable
from dataflows.connectors.kafka.health import Health
from dataflows.connectors.kafka.refusals import POLL_SECONDS, answers, wait
from dataflows.errors import InputError

_LOG = logging.getLogger(__name__)

TO_LEARN_FROM = (EVENTS, ITEMS)
TO_READ = (*TO_LEARN_FROM, DECISIONS, PROMOTIONS)
DISPENSABLE = frozenset({PROMOTIONS})
"""Roles without which all goes on: the registry tells of promotions too."""
GROUP_SECONDS = 5.0
"""How long the group may be asked about: it is for people and tools only."""
_COMING = frozenset(
    {
        KafkaError.NOT_COORDINATOR,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    }
)
"""A cluster that has just started has nobody yet who knows of groups."""


class Rights(msgspec.Struct, frozen=True):
    """What may be done with a topic or the group: these operations; or it is refused altogether."""

    operations: frozenset[AclOperation] = frozenset()
    is_refused: bool = False

    def lacks(self, operation: AclOperation) -> str | None:
        """Return the words for what lacks to do this, or None where it may be done."""
        if self.is_refused:
            return f"{operation.name} (or DESCRIBE)"
        return None if operation in self.operations else operation.name


class RequiredRight(msgspec.Struct, frozen=True):
    """What is to be done with the topic of a role."""

    role: str
    topic: str
    operation: AclOperation


class RightsCheck:
    """Asks for source and sink together.

    `reads` and `writes` are roles; those that are switched off are left out.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        reads: Sequence[str] = TO_READ,
        writes: Sequence[str] = (),
    ) -> None:
        self._settings = settings
        named = settings.topics()
        wanted = [(role, AclOperation.READ) for role in reads]
        wanted += [(role, AclOperation.WRITE) for role in writes]
        self._needs = [
            RequiredRight(role, named[role], what) for role, what in wanted if role in named
        ]

    def ask(self) -> None:
        """Ask, and log what lacks and can be done without.

        Raises InputError where a right lacks that is needed, where the broker does not let
        this client in at all, or does not answer within `start_seconds`.
        """
        health = Health("start")
        with make_admin(self._settings, health) as admin:
            topics = self._ask_topics(admin, health)
            group = self._ask_group(admin, health)
        self._judge(topics, group)

    def _ask_topics(self, admin: AdminClient, health: Health) -> dict[str, Rights | None]:
        """Return what may be done with each topic, None where the broker does not tell.

        A topic that is not there is left out: that is reported elsewhere.
        """
        names = [need.topic for need in self._needs]
        seconds = self._settings.start_seconds
        asked = admin.describe_topics(
            TopicCollection(names), include_authorized_operations=True, request_timeout=seconds
        )
        wait(admin, self._settings, health.refusals, asked.values())
        errors = [error for one in asked.values() if (error := _error_of(one)) is not None]
        if len(errors) == len(names) and not answers(admin):
            raise unreachable(self._settings, errors[0], health.refusals.last)
        refusal = KafkaError.TOPIC_AUTHORIZATION_FAILED
        return {
            topic: _rights(answer, refusal)
            for topic, answer in asked.items()
            if not _is_missing(_error_of(answer))
        }

    def _ask_group(self, admin: AdminClient, health: Health) -> Rights | None:
        """Return what may be done with the group, None where nobody tells for so long."""
        group = self._settings.group_id
        deadline = time.monotonic() + min(GROUP_SECONDS, self._settings.start_seconds)
        while (left := deadline - time.monotonic()) > 0:
            asked = admin.describe_consumer_groups(
                [group], include_authorized_operations=True, request_timeout=left
            )
            wait(admin, self._settings, health.refusals, asked.values())
            error = _error_of(asked[group])
            if error is None or error.code() not in _COMING:
                return _rights(asked[group], KafkaError.GROUP_AUTHORIZATION_FAILED)
            admin.poll(POLL_SECONDS)
        return None

    def _judge(self, topics: dict[str, Rights | None], group: Rights | None) -> None:
        needs = [need for need in self._needs if need.topic in topics]
        self._tell_unknown([need.role for need in needs if topics[need.topic] is None], group)
        lacking = {
            need.role: f"{words} on the topic {need.topic!r} ({need.role})"
            for need in needs
            if (rights := topics[need.topic]) is not None
            and (words := rights.lacks(need.operation))
        }
        said = list(lacking.values())
        if group is not None and (words := group.lacks(AclOperation.READ)):
            said.append(
                f"{words} on the group {self._settings.group_id!r} (offsets are not committed, so "
                "tools see no lag; reading goes on from the positions in the state)"
            )
        if not said:
            return
        line = (
            f"Kafka at {self._settings.bootstrap_servers}: the user of kafka.client lacks these "
            f"rights: {', '.join(said)}"
        )
        if lacking.keys() <= DISPENSABLE:
            _LOG.warning("%s; it goes on without", line)
        else:
            switches = "".join(SWITCHES.get(role, "") for role in lacking)
            raise InputError(f"{line}; have them granted and start again{switches}")

    def _tell_unknown(self, roles: list[str], group: Rights | None) -> None:
        names = [f"topics ({', '.join(roles)})"] if roles else []
        names += [f"group {self._settings.group_id!r}"] if group is None else []
        if names:
            _LOG.info(
                "Kafka at %s does not tell what this client may do with %s: a right that lacks "
                "shows in use only",
                *(self._settings.bootstrap_servers, " and ".join(names)),
            )


def _error_of(answer: Future[Any]) -> KafkaError | None:
    error = answer.exception()
    return error.args[0] if isinstance(error, KafkaException) else None


def _is_missing(error: KafkaError | None) -> bool:
    return error is not None and error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART


def _rights(answer: Future[Any], refusal: int) -> Rights | None:
    error = _error_of(answer)
    if error is not None:
        return Rights(is_refused=True) if error.code() == refusal else None
    operations = answer.result().authorized_operations
    return Rights(frozenset(operations)) if operations else None
