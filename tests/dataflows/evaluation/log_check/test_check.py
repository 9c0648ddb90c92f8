"""The look at a log: every fault is counted, with its line, by the engine's own rules."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from collections import Counter
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from dataflows.config.clean import CleanSettings
from dataflows.config.config import Config
from dataflows.config.events import EventSettings
from dataflows.datasets.shop.shop import Shop
from dataflows.engine.catalogue.distinct import Distinct
from dataflows.errors import InputError
from dataflows.evaluation.log_check.check import check_events
from dataflows.evaluation.log_check.report import CheckReport, render

T = 1_700_000_000
NOW = T + 1_000_000


def event(number: int, **fields: object) -> bytes:
    made = {"event_id": f"e{number}", "user_id": f"u{number % 3}", "type": "view", "item_id": "i1"}
    return json.dumps({**made, "ts": T + number, **fields}).encode()


def bad(number: int, **fields: object) -> bytes:
    return event(number, **{"event_id": f"b{number}", **fields})


FAULTS: list[tuple[bytes, str, str]] = [
    (b'{"event_id":"b1",', "dead_letter", "bad_json"),
    (b"\xff\xfe\x83", "dead_letter", "not_utf8"),
    (b"null", "dead_letter", "not_an_object"),
    (bad(50, user_id=None), "dead_letter", "missing_field"),
    (bad(51, user_id=1.5), "dead_letter", "bad_id"),
    (bad(52)[:-1] + b',"value":NaN}', "dead_letter", "bad_json"),
    (bad(53, value="much"), "dead_letter", "bad_value"),
    (bad(54, ts=(T + 54) * 1000), "dead_letter", "time_out_of_range"),
    (bad(55, ts="soon"), "dead_letter", "bad_time"),
    (bad(56, text={"a": 1}), "dead_letter", "bad_field"),
    (bad(57, text="x" * 3000), "dead_letter", "too_large"),
    (bad(58, context={"a": {"b": {"c": {"d": 1}}}}), "dead_letter", "too_deep"),
    (event(7), "duplicate", ""),
    (bad(59, ts=T - 3 * 86_400), "learnt", "late"),
    (bad(60, type="impression"), "observed", "weight_zero"),
    (bad(61, item_id=None), "observed", "nothing_to_learn"),
]
CONFIG = Config(
    events=EventSettings(max_record_bytes=2000, max_text_chars=100, max_depth=3),
    clean=CleanSettings(weights={"impression": 0.0}),
)


def made_log(path: Path) -> dict[int, tuple[str, str]]:
    """Write 100 good events with a fault after every fifth; return line -> what becomes of it."""
    lines, faults = [], {}
    for number in range(100):
        lines.append(event(number))
        if number % 5 == 4 and number // 5 < len(FAULTS):
            if number == 44:
                lines.append(b"")  # blank lines count as lines, not as records
            bad, outcome, reason = FAULTS[number // 5]
            lines.append(bad)
            faults[len(lines)] = (outcome, reason)
    path.write_bytes(b"\n".join(lines) + b"\n")
    return faults


def printed(report: CheckReport, width: int = 160) -> str:
    console = Console(width=width, force_terminal=False, no_color=True)
    with console.capture() as captured:
        render(report, console)
    return captured.get()


def test_one_of_each_fault_is_counted_with_its_line(tmp_path: Path):
    path = tmp_path / "events.jsonl"
    faults = made_log(path)
    report = check_events(path, CONFIG, now=NOW)
    expected = Counter(outcome for outcome, _ in faults.values())
    assert report.records == 100 + len(FAULTS)
    assert report.outcomes == {
        "learnt": 100 + expected["learnt"],
        "observed": 2,
        "skipped": 0,
        "duplicate": 1,
        "dead_letter": 12,
    }
    assert report.reasons["dead_letter"] == dict(
        Counter(reason for outcome, reason in faults.values() if outcome == "dead_letter")
    )
    assert report.reasons["observed"] == {"weight_zero": 1, "nothing_to_learn": 1}
    assert {e.line: (e.outcome, e.reason) for e in report.examples} == faults
    for example in report.examples:
        line = path.read_bytes().split(b"\n")[example.line - 1]
        assert line.startswith(example.start)
        assert example.detail


def test_the_facts_about_a_made_log(tmp_path: Path):
    path = tmp_path / "events.jsonl"
    made_log(path)
    report = check_events(path, CONFIG, now=T + 90)
    assert (report.first, report.last) == (T - 3 * 86_400, T + 99)
    assert (report.users, report.items, report.is_exact) == (3, 1, True)
    assert report.types == {"view": 103, "impression": 1}
    assert report.missing["item_id"] == 1
    assert report.missing["text"] == 104
    # The late event alone; faults that can be read run a little ahead of their neighbours.
    assert report.late == 1
    assert report.max_lateness == pytest.approx(3 * 86_400 + 69, abs=2)
    assert report.out_of_order > 3
    assert report.dated_ahead == 9


def test_text_that_is_odd_is_counted_and_shown(tmp_path: Path):
    path = tmp_path / "events.jsonl"
    lines = [event(1, text="a\x07b"), event(2, text="y" * 150), event(3, text="fine"), event(4)]
    path.write_bytes(b"\n".join(lines))
    report = check_events(path, CONFIG, now=NOW)
    assert (report.text_repaired, report.text_cut) == (1, 1)
    assert report.missing["text"] == 1
    assert [(e.line, e.reason) for e in report.examples] == [
        (1, "text_repaired"),
        (2, "text_cut"),
    ]
    assert report.outcomes["learnt"] == 4


def test_policies_come_from_the_config(tmp_path: Path):
    path = tmp_path / "events.jsonl"
    many = [event(n, user_id="robot", ts=T) for n in range(20)]
    path.write_bytes(b"\n".join([event(100), event(101), *many, event(102, ts=T - 9000)]))
    assert check_events(path, now=NOW).outcomes["learnt"] == 23
    clean = CleanSettings(late="skip", bot_events_per_minute=15)
    report = check_events(path, Config(clean=clean), now=NOW)
    assert report.outcomes["skipped"] == 6
    assert report.reasons["skipped"] == {"bot": 5, "late": 1}
    assert len(report.examples) == 3 + 1


def test_ignored_fields_are_named_and_few(tmp_path: Path):
    path = tmp_path / "events.jsonl"
    lines = [event(n, itemId="x", **{f"f{n}": 1}) for n in range(500)]
    path.write_bytes(b"\n".join(lines))
    report = check_events(path, now=NOW)
    assert report.unknown_fields["itemId"] == 500
    assert len(report.unknown_fields) == 101
    assert "(others)" in report.unknown_fields
    assert "ignored" in " ".join(report.remarks)


def test_the_dirt_of_the_shop_is_found_to_the_line(tmp_path: Path):
    shop = Shop(seed=1, items=300, users=100, dirt=0.02)
    shop.write(tmp_path, 2000)
    lines = (tmp_path / "events.jsonl").read_bytes().splitlines()
    report = check_events(tmp_path / "events.jsonl")
    bad = len(lines) - 2000
    assert report.records == len(lines)
    assert report.outcomes["learnt"] == 2000
    assert report.outcomes["dead_letter"] + report.outcomes["duplicate"] == bad > 20
    assert set(report.reasons["dead_letter"]) == {
        "bad_json", "not_utf8", "time_out_of_range", "missing_field", "not_an_object",
    }  # fmt: skip


def test_a_real_broken_file_gets_an_honest_report(shared: Path):
    report = check_events(shared / "data/dirty/smp2018_data_malformed.json")
    assert report.outcomes["dead_letter"] == report.records > 11_000
    assert report.first is report.last is None
    assert [example.line for example in report.examples] == [1, 2, 3]
    assert "one JSON document over many lines" in report.remarks[0]
    text = printed(report)
    assert "今天东莞天气如何" in text
    assert "100.0%" in text


@pytest.mark.parametrize("name", ["blns.json", "blns.txt", "encodings/sample-chinese.txt"])
def test_files_that_are_no_logs_never_break_it(shared: Path, name: str):
    report = check_events(shared / "data/dirty" / name)
    assert sum(report.outcomes.values()) == report.records
    assert report.outcomes["dead_letter"] == report.records
    printed(report).encode()


def test_a_binary_file_gets_a_report_that_can_be_printed(tmp_path: Path):
    path = tmp_path / "model.bin"
    path.write_bytes(bytes(range(256)) * 200)
    report = check_events(path)
    assert report.outcomes["dead_letter"] == report.records
    assert "binary" in report.remarks[0]
    text = printed(report)
    assert not set(text) & {chr(code) for code in range(32) if code != 10}


def test_markup_in_a_log_is_printed_as_it_stands(tmp_path: Path):
    path = tmp_path / "[red]events.jsonl"
    path.write_bytes(b"[/bold][red]oops\n" + event(1, type="[blink]view[/blink]", **{"[x]": 1}))
    text = printed(check_events(path))
    for words in ("[/bold][red]oops", "[blink]view[/blink] 1", "[red]events", "[x] 1"):
        assert words in text


def test_what_cannot_be_checked_is_one_line(tmp_path: Path):
    (tmp_path / "empty.jsonl").write_bytes(b"")
    (tmp_path / "blank.jsonl").write_bytes(b"\n\n \n")
    for name, words in {
        "empty.jsonl": "holds no lines",
        "blank.jsonl": "holds no lines",
        "nowhere.jsonl": "No such file",
        ".": "Is a directory",
    }.items():
        with pytest.raises(InputError, match=words) as error:
            check_events(tmp_path / name)
        assert "\n" not in str(error.value)
        assert str(tmp_path) in str(error.value)


def test_a_compressed_log_is_read_and_a_cut_one_is_told(tmp_path: Path):
    path = tmp_path / "log.jsonl"
    packed = gzip.compress(b"\n".join(event(n) for n in range(2000)) + b"\n[]\n")
    path.write_bytes(packed)
    report = check_events(path, now=NOW)
    assert report.outcomes["learnt"] == 2000
    assert [example.line for example in report.examples] == [2001]
    path.write_bytes(packed[: len(packed) // 2])
    report = check_events(path, now=NOW)
    assert 0 < report.outcomes["learnt"] < 2000
    assert any("cut off before its end" in remark for remark in report.remarks)


def test_a_log_out_of_order_is_said_so(tmp_path: Path):
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"\n".join(event(n) for n in (0, 5, 3, 6, 1)))
    report = check_events(path, now=NOW)
    assert (report.out_of_order, report.max_step_back) == (2, 5.0)
    assert "not in order of time" in report.remarks[-1]
    in_order = tmp_path / "in_order.jsonl"
    in_order.write_bytes(b"\n".join(event(n) for n in range(6)))
    assert check_events(in_order, now=NOW).remarks == ()


def test_memory_does_not_grow_with_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("dataflows.evaluation.log_check.check.Distinct", partial(Distinct, 1000))
    path = tmp_path / "events.jsonl"
    config = Config(clean=CleanSettings(remembered_ids=1000, bot_users=100))

    def peak(count: int) -> int:
        with path.open("wb") as out:
            for n in range(count):
                out.write(event(n, user_id=f"u{n}", item_id=f"i{n}", type=f"t{n}") + b"\n")
        tracemalloc.start()
        check_events(path, config, now=NOW)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(100)  # what is loaded once does not count
    small = peak(4_000)
    assert peak(10_000) < 1.1 * small


@pytest.mark.parametrize("name", ["itemid", "itemId", "product_id", "sku"])
def test_an_ignored_field_that_stands_for_one_that_is_lacking_is_told(tmp_path: Path, name: str):
    path = tmp_path / "events.jsonl"
    lines = [event(n).replace(b'"item_id"', f'"{name}"'.encode()) for n in range(4)]
    path.write_bytes(b"\n".join(lines) + b"\n")
    said = " ".join(printed(check_events(path, CONFIG, now=NOW)).split())
    assert f"Is '{name}' what is wanted as item_id, which 4 of 4 events lack?" in said
    path.write_bytes(b"\n".join(event(n, **{name: "x"}) for n in range(4)) + b"\n")
    assert "what is wanted as item_id" not in printed(check_events(path, CONFIG, now=NOW))


def test_optional_fields_are_told_by_where_they_stand(tmp_path: Path):
    path = tmp_path / "events.jsonl"
    lines = [event(n, item_id="a", text="words") for n in range(3)] + [event(3, item_id="a")]
    path.write_bytes(b"\n".join(lines) + b"\n")
    said = printed(check_events(path, CONFIG, now=NOW))
    assert "item_id in all; text in 3 of 4; value, session_id, intent in none" in said


def test_settings_are_proposed_with_the_doubt_that_an_unread_file_may_have_them(tmp_path: Path):
    path = tmp_path / "events.jsonl"
    path.write_bytes(event(0, type="buy") + b"\n" + event(1, type="look") + b"\n")
    console = Console(width=160, force_terminal=False, no_color=True)
    for unread in (None, Path("penchant.toml")):
        with console.capture() as captured:
            render(check_events(path, now=NOW), console, unread)
        said = captured.get()
        assert "buy = 5" in said
        doubt = "(penchant.toml was not read and may have them already: give --config penchant.toml"
        assert (doubt in said) == (unread is not None)


@given(st.lists(st.text(max_size=5), max_size=60))
def test_distinct_is_exact_while_it_fits(words: list[str]):
    counter = Distinct(64)
    for word in words:
        counter.add(word)
    assert counter.is_exact
    assert counter.count() == len({word.encode("utf-8", "replace") for word in words})


def test_distinct_is_near_beyond_its_capacity():
    counter = Distinct(4000)
    for number in range(100_000):
        counter.add(f"u{number % 60_000}")
    assert not counter.is_exact
    assert counter.count() == pytest.approx(60_000, rel=4 / 4000**0.5)
    assert len(counter._hashes) == 4000
