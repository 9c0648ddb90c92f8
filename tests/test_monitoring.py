"""The Grafana board and the alert rules ask for metrics that exist, with labels that they have."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import promql_parser
import pytest
import yaml

from dataflows.serve.metrics.specs import SPECS
from docs.generate.board import board

DOCS = Path(__file__).resolve().parent.parent / "docs"
ALERTS = DOCS / "monitoring/alerts.yaml"
PAGE = DOCS / "how-to/monitor.md"
ANY_TARGET = {"job", "instance"}
OF_OTHERS = {"up": set(), "process_resident_memory_bytes": set()}
"""Metrics of Prometheus itself and of its client."""
RULES = [
    rule for group in yaml.safe_load(ALERTS.read_text("utf-8"))["groups"] for rule in group["rules"]
]
QUERIES = [
    (f"{panel['title']} {target['refId']}", target["expr"].replace("$__rate_interval", "5m"))
    for panel in json.loads(board())["panels"]
    for target in panel.get("targets", ())
]
VARIABLES = [
    variable["query"]
    for variable in json.loads(board())["templating"]["list"]
    if variable["query"].startswith("label_values")
]


def labels_of(name):
    """Return the labels of a metric as it is scraped. Raises KeyError where there is none."""
    if name in OF_OTHERS:
        return OF_OTHERS[name] | ANY_TARGET
    spec, more = SPECS.get(name), set()
    if spec is None:
        base, _, part = name.rpartition("_")
        spec, more = SPECS[base], {"le"} if part == "bucket" else set()
        assert spec.kind == "histogram"
        assert part in {"bucket", "sum", "count"}
    else:
        assert spec.kind != "histogram", f"{name} is a histogram: ask for its buckets"
    return set(spec.labels) | more | ANY_TARGET


def check(expr):
    """Check an expression and what is in it; return the labels that its samples may have."""
    return CHECKS[type(expr).__name__](expr)


def of_selector(expr):
    labels = labels_of(expr.name)
    asked = {matcher.name for matcher in expr.matchers.matchers}
    assert asked <= labels, (expr.name, asked - labels)
    return labels


def of_aggregate(expr):
    labels = check(expr.expr)
    by = set(expr.modifier.labels) if expr.modifier is not None else set()
    assert by <= labels, (str(expr), by - labels)
    return by


def of_call(expr):
    labels = set().union(*(check(each) for each in expr.args))
    if expr.func.name == "histogram_quantile":
        assert "le" in labels
        labels -= {"le"}
    if expr.func.name in {"rate", "increase"}:
        name = expr.args[0].vector_selector.name
        assert name.endswith("_total") or SPECS[name.rpartition("_")[0]].kind == "histogram"
    return labels


CHECKS = {
    "VectorSelector": of_selector,
    "MatrixSelector": lambda expr: check(expr.vector_selector),
    "AggregateExpr": of_aggregate,
    "Call": of_call,
    "BinaryExpr": lambda expr: [check(each) for each in (expr.rhs, expr.lhs)][1] or check(expr.rhs),
    "ParenExpr": lambda expr: check(expr.expr),
    "NumberLiteral": lambda expr: set(),
}


@pytest.mark.parametrize(("where", "expr"), QUERIES)
def test_the_board_asks_for_what_there_is(where, expr):
    check(promql_parser.parse(expr))


@pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])
def test_alerts_ask_for_what_there_is_and_name_labels_that_are_left(rule):
    labels = check(promql_parser.parse(rule["expr"]))
    for text in rule["annotations"].values():
        assert set(re.findall(r"\$labels\.(\w+)", text)) <= labels


def test_a_metric_or_label_that_is_not_there_is_found():
    for wrong in (
        "rate(penchant_no_such_total[5m])",
        'penchant_kafka_up{sides="source"}',
        "sum by (user) (penchant_items_known)",
        "penchant_list_delay_seconds",
        "rate(penchant_items_known[5m])",
    ):
        with pytest.raises((KeyError, AssertionError)):
            check(promql_parser.parse(wrong))


def test_the_variables_of_the_board_are_labels_of_a_metric():
    for query in VARIABLES:
        name, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", query).groups()
        assert label in labels_of(name)
    assert len(VARIABLES) == 2


def test_the_board_is_as_generated():
    assert (DOCS / "monitoring/grafana.json").read_text("utf-8") == board()
    panels = json.loads(board())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_every_alert_has_a_place_in_the_page_and_leads_there():
    page = PAGE.read_text("utf-8")
    headings = re.findall(r"^### (\w+)$", page, re.MULTILINE)
    assert headings == [rule["alert"] for rule in RULES]
    for rule in RULES:
        assert rule["annotations"]["runbook"] == f"docs/how-to/monitor.md#{rule['alert'].lower()}"


def test_prometheus_takes_the_rules(tmp_path):
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed")
    command = [promtool, "check", "rules", ALERTS]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
