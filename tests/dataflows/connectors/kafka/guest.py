"""A user of a secured node: its password, and what it may do."""

from __future__ import annotations

import json
import uuid

from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)

from dataflows.config.kafka import KafkaSettings
from dataflows.connectors.kafka.permissions import RightsCheck
from dataflows.connectors.kafka.sink import ALWAYS
from tests.dataflows.connectors.kafka.flows import PATIENCE, until

READ, WRITE, DESCRIBE = AclOperation.READ, AclOperation.WRITE, AclOperation.DESCRIBE
ALLOW, DENY = AclPermissionType.ALLOW, AclPermissionType.DENY
TOPIC, GROUP = ResourceType.TOPIC, ResourceType.GROUP
READS, WRITES = ("events", "items", "decisions"), ("recommendations", "intents", "dead_letters")


class Guest:
    """A user of the secured node with a password of its own, and what it may do."""

    def __init__(self, cluster):
        self.cluster, self.broker = cluster, cluster.broker
        self.user = f"guest-{uuid.uuid4().hex[:8]}"
        self.password = f"hush-{uuid.uuid4().hex[:8]}"
        self.names = self.broker.names()
        self.promotions = self.broker.create(self.broker.name("promotions"))
        self.call_it(self.password)

    def call_it(self, password):
        """Give the user a password."""
        secret = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
        change = UserScramCredentialUpsertion(self.user, secret, password.encode(), b"salt")
        for done in self.broker.admin.alter_user_scram_credentials([change]).values():
            done.result(60)

    def may(self, operation, role, kind=ALLOW):
        what = GROUP if role == "group" else TOPIC
        name = self.promotions if role == "promotions" else getattr(self.names, role)
        where = (what, name, ResourcePatternType.LITERAL, f"User:{self.user}", "*")
        right = (*where, operation, kind)
        for done in self.broker.admin.create_acls([AclBinding(*right)]).values():
            done.result(60)
        until(lambda: self.broker.admin.describe_acls(AclBindingFilter(*right)).result(60))

    def may_all(self, *, but=()):
        for role in (*READS, "promotions", "group"):
            if role not in but:
                self.may(READ, role)
        for role in WRITES:
            if role not in but:
                self.may(WRITE, role)

    def is_forgotten(self):
        """Take the user away."""
        change = UserScramCredentialDeletion(self.user, ScramMechanism.SCRAM_SHA_512)
        for done in self.broker.admin.alter_user_scram_credentials([change]).values():
            done.result(60)

    def loses(self, role):
        every = (f"User:{self.user}", None, AclOperation.ANY, AclPermissionType.ANY)
        what = GROUP if role == "group" else TOPIC
        where = (what, getattr(self.names, role), ResourcePatternType.LITERAL)
        for done in self.broker.admin.delete_acls([AclBindingFilter(*where, *every)]).values():
            done.result(60)

    def kafka(self, flush_seconds=PATIENCE, **client):
        """The section `[kafka]`; `client` takes the place of what it would say there."""
        names = self.names
        comes = self.cluster.secured(self.user, self.password) | client
        return {
            "bootstrap_servers": self.cluster.secured_servers,
            "group_id": names.group,
            "events_topic": names.events,
            "items_topic": names.items,
            "recommendations_topic": names.recommendations,
            "intents_topic": names.intents,
            "dead_letters_topic": names.dead_letters,
            "decisions_topic": names.decisions,
            "promotions_topic": self.promotions,
            "start_seconds": PATIENCE,
            "flush_seconds": flush_seconds,
            "client": {name: value for name, value in comes.items() if value is not None},
        }

    def ask(self, *reads, **client):
        RightsCheck(KafkaSettings(**self.kafka(**client)), *reads, writes=ALWAYS).ask()

    def runs(self, penchant, **client):
        """A process of the engine that comes as this user."""
        kafka = self.kafka(**client)
        lines = [f"'{name}' = {json.dumps(value)}" for name, value in kafka.pop("client").items()]
        more = "\n".join(["[kafka.client]", *lines])
        return penchant(self.broker, self.names, more=more, **kafka)
