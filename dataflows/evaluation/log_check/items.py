"""A look at a catalogue before it is used: which rows would be taken, which refused, and why."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from contextlib import closing
from pathlib import Path

import msgspec

from dataflows.config.config import Config
from dataflows.connectors.files.file_shapes import SAMPLE, shape_of
from dataflows.connectors.files.line_reader import LineReader
from dataflows.errors import InputError
from dataflows.evaluation.log_check.line_numbers import numbered
from dataflows.evaluation.log_check.report import ItemsReport, SampleRecord
from dataflows.evaluation.log_check.scripts import ScriptCounts
from dataflows.evaluation.log_check.tally import tally
from dataflows.messages.items import ItemJson, ItemRecord, decode_item
from dataflows.messages.near_fields import meant_by
from dataflows.messages.raw import ITEMS, Raw, Reject

EXAMPLES = 3
KNOWN = frozenset(ItemJson.__struct_fields__)
NEEDED = ("item_id", "title")
_HTML = re.compile(r"</?[a-zA-Z][^<>]{0,200}>|&(?:amp|lt|gt|quot|nbsp|apos|#\d{1,6});")
_names = msgspec.json.Decoder(dict[str, msgspec.Raw])


def check_items(path: Path, config: Config | None = None) -> tuple[ItemsReport, set[str]]:
    """Read a catalogue of JSON lines through; return the report, and the ids that it would know.

    `config` gives the sections `[events]` and `[encoder]`. Raises InputError for a file that
    cannot be read or is empty.
    """
    config = config or Config()
    path = Path(path)
    reader = LineReader(path, ITEMS, path.name, max_bytes=config.events.max_record_bytes)
    checker = _ItemChecker(config)
    with closing(reader):
        sample = reader.source.file.peek(SAMPLE)
        for raw in reader.records():
            checker.take(raw)
        torn, damage = reader.torn, reader.source.damage
    if not checker.rows:
        raise InputError(f"{path}: holds no lines; give a file of JSON lines, one item in each")
    return checker.report(path, shape_of(sample), bool(torn or damage)), checker.ids


class _ItemChecker:
    """Counts as rows come by."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self.rows = 0
        self.ids: set[str] = set()
        self._refused: dict[str, int] = {}
        self._unknown: dict[str, int] = {}
        self._marks = dict.fromkeys(
            ("repeated", "blank_title", "no_category", "no_text", "unavailable", "html", "cut"), 0
        )
        self._examples: list[SampleRecord] = []
        self._shown: dict[str, int] = {}
        self._texts = ScriptCounts()

    def take(self, raw: Raw) -> None:
        """Look at one row."""
        self.rows += 1
        for name in unknown_fields(raw.value or b"", KNOWN):
            tally(self._unknown, name)
        item = decode_item(raw, self._config.events)
        if isinstance(item, Reject):
            tally(self._refused, item.reason)
            field = item.detail.split(maxsplit=1)[0]  # one row of each field that is wrong
            self._show(raw, "refused", item.reason, item.detail, field)
        elif isinstance(item, ItemRecord):
            self._note(item, raw)

    def report(self, path: Path, shape: str | None, is_torn: bool) -> ItemsReport:
        """Return the report; goes over the file once more for the line numbers of the examples."""
        refused = sum(self._refused.values())
        return ItemsReport(
            path=path,
            rows=self.rows,
            taken=self.rows - refused,
            items=len(self.ids),
            refused=dict(sorted(self._refused.items())),
            **self._marks,
            unknown_fields=dict(sorted(self._unknown.items())),
            examples=tuple(numbered(path, self._examples)),
            remarks=tuple(self._remarks(shape, is_torn)),
        )

    def _note(self, item: ItemRecord, raw: Raw) -> None:
        marks = self._marks
        if item.item_id in self.ids:
            marks["repeated"] += 1
            self._show(raw, "taken", "repeated", f"{item.item_id!r} has a row before; this counts")
        self.ids.add(item.item_id)
        if not item.title:
            marks["blank_title"] += 1
            self._show(raw, "taken", "blank_title", "it is shown by its bare id")
        marks["no_category"] += not item.categories
        marks["no_text"] += item.text is None
        marks["unavailable"] += not item.available
        marks["cut"] += item.cut
        if _HTML.search(item.title) or (item.text and _HTML.search(item.text)):
            marks["html"] += 1
            self._show(raw, "taken", "html", "title or text holds HTML, which is shown as it is")
        self._texts.note(" ".join(filter(None, (item.title, item.text))))

    def _show(self, raw: Raw, outcome: str, reason: str, detail: str, field: str = "") -> None:
        tally(self._shown, f"{reason} {field}")
        if self._shown.get(f"{reason} {field}", EXAMPLES + 1) <= EXAMPLES:
            start = (raw.value or b"")[:200]
            self._examples.append(SampleRecord(0, raw.offset, outcome, reason, detail, start))

    def _remarks(self, shape: str | None, is_torn: bool) -> Iterator[str]:
        marks, refused = self._marks, sum(self._refused.values())
        if shape is not None:
            yield f"This is no file of items: {shape}."
        elif refused:
            yield (
                f"{refused:,} of {self.rows:,} rows would be refused (dead letters): their items "
                "are not known, or stay as they were."
            )
            yield from self._other_names()
        if is_torn:
            yield "The file breaks off in its last line: `penchant run` refuses it so."
        if marks["repeated"]:
            yield f"Rows of an item that has one before: {marks['repeated']:,}; the last counts."
        if marks["blank_title"]:
            yield f"Rows with a blank title: {marks['blank_title']:,}; they are shown by their id."
        if marks["html"]:
            yield f"Rows with HTML in title or text: {marks['html']:,}; write plain text."
        if self.ids and marks["unavailable"] == self.rows - refused:
            yield 'No item may be recommended: all have "available": false.'
        if self._unknown:
            names = ", ".join(sorted(self._unknown)[:8])
            yield f"Fields of items that are ignored: {names}; `attributes` may hold them."
        language = self._texts.remark(self._config.encoder.name, "titles and texts of items")
        if language is not None:
            yield language

    def _other_names(self) -> Iterator[str]:
        """Yield which fields look like missing ones under other names."""
        if "missing_field" not in self._refused:
            return
        for wanted in NEEDED:
            alike = next((name for name in self._unknown if meant_by(name, (wanted,))), None)
            if alike is not None:
                yield f"Is {alike!r} what is wanted as {wanted}? Every row needs that name."


def unknown_fields(value: bytes, known: Container[str]) -> list[str]:
    """Return the names of a record's fields that are not known, in its order."""
    try:
        return [name for name in _names.decode(value) if name not in known]
    except (
        ValueError,
        RecursionError,
    ):  # one that only the slow path of decoding can read, or none
        return []
