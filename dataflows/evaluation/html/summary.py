"""The head of the page: what came out in one sentence, the figures to know, the main table."""

from __future__ import annotations

from typing import Any, NamedTuple

from dataflows.evaluation.html import words
from dataflows.evaluation.html.figure import Table
from dataflows.evaluation.html.list_figures import slow_first
from dataflows.evaluation.html.methods import OURS, figures_of, methods
from dataflows.evaluation.metrics.rank_metrics import names
from dataflows.evaluation.report import more_by, usual_latency


class Card(NamedTuple):
    """One figure to know: what it is, its value, and what there is to say beside it."""

    label: str
    value: str
    note: str


def verdict(report: dict[str, Any]) -> tuple[str, str]:
    """Compare ours with the best baseline: return a class (good, bad, open) and a sentence."""
    best, hit_rate = report["best_peer"], names(report["k"])[0]
    if best is None:
        return "open", "No baseline was run beside it, so these figures are compared with nothing."
    baseline = report["peers"][best]
    lead, limits = baseline["lead"][hit_rate], baseline["lead"]["interval"][hit_rate]
    if lead is None or limits is None:
        return "open", "Too few events were scored to compare with the baselines."
    by = more_by(lead, baseline[hit_rate])
    much = "" if by is None else f" ({words.signed(by, 0)} %)"
    lead_text = (
        f"the best baseline, {best}: {words.signed(lead, 4)} {hit_rate.upper()}{much}, paired 95 % "
        f"interval {words.signed_span(limits)}."
    )
    if limits[0] > 0:
        return "good", f"Ahead of {lead_text}"
    return (
        ("bad", f"Behind {lead_text}")
        if limits[1] < 0
        else ("open", f"Not clearly apart from {lead_text}")
    )


def cards(report: dict[str, Any]) -> list[Card]:
    """Return the figures to know."""
    hit_rate, ndcg, _ = names(report["k"])
    ours, calibration, exposure = report[OURS], report["calibration"], report["exposure"]
    return [
        Card(
            hit_rate.upper(),
            words.share(ours[hit_rate], 4),
            f"95 %: {words.span(ours['interval'][hit_rate])}",
        ),
        Card(
            ndcg.upper(),
            words.share(ours[ndcg], 4),
            f"95 %: {words.span(ours['interval'][ndcg])}",
        ),
        Card(
            f"{hit_rate.upper()} as served",
            words.share(report["as_served"][hit_rate], 4),
            "by the list last sent",
        ),
        Card(
            "candidate recall",
            words.percent(report["candidate_recall"]),
            "true items that were scored",
        ),
        Card(
            "calibration error",
            words.share(calibration["ece"], 4),
            calibration_note(report),
        ),
        Card(
            "catalogue shown",
            words.percent(report["coverage"]),
            f"{words.count(exposure['shown'])} of {words.count(exposure['items'])} items",
        ),
        Card(
            "speed",
            f"{words.count(report['events_per_cpu_second'])}/s",
            "events per CPU second",
        ),
        latency_card(report),
    ]


def latency_card(report: dict[str, Any]) -> Card:
    """Return the card of latency: what is usual, and apart from it the batch that compiles."""
    usual, first = usual_latency(report), slow_first(report)
    note = f"p50 {words.milliseconds(usual['p50'])}, batches of {report['settings']['batch_size']}"
    if first is not None:
        note += f"; without the first, which compiles: {words.milliseconds(first)}"
    return Card("latency, p99", words.milliseconds(usual["p99"]), note)


def calibration_note(report: dict[str, Any]) -> str:
    """Describe what the mean error hides."""
    of, recall = report["calibration"], report["candidate_recall"]
    note = (
        f"hits promised {words.percent(of['predicted_hits'])}, "
        f"had {words.percent(of['observed_hits'])}"
    )
    if not of["bins"]:
        return note
    worst = max(of["bins"], key=lambda each: abs(each["predicted"] - each["observed"]))
    note += (
        f"; a mean: the worst bin promised {words.percent(worst['predicted'])}, "
        f"had {words.percent(worst['observed'])}"
    )
    return note + f"; {words.percent(1 - recall)} of true items were no candidate"


def main_table(report: dict[str, Any]) -> Table:
    """Return every method with all its figures, and the difference to ours."""
    k = report["k"]
    hit_rate, ndcg, mrr = (name.upper() for name in names(k))
    head = ["method", hit_rate, "95 %", ndcg, mrr, "cold", "warm"]
    head += ["lead", "lead, 95 %", "cold lead, 95 %", "events/s"]
    rows = []
    for method in methods(report):
        figures = figures_of(report, method)
        of_baseline = method.key != OURS
        speed = (figures if of_baseline else report)["events_per_cpu_second"]
        cells = [method.label, *_own(figures, k)]
        cells += _lead(figures, k) if of_baseline else [words.NOTHING] * 3
        rows.append([*cells, words.count(speed)])
    return Table(head, rows)


def _own(figures: dict[str, Any], k: int) -> list[str]:
    hit_rate, ndcg, mrr = names(k)
    return [
        words.share(figures[hit_rate], 4),
        words.span(figures["interval"][hit_rate]),
        words.share(figures[ndcg], 4),
        words.share(figures[mrr], 4),
        words.share(figures["cold"][hit_rate]),
        words.share(figures["warm"][hit_rate]),
    ]


def _lead(baseline: dict[str, Any], k: int) -> list[str]:
    hit_rate, lead = names(k)[0], baseline["lead"]
    by = more_by(lead[hit_rate], baseline[hit_rate])
    return [
        words.signed(lead[hit_rate], 4) + ("" if by is None else f" ({words.signed(by, 0)} %)"),
        words.signed_span(lead["interval"][hit_rate]),
        words.signed_span(lead["cold"]["interval"][hit_rate]),
    ]


def asking_table(report: dict[str, Any]) -> Table:
    """Return the three ways of asking, side by side."""
    k = report["k"]
    titles = {
        "tie_safe": "one ranking before a group",
        "plain": "a ranking before each event",
        "as_served": "the list last sent",
    }
    head = ["asked", *(name.upper() for name in names(k)), "95 %"]
    rows = [
        [
            said,
            *(words.share(report[key][name], 4) for name in names(k)),
            words.span(report[key]["interval"][names(k)[0]]),
        ]
        for key, said in titles.items()
    ]
    return Table(head, rows)
