"""The Grafana board, from its panels: docs/monitoring/grafana.json."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

WIDTH = 24
HEIGHT = 7
SOURCE = {"type": "prometheus", "uid": "${source}"}
SCOPE = 'job=~"$job",instance=~"$instance"'
"""In each query in the place of `@`: what the board was asked to show."""


class Query(NamedTuple):
    """What a line shows; `legend` names it by its labels."""

    expr: str
    legend: str = ""


class Panel(NamedTuple):
    """One picture. `unit` is one of Grafana's."""

    title: str
    about: str
    queries: tuple[Query, ...]
    unit: str = "short"


def _quantiles(name: str, by: str = "") -> tuple[Query, ...]:
    """Return queries for the median and the 99th percentile of a histogram."""
    legend = f" {{{{{by}}}}}" if by else ""
    return tuple(
        Query(
            f"histogram_quantile({share}, sum by (le{', ' + by if by else ''}) "
            f"(rate({name}_bucket{{@}}[$__rate_interval])))",
            f"p{share[2:].ljust(2, '0')}{legend}",
        )
        for share in ("0.5", "0.99")
    )


def _rate(name: str, by: str, more: str = "") -> str:
    return f"sum by ({by}) (rate({name}{{@{more}}}[$__rate_interval]))"


ROWS: tuple[tuple[str, tuple[Panel, ...]], ...] = (
    (
        "Stream",
        (
            Panel(
                "Records in",
                "What came in, by what became of it.",
                (Query(_rate("penchant_outcomes_total", "outcome"), "{{outcome}}"),),
                "reqps",
            ),
            Panel(
                "Lists",
                "Made after each event of a user; sent where they changed.",
                (
                    Query("sum(rate(penchant_lists_made_total{@}[$__rate_interval]))", "made"),
                    Query("sum(rate(penchant_lists_sent_total{@}[$__rate_interval]))", "sent"),
                    Query(
                        "sum(rate(penchant_lists_refreshed_total{@}[$__rate_interval]))",
                        "for the catalogue",
                    ),
                ),
                "reqps",
            ),
            Panel(
                "Arrival to list",
                "From a micro-batch's arrival to its lists leaving the learn step.",
                _quantiles("penchant_list_delay_seconds"),
                "s",
            ),
            Panel(
                "Broker to list",
                "From an event's time at the broker; Kafka only.",
                _quantiles("penchant_record_age_seconds"),
                "s",
            ),
            Panel(
                "Lag",
                "Records of a topic, or bytes of a file, not yet taken.",
                (
                    Query("sum by (partition) (penchant_lag_records{@})", "{{partition}}"),
                    Query("sum by (partition) (penchant_lag_bytes{@})", "{{partition}} (bytes)"),
                ),
            ),
            Panel(
                "Dead letters",
                "Records that could not be learnt, by reason.",
                (
                    Query(
                        _rate("penchant_outcomes_total", "reason", ',outcome="dead_letter"'),
                        "{{reason}}",
                    ),
                ),
                "reqps",
            ),
        ),
    ),
    (
        "Quality",
        (
            Panel(
                "Hit rate of lists as sent, and of popularity",
                "Of events whose item could have been listed, before they were learnt.",
                (
                    Query(
                        "sum by (list) (rate(penchant_hits_total{@}[30m])) / ignoring (list) "
                        "group_left () sum(rate(penchant_judged_events_total{@}[30m]))",
                        "{{list}}",
                    ),
                    Query("avg(penchant_hit_rate{@})", "ranked anew, since the last drift"),
                ),
                "percentunit",
            ),
            Panel(
                "Taken of what was seen, by place",
                "Of lists that events name: see docs/reference/messages.md.",
                (
                    Query(
                        'sum by (place) (rate(penchant_feedback_items_total{@,what="taken"}[1h])) '
                        "/ sum by (place) "
                        '(rate(penchant_feedback_items_total{@,what="exposed"}[1h]))',
                        "{{place}}",
                    ),
                ),
                "percentunit",
            ),
            Panel(
                "Intent loss",
                "Chance given to other labels than the true one, since the last drift.",
                (Query("avg(penchant_intent_loss{@})", "loss"),),
                "percentunit",
            ),
            Panel(
                "Drift alarms",
                "A figure is no longer what it was.",
                (
                    Query(
                        "sum by (signal) (increase(penchant_drift_alarms_total{@}[1h]))",
                        "{{signal}}",
                    ),
                ),
            ),
            Panel(
                "Coverage",
                "Items in any list since the start, of those that may be listed.",
                (
                    Query(
                        "max(penchant_items_listed{@}) / max(penchant_items_available{@})",
                        "listed",
                    ),
                ),
                "percentunit",
            ),
        ),
    ),
    (
        "Inside",
        (
            Panel(
                "Time of the stages",
                "Processor of the flow, by stage, in seconds a second.",
                (Query(_rate("penchant_stage_seconds_sum", "stage"), "{{stage}}"),),
                "percentunit",
            ),
            Panel(
                "Caps",
                "How full each limit is.",
                (Query("max by (cap) (penchant_cap_used{@} / penchant_cap_limit{@})", "{{cap}}"),),
                "percentunit",
            ),
            Panel(
                "Waiting",
                "Messages not yet confirmed, and requests for the language model.",
                (
                    Query("sum(penchant_outbox_messages{@})", "outbox"),
                    Query("sum(penchant_kafka_messages_underway{@})", "at the broker"),
                    Query("sum(penchant_generation_waiting{@})", "language model"),
                ),
            ),
            Panel(
                "Encoder",
                "Texts by where their vector came from.",
                (Query(_rate("penchant_encoder_texts_total", "source"), "{{source}}"),),
                "reqps",
            ),
            Panel(
                "State and memory",
                "On disk, and of the process.",
                (
                    Query("sum(penchant_state_bytes{@})", "state"),
                    Query("sum(process_resident_memory_bytes{@})", "memory"),
                ),
                "bytes",
            ),
            Panel(
                "Versions in force",
                "What serves; a change of it is a swap.",
                (
                    Query(
                        "max by (kind, version, fingerprint) (penchant_version_info{@})",
                        "{{kind}} {{version}} {{fingerprint}}",
                    ),
                ),
            ),
        ),
    ),
    (
        "HTTP",
        (
            Panel(
                "Requests",
                "By status.",
                (Query(_rate("penchant_http_requests_total", "status"), "{{status}}"),),
                "reqps",
            ),
            Panel(
                "Latency",
                "By route.",
                _quantiles("penchant_http_request_seconds", "route"),
                "s",
            ),
            Panel(
                "Stream",
                "Who follows /v1/stream.",
                (Query("sum(penchant_stream_clients{@})", "clients"),),
            ),
        ),
    ),
)


def board() -> str:
    """Return the board as JSON, to be imported into Grafana."""
    panels: list[dict[str, Any]] = []
    top = 0
    for title, row in ROWS:
        panels.append(_row(title, top, len(panels) + 1))
        top += 1
        for place, panel in enumerate(row):
            across, down = place % 3, place // 3
            at = {"x": across * 8, "y": top + down * HEIGHT, "w": WIDTH // 3, "h": HEIGHT}
            panels.append(_panel(panel, at, len(panels) + 1))
        top += HEIGHT * -(-len(row) // 3)
    whole = {
        "title": "penchant",
        "uid": "penchant",
        "tags": ["penchant"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": [_source(), _label("job"), _label("instance")]},
        "panels": panels,
    }
    return json.dumps(whole, indent=1) + "\n"


def _row(title: str, top: int, number: int) -> dict[str, Any]:
    at = {"x": 0, "y": top, "w": WIDTH, "h": 1}
    return {"id": number, "type": "row", "title": title, "gridPos": at, "panels": []}


def _panel(panel: Panel, at: dict[str, int], number: int) -> dict[str, Any]:
    targets = [
        {
            "refId": chr(ord("A") + place),
            "datasource": SOURCE,
            "expr": query.expr.replace("@", SCOPE),
            "legendFormat": query.legend,
        }
        for place, query in enumerate(panel.queries)
    ]
    return {
        "id": number,
        "type": "timeseries",
        "title": panel.title,
        "description": panel.about,
        "datasource": SOURCE,
        "gridPos": at,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": targets,
    }


def _source() -> dict[str, Any]:
    return {"name": "source", "type": "datasource", "query": "prometheus", "label": "Prometheus"}


def _label(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "label": name,
        "type": "query",
        "datasource": SOURCE,
        "query": f"label_values(penchant_build_info, {name})",
        "refresh": 2,
        "multi": True,
        "includeAll": True,
        "allValue": ".+",
        "current": {"text": "All", "value": "$__all"},
    }
