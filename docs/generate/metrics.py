"""The table of metrics, from their specifications."""

from __future__ import annotations

from dataflows.serve.metrics.metric_spec import MetricGroup
from dataflows.serve.metrics.specs import GROUPS

HEAD = "| metric | kind | labels | meaning |\n|---|---|---|---|\n"


def metrics() -> str:
    """Return a section for each group of metrics."""
    return "\n".join(map(_section, GROUPS))


def _section(group: MetricGroup) -> str:
    rows = [
        f"| `{spec.name}` | {spec.kind} | {', '.join(f'`{label}`' for label in spec.labels)} "
        f"| {spec.help} |\n".replace("|  |", "| |")
        for spec in group.specs
    ]
    return f"## {group.title}\n\n{group.about}\n\n{HEAD}{''.join(rows)}"
