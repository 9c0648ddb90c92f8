"""What is written to the log of a process, and how it looks: text for people, or JSON lines."""

from __future__ import annotations

import logging
import math
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from dataflows.lifecycle.own_packages import OWN
from dataflows.lifecycle.redaction import MASK, MaskedFormatter, is_secret_name, masked

FORM = "%(asctime)s %(levelname)s %(name)s: %(message)s"
LogFormat = Literal["text", "json"]

_OF_EVERY_RECORD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def set_up_log(level: str, log_format: LogFormat = "text") -> None:
    """Write what our packages log from `level` on to stderr, and warnings of all others."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if log_format == "json" else MaskedFormatter(FORM))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    for name in OWN:
        logging.getLogger(name).setLevel(level.upper())


class JsonFormatter(logging.Formatter):
    """Writes a record as one JSON object in one line, without secrets.

    `time` is ISO 8601 in UTC, `level`, `logger` and `message` are as in the text, `error` is a
    traceback, and `fields` holds what the caller gave as `extra`. Each value is masked before it
    is written: a secret with a quote in it would look different after.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, object] = {
            "time": at.replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": masked(record.getMessage()),
        }
        given = {name: of for name, of in vars(record).items() if name not in _OF_EVERY_RECORD}
        if given:
            line["fields"] = {name: _field(name, of) for name, of in sorted(given.items())}
        if record.exc_info:
            line["error"] = masked(self.formatException(record.exc_info))
        if record.stack_info:
            line["stack"] = masked(self.formatStack(record.stack_info))
        return msgspec.json.encode(line).decode()


def _field(name: str, value: Any) -> object:
    """Return what JSON can hold of a field: numbers as they are, all else as masked text."""
    if is_secret_name(name):
        return MASK
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return masked(str(value))
