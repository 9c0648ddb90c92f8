"""The metrics of what answers: HTTP, and the store of a `penchant serve` by itself."""

from __future__ import annotations

from dataflows.serve.metrics.metric_spec import MetricGroup, MetricSpec

HTTP = MetricGroup(
    "HTTP",
    "With serve.enabled, and of `penchant serve`.",
    (
        MetricSpec(
            "penchant_http_requests_total",
            "counter",
            "Requests answered, by template of the route.",
            ("method", "route", "status"),
        ),
        MetricSpec(
            "penchant_http_request_seconds",
            "histogram",
            "Time from a request's head to the end of its answer.",
            ("method", "route"),
        ),
        MetricSpec("penchant_stream_clients", "gauge", "Who follows /v1/stream."),
        MetricSpec("penchant_stream_changes_total", "counter", "Changes of lists told there."),
        MetricSpec("penchant_stream_dropped_total", "counter", "Who was dropped for being slow."),
    ),
)
STORE = MetricGroup(
    "Store of lists",
    "Of `penchant serve` by itself, which follows what was sent; with penchant_lag_* of its input.",
    (
        MetricSpec("penchant_store_ready", "gauge", "1 once it has caught up with its input."),
        MetricSpec(
            "penchant_store_age_seconds", "gauge", "Since the newest message in it was made."
        ),
        MetricSpec(
            "penchant_store_records_total",
            "counter",
            "Messages by topic, of all the life of the store; of these those that were older, and "
            "beside them damaged ones and removed users.",
            ("what",),
        ),
        MetricSpec(
            "penchant_store_damaged_rows_total",
            "counter",
            "Rows that were asked for since the start, and are not what was written.",
        ),
        MetricSpec("penchant_store_lists", "gauge", "Users of whom there is a list."),
        MetricSpec("penchant_store_items", "gauge", "Items that lists or the catalogue hold."),
    ),
)
