"""How versions look on a screen: a table of all, and all of one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from dataflows.finetune.rounds.view import describe_decision
from dataflows.messages.fields import iso
from dataflows.registry.decisions import GateDecision, PairedMeasure
from dataflows.registry.manifest import Kind, Manifest, Promotion

SHOWN = {"log_rank": "rank", "log_rank_unseen": "unseen", "pipeline_hit_rate": "HR@10"}
"""Gains of the gate that the table of all versions has room for, and what they are called."""
RECENT = 10
"""Promotions and decisions shown below the table."""


def show_all(
    versions: Sequence[Manifest],
    lines: Mapping[Kind, Sequence[str]],
    promotions: Sequence[Promotion],
    decisions: Sequence[GateDecision],
    console: Console,
) -> None:
    """Write the table of versions; below it the newest promotions, and decisions of the gate."""
    if versions:
        console.print(_versions(versions, lines))
    else:
        console.print("There is no version yet; the models that the configuration names serve.")
    for title, texts in (
        ("promotions", [_promotion_line(promotion) for promotion in promotions[-RECENT:]]),
        ("decisions of the gate", [_decided(decision) for decision in decisions[-RECENT:]]),
    ):
        if texts:
            console.print(f"\n{title}, newest last")
            for line in texts:
                console.print(line)


def _versions(versions: Sequence[Manifest], lines: Mapping[Kind, Sequence[str]]) -> Table:
    table = Table(title="versions", box=None)
    table.add_column("version", no_wrap=True)  # to be copied whole
    for name in ("made", "form", "size", "gate", *SHOWN.values(), ""):
        table.add_column(name)
    for one in versions:
        table.add_row(
            Text(f"{one.id} ({one.name})" if one.name else one.id),
            _moment(one.made)[:16],
            _text(one.form),
            _size(one.size),
            _verdict(one),
            *(_gain(figures_of(one).get(name)) for name in SHOWN),
            _standing(one, lines[one.kind]),
        )
    return table


def show_one(one: Manifest, line: Sequence[str], console: Console) -> None:
    """Write all that is known of one version."""
    facts = Table(title=one.id, box=None, show_header=False)
    for name, value in _facts(one, line):
        facts.add_row(name, _text(value))
    console.print(facts)
    if figures := figures_of(one):
        table = Table("figure", "before", "after", "gain", "95 % interval", title="gate", box=None)
        for name, figure in figures.items():
            table.add_row(_text(name), *_figure(figure))
        console.print(table)
    others = {name: value for name, value in one.figures.items() if name not in figures}
    for name, values in (("data", one.data), ("settings", one.settings), ("figures", others)):
        if values:
            console.print(_pairs(name, values))
    files = Table("file", "bytes", "sha256", title="files", box=None)
    for path, file in sorted(one.files.items()):
        files.add_row(_text(path), f"{file.bytes:,}", file.sha256[:16])
    console.print(files)


def as_builtins(one: Manifest, line: Sequence[str]) -> dict[str, Any]:
    """Return a version as plain values for JSON, with how it stands."""
    import msgspec

    fields: dict[str, Any] = msgspec.to_builtins(one)
    return fields | {"standing": _standing(one, line) or None}


def figures_of(one: Manifest) -> dict[str, PairedMeasure]:
    """Read those figures that compare two models, which the gate decided on."""
    import msgspec

    found: dict[str, PairedMeasure] = {}
    for name, value in one.figures.items():
        try:
            found[name] = msgspec.convert(value, PairedMeasure)
        except msgspec.ValidationError:
            continue
    return found


def _facts(one: Manifest, line: Sequence[str]) -> Iterable[tuple[str, str]]:
    yield "kind", f"{one.kind}, {one.form}"
    yield "standing", _standing(one, line) or "not in force"
    yield "gate", _verdict(one)
    for reason in (one.gate or {}).get("reasons") or ():
        yield "", str(reason)
    yield "fingerprint", one.fingerprint
    yield "made", _moment(one.made)
    yield "base", one.base
    yield "parents", ", ".join(one.parents) or "none"
    if one.name:
        yield "name", one.name
    if one.dim is not None:
        yield "dimensions", str(one.dim)
    yield "size", _size(one.size)


def _standing(one: Manifest, line: Sequence[str]) -> str:
    if line[-1] == one.id:
        return "in force"
    return "before it" if one.id in line[-2:] else ""


def _verdict(one: Manifest) -> str:
    return {"promote": "won", "refuse": "refused", None: "not judged"}.get(one.verdict, "unknown")


def _gain(figure: PairedMeasure | None) -> str:
    return "" if figure is None else f"{figure.gain:+.3f}"


def _figure(figure: PairedMeasure) -> tuple[str, str, str, str]:
    return (
        f"{figure.before:.4f}",
        f"{figure.after:.4f}",
        f"{figure.gain:+.4f}",
        f"{figure.low:+.4f} to {figure.high:+.4f}",
    )


def _pairs(title: str, values: Mapping[str, Any]) -> RenderableType:
    table = Table(title=title, box=None, show_header=False)
    for name, value in values.items():
        is_number = isinstance(value, float)
        table.add_row(_text(name), f"{value:,.6g}" if is_number else _text(str(value)))
    return table


def _promotion_line(promotion: Promotion) -> Text:
    what = promotion.version or "the configured model"
    before = promotion.previous or "the configured model"
    return _text(
        f"{_moment(promotion.time)}  {promotion.kind}: {promotion.action} to {what} "
        f"from {before}: {promotion.reason}"
    )


def _decided(decision: GateDecision) -> Text:
    return _text(f"{_moment(decision.time)}  {decision.kind}: {describe_decision(decision)}")


def _moment(seconds: float) -> str:
    try:
        return iso(seconds)[:19].replace("T", " ")
    except ValueError:
        return "?"


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"


def _text(value: str) -> Text:
    """Return text in which brackets are no markup."""
    return Text(value, overflow="fold")
