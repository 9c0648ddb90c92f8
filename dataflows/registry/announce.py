"""Promotions on Kafka: one message per promotion, keyed by kind, on a compacted topic."""

from __future__ import annotations

from datetime import datetime

import msgspec

from dataflows.config.config import Config
from dataflows.config.kafka import PROMOTIONS
from dataflows.errors import InputError
from dataflows.messages.fields import iso
from dataflows.messages.outgoing import PromotionMessage
from dataflows.registry.manifest import Promotion
from dataflows.registry.registry import Registry


def announce(config: Config, registry: Registry, promotion: Promotion) -> bool:
    """Send a promotion to Kafka; return whether there was anybody to tell (not with files).

    Raises InputError where the broker does not take it: the promotion stands all the same,
    and a flow that shares the registry finds it there.
    """
    if config.flow.source != "kafka":
        return False
    from dataflows.connectors.kafka.client import send

    found = registry.get(promotion.version).fingerprint if promotion.version else None
    try:
        send(config.kafka, PROMOTIONS, render(promotion, found), promotion.kind.encode())
    except InputError as error:
        raise InputError(
            f"promotion {promotion.sequence} is in force in the registry, but the topic "
            f"{config.kafka.promotions_topic!r} was not told: {error}; only a flow with the same "
            "models.root finds it"
        ) from error
    return True


def render(promotion: Promotion, fingerprint: str | None) -> bytes:
    """Write the message of a promotion; `fingerprint` of its version, None for the base."""
    fields = msgspec.structs.asdict(promotion) | {"time": iso(promotion.time)}
    return msgspec.json.encode(PromotionMessage(**fields, fingerprint=fingerprint))


def read_promotion(message: bytes) -> Promotion:
    """Read such a message. Raises ValueError for what is none."""
    announced = msgspec.json.decode(message, type=PromotionMessage)
    fields = msgspec.structs.asdict(announced) | {
        "time": datetime.fromisoformat(announced.time).timestamp()
    }
    del fields["fingerprint"]
    return Promotion(**fields)
