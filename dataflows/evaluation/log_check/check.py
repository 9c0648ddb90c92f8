"""A look at a log before it is used: what would be learnt, dropped or refused, and why.

The records go through the engine's own reader, decoder and cleaning, in the order
of the file, as a live run would read them; nothing is learnt. Memory is bounded,
whatever the length of the log.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from dataflows.config.config import Config
from dataflows.connectors.files.file_shapes import SAMPLE, shape_of
from dataflows.connectors.files.line_reader import LineReader
from dataflows.engine.catalogue.distinct import Distinct
from dataflows.engine.cleaning.cleaner import Cleaner, Verdict
from dataflows.errors import InputError
from dataflows.evaluation.log_check.advice import Advice
from dataflows.evaluation.log_check.items import check_items, unknown_fields
from dataflows.evaluation.log_check.line_numbers import numbered
from dataflows.evaluation.log_check.report import CheckReport, ItemsReport, SampleRecord
from dataflows.evaluation.log_check.tally import tally
from dataflows.messages.decisions import DecisionReader
from dataflows.messages.events import EventJson, EventRecord, decode_event
from dataflows.messages.near_fields import meant_by
from dataflows.messages.raw import EVENTS, Raw, Reason, Reject
from dataflows.state.ledger import OUTCOMES, Ledger

EXAMPLES = 3
CHANGES_DROPPED = 2_000
FIELDS = ("item_id", "text", "value", "session_id", "intent")
KNOWN = frozenset(EventJson.__struct_fields__)


def check_events(
    path: Path,
    config: Config | None = None,
    now: float | None = None,
    items: Path | None = None,
) -> CheckReport:
    """Read a log of JSON lines through and report on it; nothing is written or learnt.

    `config` gives the sections `[events]`, `[clean]` and `[encoder]`. `now` (seconds since
    1970, default: the clock) is what events are called "dated ahead" against. `items` is a
    catalogue, which is looked at too, by itself and against the events. Raises InputError for
    a file that cannot be read or is empty.
    """
    config = config or Config()
    path = Path(path)
    catalogue, known = (None, None) if items is None else check_items(items, config)
    advice = Advice(config, known)
    reader = LineReader(path, EVENTS, path.name, max_bytes=config.events.max_record_bytes)
    with closing(reader):
        sample = reader.source.file.peek(SAMPLE)
        checker = _Checker(config, time.time() if now is None else now, sample, advice)
        for raw in reader.records():
            checker.take(raw)
        checker.torn, checker.damage = reader.torn, reader.source.damage
    if not checker.records:
        raise InputError(f"{path}: holds no lines; give a file of JSON lines, one event in each")
    return checker.report(path, catalogue)


class _Checker:
    """Counts as records come by."""

    def __init__(self, config: Config, now: float, sample: bytes, advice: Advice) -> None:
        self._advice = advice
        self.torn = 0
        self.damage: str | None = None
        self._sample = sample
        self._config = config
        self._now = now
        self._decisions = DecisionReader()
        self._cleaner = Cleaner(config.clean)
        self._ledger = Ledger()
        self._examples: list[SampleRecord] = []
        self._shown: dict[tuple[str, str], int] = {}
        self._users, self._items = Distinct(), Distinct()
        self._types: dict[str, int] = {}
        self._unknown: dict[str, int] = {}
        self._missing = dict.fromkeys(FIELDS, 0)
        self._first = self._last = self._newest = 0.0
        self._events = self._ahead = self._backwards = 0
        self._max_step = 0.0
        self.records = 0

    def take(self, raw: Raw) -> None:
        """Look at one record."""
        self.records += 1
        if self.records % CHANGES_DROPPED == 0:
            # Cleaning keeps note of what it must write down; nobody writes it down here.
            deque(self._cleaner.changed(), maxlen=0)
        self._ledger.arrive(raw.partition)
        decoded = decode_event(raw, self._config.events)
        event = (
            isinstance(decoded, EventRecord) and self._decisions.refused(raw, decoded)
        ) or decoded
        if isinstance(event, Reject):
            self._ledger.count(raw.partition, "dead_letter", event.reason)
            self._show(raw, "dead_letter", event.reason, event.detail)
            if event.reason == Reason.TIME_OUT_OF_RANGE:
                self._advice.note_refused_time(raw)
            return
        verdict = self._cleaner.judge(event, raw)
        self._ledger.count(raw.partition, verdict.in_ledger, verdict.reason)
        if verdict.reason or verdict.in_ledger != "learnt":
            self._show(raw, verdict.in_ledger, verdict.reason, self._why(event, verdict))
        if event.repaired:
            self._show(raw, verdict.in_ledger, "text_repaired", "it held what text cannot hold")
        if event.cut:
            limit = f"cut to {self._config.events.max_text_chars} characters (max_text_chars)"
            self._show(raw, verdict.in_ledger, "text_cut", limit)
        self._note(event, raw)
        self._advice.note(event)

    def report(self, path: Path, catalogue: ItemsReport | None = None) -> CheckReport:
        """Return the report; goes over the file once more for the line numbers of the examples."""
        self._ledger.balance()
        ledger = self._ledger.as_dict()
        counts = self._cleaner.counts
        return CheckReport(
            path=path,
            records=self.records,
            outcomes={name: ledger[name] for name in ledger if name in OUTCOMES},
            reasons=ledger["reasons"],
            examples=tuple(numbered(path, self._examples)),
            first=self._first if self._events else None,
            last=self._last if self._events else None,
            users=self._users.count(),
            items=self._items.count(),
            is_exact=self._users.is_exact and self._items.is_exact,
            types=dict(sorted(self._types.items(), key=lambda pair: (-pair[1], pair[0]))),
            missing=self._missing,
            unknown_fields=dict(sorted(self._unknown.items())),
            out_of_order=self._backwards,
            max_step_back=self._max_step,
            late=counts.late,
            max_lateness=counts.max_lateness,
            dated_ahead=self._ahead,
            text_cut=counts.text_cut,
            text_repaired=counts.text_repaired,
            remarks=(
                *self._remarks(),
                *self._advice.remarks(self._users.count(), self._items.count()),
            ),
            snippet=self._advice.snippet(),
            catalogue=catalogue,
            joined=self._advice.joined,
        )

    def _note(self, event: EventRecord, raw: Raw) -> None:
        """Note the facts about an event that could be read, whatever became of it."""
        ts = event.ts
        self._first = min(self._first, ts) if self._events else ts
        self._last = max(self._last, ts) if self._events else ts
        if self._events and ts < self._newest:
            self._backwards += 1
            self._max_step = max(self._max_step, self._newest - ts)
        self._newest = max(self._newest, ts) if self._events else ts
        self._ahead += ts > self._now
        self._events += 1
        self._users.add(event.user_id)
        if event.item_id is not None:
            self._items.add(event.item_id)
        tally(self._types, event.type)
        for name in FIELDS:
            self._missing[name] += getattr(event, name) is None
        for name in unknown_fields(raw.value or b"", KNOWN):
            tally(self._unknown, name)

    def _show(self, raw: Raw, outcome: str, reason: str, detail: str) -> None:
        count = self._shown.get((outcome, reason), 0)
        self._shown[outcome, reason] = count + 1
        if count < EXAMPLES:
            start = (raw.value or b"")[:200]
            self._examples.append(SampleRecord(0, raw.offset, outcome, reason, detail, start))

    def _why(self, event: EventRecord, verdict: Verdict) -> str:
        clean = self._config.clean
        if verdict.outcome == "duplicate":
            return f"event_id {event.event_id!r} was there before"
        return {
            "late": f"{verdict.lateness:,.0f} s behind the newest events (late_after"
            f" {clean.late_after:g})",
            "bot": f"user {event.user_id!r} has more than {clean.bot_events_per_minute} events"
            " in a minute (bot_events_per_minute)",
            "disliked": f"value {event.value} is below what is liked (values, {event.type!r})",
            "neutral": f"value {event.value} says neither (values, {event.type!r})",
            "weight_zero": f"type {event.type!r} has weight 0 (weights)",
            "nothing_to_learn": "it has neither item_id nor text nor intent",
        }.get(verdict.reason, "")

    def _remarks(self) -> Iterator[str]:
        """Yield what a person would want to know first, and what to do about it."""
        shape = shape_of(self._sample)
        if shape is not None:
            yield f"This is no file of events: {shape}."
        elif not self._events:
            yield "No line is an event: " + _guess(self._sample)
        elif self._unknown:
            names = ", ".join(sorted(self._unknown)[:8])
            yield f"Fields that are ignored, since they have no meaning here: {names}."
            yield from self._other_names()
        if self.torn:
            yield f"The last line is torn ({self.torn} bytes without an end) and was left out."
        if self.damage is not None:
            yield f"The compressed file is not whole: {self.damage}. What could be read was."
        if self._events and self._missing["item_id"] == self._events:
            yield "No event names an item (item_id): there is nothing to recommend."
        if self._backwards:
            yield (
                "The log is not in order of time. `penchant replay` sorts it; a live run learns"
                " it as it comes."
            )

    def _other_names(self) -> Iterator[str]:
        """Yield which ignored fields look like ones that events lack under another name."""
        lacking = [name for name, count in self._missing.items() if count]
        for name in sorted(self._unknown):
            wanted = meant_by(name, lacking)
            if wanted is not None:
                yield (
                    f"Is {name!r} what is wanted as {wanted}, which {self._missing[wanted]:,} of "
                    f"{self._events:,} events lack? It is read under that name only."
                )
                lacking.remove(wanted)


def _guess(sample: bytes) -> str:
    """Guess from its beginning what a file without events is, which has no shape that is known."""
    if b"\x00" in sample[:80]:
        return "it looks like a binary file; a file of JSON lines is wanted."
    if not sample.lstrip().startswith(b"{"):
        return "it is no JSON; `penchant convert` reads some other formats."
    return "every event needs event_id, user_id, type and ts, in one line of JSON."
