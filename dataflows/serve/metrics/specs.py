"""Every metric there is: its name, kind and labels. docs/reference/metrics.md is made from here.

Names follow Prometheus: counters end in `_total`, durations are in seconds and sizes in bytes.
Every label has few values: partitions, shards, fixed words, templates of routes; never users, items
or texts.
"""

from __future__ import annotations

from dataflows.serve.metrics.metric_spec import MetricGroup, MetricSpec
from dataflows.serve.metrics.serving_specs import HTTP, STORE

INPUT = MetricGroup(
    "Input",
    "What came in and what became of it, of the whole life of the state.",
    (
        MetricSpec(
            "penchant_records_total", "counter", "Records that came in.", ("shard", "partition")
        ),
        MetricSpec(
            "penchant_outcomes_total",
            "counter",
            "What became of them: learnt, observed, skipped, duplicate or dead_letter, and why. "
            "Their sum is penchant_records_total.",
            ("shard", "partition", "outcome", "reason"),
        ),
        MetricSpec(
            "penchant_redelivered_records_total",
            "counter",
            "Records that came again and were passed over, since the start.",
            ("shard",),
        ),
        MetricSpec("penchant_events_learnt_total", "counter", "Interactions learnt.", ("shard",)),
        MetricSpec(
            "penchant_lag_records", "gauge", "Records of a topic not yet taken.", ("partition",)
        ),
        MetricSpec(
            "penchant_lag_bytes",
            "gauge",
            "Bytes of a file not yet learnt and stored.",
            ("partition",),
        ),
    ),
)
LISTS = MetricGroup(
    "Lists",
    "What goes out, since the start.",
    (
        MetricSpec(
            "penchant_lists_made_total", "counter", "Lists made, changed or not.", ("shard",)
        ),
        MetricSpec(
            "penchant_lists_sent_total",
            "counter",
            "Lists sent, since they had changed.",
            ("shard",),
        ),
        MetricSpec(
            "penchant_lists_refreshed_total",
            "counter",
            "Lists sent for a change of the catalogue.",
            ("shard",),
        ),
        MetricSpec(
            "penchant_lists_unwritable_total",
            "counter",
            "Lists that could not be sent: an error stands in the log.",
            ("shard",),
        ),
        MetricSpec(
            "penchant_items_held_back_total",
            "counter",
            "Places that items which rest left to others.",
            ("shard",),
        ),
        MetricSpec(
            "penchant_list_delay_seconds",
            "histogram",
            "From a micro-batch's arrival in the flow to its lists leaving the learn step.",
            ("shard",),
        ),
        MetricSpec(
            "penchant_record_age_seconds",
            "histogram",
            "From an event's time at the broker to its list leaving the learn step. Kafka only.",
            ("shard",),
        ),
        MetricSpec(
            "penchant_stage_seconds", "histogram", "Time that calls of a stage take.", ("stage",)
        ),
        MetricSpec(
            "penchant_outbox_messages",
            "gauge",
            "Messages not yet confirmed by whoever takes them.",
            ("shard",),
        ),
    ),
)
MODEL = MetricGroup(
    "Model",
    "What is known, and how good the lists are. Hits are of events judged before they are learnt.",
    (
        MetricSpec("penchant_items_known", "gauge", "Items of catalogue and stream.", ("shard",)),
        MetricSpec("penchant_items_available", "gauge", "Items that may be listed.", ("shard",)),
        MetricSpec(
            "penchant_items_listed",
            "gauge",
            "Items in any list sent since the start, of those that have not left.",
            ("shard",),
        ),
        MetricSpec(
            "penchant_judged_events_total",
            "counter",
            "Events whose item could have been in the list that their user had.",
            ("shard",),
        ),
        MetricSpec(
            "penchant_hits_total",
            "counter",
            "Of them, those whose item was in the list last sent (served), or among the items that "
            "are taken most (popularity).",
            ("shard", "list"),
        ),
        MetricSpec(
            "penchant_hit_rate",
            "gauge",
            "Share of events since the last drift whose item was in a list made right before.",
            ("shard",),
        ),
        MetricSpec(
            "penchant_intent_loss",
            "gauge",
            "Mean chance given to other labels than the true one, since the last drift.",
            ("shard",),
        ),
        MetricSpec("penchant_intent_labels", "gauge", "Labels of intent known.", ("shard",)),
        MetricSpec(
            "penchant_drift_alarms_total",
            "counter",
            "Alarms: hit, intent_loss or intent_label is no longer what it was. Of the whole life.",
            ("shard", "signal"),
        ),
    ),
)
FEEDBACK = MetricGroup(
    "Feedback",
    "What became of lists that events name, of the whole life of the state.",
    (
        MetricSpec("penchant_feedback_lists_total", "counter", "Lists that were seen.", ("shard",)),
        MetricSpec(
            "penchant_feedback_items_total",
            "counter",
            "Items of them that were seen (exposed) or taken, by place, from 1 to 50 and beyond.",
            ("shard", "place", "what"),
        ),
        MetricSpec(
            "penchant_feedback_apart_total",
            "counter",
            "Events that name a list nobody remembers (unknown) or an item that it lacks "
            "(foreign), and what was taken of lists never said to be seen (unseen).",
            ("shard", "why"),
        ),
    ),
)
STATE = MetricGroup(
    "State and limits",
    "What is kept, and how full it is. A full cap makes room or waits; docs/how-to/monitor.md.",
    (
        MetricSpec("penchant_state_bytes", "gauge", "Size of a shard's store.", ("shard",)),
        MetricSpec(
            "penchant_last_commit_timestamp_seconds",
            "gauge",
            "When the shard last ended an epoch, in seconds since 1970.",
            ("shard",),
        ),
        MetricSpec(
            "penchant_epochs_held_total",
            "counter",
            "Epochs that waited, since the state of the one before was not yet written.",
            ("shard",),
        ),
        MetricSpec(
            "penchant_figures_age_seconds",
            "gauge",
            "How old the shard's figures are: it was at work when it was asked.",
            ("shard",),
        ),
        MetricSpec("penchant_cap_used", "gauge", "How much of a cap is used.", ("cap", "shard")),
        MetricSpec("penchant_cap_limit", "gauge", "The cap itself.", ("cap", "shard")),
    ),
)
ENCODER = MetricGroup(
    "Encoder",
    "Texts to vectors, since the encoder came into force.",
    (
        MetricSpec(
            "penchant_encoder_texts_total",
            "counter",
            "Texts by where their vector came from: memory, file, or encoded anew.",
            ("source",),
        ),
        MetricSpec(
            "penchant_encoder_evictions_total",
            "counter",
            "Vectors dropped for want of room.",
            ("store",),
        ),
        MetricSpec(
            "penchant_encoder_tokens_per_second", "gauge", "How fast it encodes, as measured."
        ),
    ),
)
MODELS = MetricGroup(
    "Versions of models",
    "What serves, and what was decided about it.",
    (
        MetricSpec(
            "penchant_version_info",
            "gauge",
            "1 for what is in force; version is empty for the configured model.",
            ("shard", "kind", "version", "fingerprint"),
        ),
        MetricSpec("penchant_switches_total", "counter", "Encoders switched to.", ("shard",)),
        MetricSpec(
            "penchant_swaps_total",
            "counter",
            "Swaps by outcome: ready, refused or given_up. Since the start.",
            ("outcome",),
        ),
        MetricSpec(
            "penchant_gate_decisions_total",
            "counter",
            "New versions that the gate passed (promote) or held up (refuse).",
            ("kind", "verdict"),
        ),
        MetricSpec(
            "penchant_promotions_total",
            "counter",
            "Versions put in force: promote or rollback.",
            ("kind", "action"),
        ),
    ),
)
KAFKA = MetricGroup(
    "Kafka",
    "With flow.source = kafka.",
    (
        MetricSpec(
            "penchant_kafka_up", "gauge", "1 where the broker answers this side.", ("side",)
        ),
        MetricSpec(
            "penchant_kafka_events_total",
            "counter",
            "What happened to a side: outages, errors, refused, cut, jumped and others.",
            ("side", "what"),
        ),
        MetricSpec(
            "penchant_kafka_messages_underway",
            "gauge",
            "Messages that the broker has not confirmed.",
        ),
    ),
)
GENERATION = MetricGroup(
    "Language model",
    "With [generate].",
    (
        MetricSpec("penchant_generation_waiting", "gauge", "Requests that wait."),
        MetricSpec(
            "penchant_generation_total",
            "counter",
            "Requests and answers, by what became of them.",
            ("what",),
        ),
    ),
)
PROCESS = MetricGroup(
    "Process",
    "Beside these there are process_* of prometheus_client: CPU, memory, open files, start.",
    (MetricSpec("penchant_build_info", "gauge", "1, with what runs.", ("version", "python")),),
)

GROUPS = (
    INPUT,
    LISTS,
    MODEL,
    FEEDBACK,
    STATE,
    ENCODER,
    MODELS,
    KAFKA,
    GENERATION,
    HTTP,
    STORE,
    PROCESS,
)
SPECS = {spec.name: spec for group in GROUPS for spec in group.specs}
