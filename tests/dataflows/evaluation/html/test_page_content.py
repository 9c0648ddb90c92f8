"""What stands on the page, read as text: nothing unescaped, nothing fetched, every value told."""

from __future__ import annotations

import copy
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from dataflows.config.config import load_config
from dataflows.datasets.shop.shop import Shop
from dataflows.errors import InputError
from dataflows.evaluation.html.figure import HALF
from dataflows.evaluation.html.write import html, write_html
from dataflows.evaluation.made_by import made_by
from dataflows.evaluation.replay import ReplaySettings, replay
from encoders.backends.hashing import HashingEncoder
from learners.ranking.columns import GROUPS, SOMETIMES

STYLES = ("s0", "s1", "s2", "s3", "s4")


class Page(HTMLParser):
    """Tags with their attributes, and the text of all that is no script and no style."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data) -> None:
        if self.tags and self.tags[-1][0] not in ("script", "style"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def page(report) -> Page:
    return Page(html(report))


def test_hostile_words_stay_words(crowded) -> None:
    made = html(crowded)
    page = Page(made)
    names = [name for name, _ in page.tags]
    assert "img" not in names
    assert names.count("script") == 1 + sum(
        attributes.get("type") == "application/json" for _, attributes in page.tags
    )
    assert crowded["log"] in "".join(page.words)
    assert "<script>hacked" not in made
    assert all(not name.startswith("on") for _, each in page.tags for name in each)


def test_nothing_is_fetched(page) -> None:
    for name, attributes in page.tags:
        assert name not in ("iframe", "object", "embed", "base", "form", "audio", "video")
        for key in ("src", "href", "srcset", "xlink:href", "action"):
            assert (attributes.get(key) or "#").startswith(("#", "data:"))
    policy = next(each["content"] for _, each in page.tags if each.get("http-equiv") is not None)
    assert policy is not None
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_the_figures_are_those_of_the_report(page, report) -> None:
    ours = report["tie_safe"]
    hit_rate = f"hr@{report['k']}"
    for value in (ours[hit_rate], ours[f"ndcg@{report['k']}"], report["as_served"][hit_rate]):
        assert f"{value:.4f}" in page.text
    for name, baseline in report["peers"].items():
        assert name in page.text
        assert f"{baseline['lead'][hit_rate]:+.4f}".replace("-", "\N{MINUS SIGN}") in page.text
    assert report["run"]["command"] in page.text
    assert f"{report['events']['in']:,}" in page.text
    assert report["versions"]["model"] in page.text
    for group in set(GROUPS) - SOMETIMES | {"search"}:
        assert f"id={group}" not in page.text
        assert any(each.get("id") == f"signal-{group}" for _, each in page.tags)


def test_every_drawing_has_a_name_of_its_own_and_values_in_a_table(page) -> None:
    ids = [each["id"] for _, each in page.tags if "id" in each]
    assert len(ids) == len(set(ids))
    drawings = [each for name, each in page.tags if name == "svg" and each.get("role") == "img"]
    assert len(drawings) > 30
    for each in drawings:
        assert each["aria-labelledby"] in ids
        assert each["aria-describedby"] in ids
    figures = sum(name == "figure" for name, _ in page.tags)
    assert sum(name == "details" for name, _ in page.tags) == figures


def test_every_place_that_is_pointed_at_has_its_words(report) -> None:
    made = html(report)
    for figure in re.findall(r"<figure.*?</figure>", made, re.DOTALL):
        places = {int(place) for place in re.findall(r'data-i="(\d+)"', figure)}
        tips = re.search(r'class="tips">(.*?)</script>', figure, re.DOTALL)
        assert bool(places) == (tips is not None)
        if tips is not None:
            assert places <= set(range(tips[1].count('", "') + 1))


def test_docs_tell_what_each_part_of_the_report_is(report) -> None:
    docs = Path(__file__).parents[4] / "docs" / "explanation" / "replay.md"
    told = set(re.findall(r"`([a-z_]+)`", docs.read_text(encoding="utf-8")))
    parts = ("running", "by_history", "by_rank", "calibration", "contributions", "exposure")
    inside = {key for part in parts for key in report[part] if "@" not in key}
    assert set(report) | inside - {"from", "to"} <= told | {"intent"}


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_words_and_lines_stand_out_in_both_schemes(report) -> None:
    schemes = [
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))
        for block in re.findall(r":root \{(.*?)\}", html(report), re.DOTALL)
    ]
    assert len(schemes) == 2
    for colours in schemes:
        for ground in ("bg", "panel"):
            for name in ("ink", "soft", "good", "bad"):
                assert contrast(colours[name], colours[ground]) >= 4.5, name
        for name in STYLES:
            assert contrast(colours[name], colours["bg"]) >= 3.0, name
        assert contrast(colours["rest"], colours["bg"]) >= 2.5
        assert contrast(colours["tip-ink"], colours["tip"]) >= 7.0


@pytest.mark.parametrize(
    ("low", "high", "said"), [(0.01, 0.03, "Ahead of"), (-0.03, -0.01, "Behind")]
)
def test_the_verdict_is_that_of_the_paired_interval(report, low, high, said) -> None:
    told = copy.deepcopy(report)
    baseline = told["peers"][told["best_peer"]]
    baseline["lead"]["interval"][f"hr@{told['k']}"] = [low, high]
    assert f"{said} the best baseline, {told['best_peer']}" in html(told)
    baseline["lead"]["interval"][f"hr@{told['k']}"] = [-0.01, 0.01]
    assert "Not clearly apart from the best baseline" in html(told)


def test_intent_is_told_where_events_had_labels(report) -> None:
    told = copy.deepcopy(report)
    told["intent"] = {"events": 0, "accuracy": None}
    assert "Against the labels" not in html(told)
    told["intent"] = {"events": 1234, "accuracy": 0.98765, "belief": {"log_loss": None}}
    text = Page(html(told)).text
    for words in ("events 1,234", "accuracy 0.9877", "belief log loss none"):
        assert words in text


@pytest.mark.parametrize("warmup", [0.0, 0.97])
def test_a_log_of_next_to_nothing_has_a_page(tmp_path, warmup) -> None:
    Shop(seed=2, items=30, users=10).write(tmp_path, 25)
    settings = ReplaySettings(warmup=warmup, limit=25, against=())
    config = load_config(None, {}, {})
    done = replay(config, tmp_path / "events.jsonl", None, settings, HashingEncoder(16))
    assert "No baseline was run" in html(done.report)


def test_a_page_that_cannot_be_written_is_said_in_one_line(report, tmp_path) -> None:
    with pytest.raises(InputError, match="folder"):
        write_html(report, tmp_path / "nowhere" / "report.html")


def test_what_made_it_can_be_run_again() -> None:
    run = made_by(["replay", "my events.jsonl", "--html", "out.html"])
    assert run["command"] == "penchant replay 'my events.jsonl' --html out.html"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", run["at"])
    assert run["libraries"]["numpy"]


def test_the_batch_that_compiles_is_marked_and_told_apart(report) -> None:
    told = copy.deepcopy(report)
    latency = told["latency_ms"]
    latency["later"] = {"p50": 20.0, "p90": 30.0, "p95": 35.0, "p99": 40.0}
    latency["first"] = {"ms": latency["max"], "events": 32}
    latency["max"] = latency["first"]["ms"] = 5_000.0
    latency["histogram"]["edges"][-1] = 5_000.0
    page = Page(html(told))
    assert "first micro-batch, which compiles" in page.text
    assert "without it 99 % are within 40 ms" in page.text
    assert "latency, p99 40 ms p50 20 ms, batches of 32; without the first" in page.text
    assert html(told).count('class="first"') == len(HALF)
    latency["first"]["ms"] = 25.0  # compiled before, and kept
    assert "which compiles" not in Page(html(told)).text
    assert 'class="first"' not in html(told)


def test_the_card_of_calibration_says_what_its_mean_hides(report) -> None:
    told = copy.deepcopy(report)
    bins = told["calibration"]["bins"]
    bins[0] |= {"predicted": 0.002, "observed": 0.001, "places": 4_000}
    bins[-1] |= {"predicted": 0.9, "observed": 0.3, "places": 1_000}
    told["candidate_recall"] = 0.75
    text = Page(html(told)).text
    assert "a mean: the worst bin promised 90.0 %, had 30.0 %" in text
    assert "25.0 % of true items were no candidate" in text
    thin = sum(round(each["observed"] * each["places"]) < 10 for each in bins)
    assert thin >= 1
    assert f"Of {thin} of the {len(bins)} bins (hollow) fewer than 10 items were taken" in text
    figure = html(told).split('<figure id="calibration">')[1].split("</figure>")[0]
    assert figure.count("dot s0 hollow") == thin * len(HALF)
    assert "fewer than 10 taken" in figure
    for each in bins:
        each["places"] = 10**6
        each["observed"] = max(each["observed"], 0.001)
    assert "hollow) fewer" not in Page(html(told)).text
