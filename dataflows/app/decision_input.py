"""Where a configuration takes decisions from, and by which keys."""

from __future__ import annotations

import logging
import os

from dataflows.config.config import Config
from dataflows.config.signing_keys import KEY, KEY_FILE, Keys, read_keys
from dataflows.messages.decisions import DECISIONS, DecisionReader

_log = logging.getLogger(__name__)


def open_decisions(config: Config) -> DecisionReader:
    """Return the reader of decisions; tells whether they must be signed. Raises InputError."""
    keys = read_keys(os.environ)
    is_kafka = config.flow.source == "kafka"
    topic = config.kafka.decisions_topic if is_kafka else DECISIONS
    where = (topic and f"the topic {topic!r}") if is_kafka else config.files.decisions
    if where:
        _tell(where, keys)
    return DecisionReader(topic, keys)


def _tell(where: str, keys: Keys) -> None:
    if keys:
        _log.info("decisions are taken from %s where they are signed", where)
    else:
        _log.warning(
            "decisions are taken from %s unsigned: whoever may write there may change the labels "
            "for all; set %s or %s, or see to it that nobody else may",
            *(where, KEY, KEY_FILE),
        )
