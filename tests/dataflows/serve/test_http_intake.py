"""Events and items that are handed in: checked one by one, written once, and confirmed."""

from __future__ import annotations

import json
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.config.config import FilesSettings
from dataflows.serve.answers import NotAnsweredHereError, NotReadyError
from dataflows.serve.api_types import ItemAnswer
from dataflows.serve.http.tokens import Tokens
from dataflows.serve.intake import appended_file as file_module
from dataflows.serve.intake.appended_file import AppendedFile
from dataflows.serve.intake.destination import NotTakenError, Record, Written
from dataflows.serve.intake.file import FileDestination
from dataflows.serve.intake.merge_patch import merged
from tests.dataflows.serve.fake_source import AS_OF
from tests.dataflows.serve.test_http_checks import bearer
from tests.dataflows.serve.test_http_routes import problem


def event(number: int, **more) -> dict:
    return {
        "event_id": f"e{number}",
        "user_id": f"u{number}",
        "type": "view",
        "ts": 1_700_000_000 + number,
        "item_id": "i1",
        **more,
    }


class Kept:
    """A destination that keeps what it gets; `fails` are the places that are not confirmed."""

    def __init__(self) -> None:
        self.events: list[Record] = []
        self.items: list[Record] = []
        self.fails: set[int] = set()

    def put_events(self, records, seconds):
        begin = len(self.events)
        self.events += records
        return [
            NotTakenError("no broker")
            if number in self.fails
            else Written("events-0", begin + number)
            for number in range(len(records))
        ]

    def put_item(self, record, seconds):
        if self.fails:
            raise NotTakenError("no broker")
        self.items.append(record)
        return Written("items-0", len(self.items) - 1)

    def close(self) -> None:
        pass


@pytest.fixture
def kept() -> Kept:
    return Kept()


def test_one_event_is_taken_keyed_by_its_user(door, kept):
    answer = door(intake=kept).post("/v1/events", json=event(1))
    assert answer.status_code == 202
    assert answer.json() == {
        "taken": 1,
        "refused": 0,
        "events": [{"partition": "events-0", "offset": 0}],
    }
    (record,) = kept.events
    assert record.key == b"u1"
    assert json.loads(record.value) == event(1)


def test_one_bad_of_many_is_refused_alone_with_its_place_and_reason(door, kept):
    events = [
        event(1),
        event(2, ts="soon"),
        {"user_id": "x"},
        event(4),
        5,
        event(6, type="retract", context={"event_id": "e1"}),
    ]
    answer = door(intake=kept).post("/v1/events", json=events)
    assert answer.status_code == 202
    found = answer.json()
    assert (found["taken"], found["refused"]) == (3, 3)
    assert [each.get("offset") for each in found["events"]] == [0, None, None, 1, None, 2]
    assert [each.get("reason") for each in found["events"]] == [
        None,
        "bad_time",
        "missing_field",
        None,
        "not_an_object",
        None,
    ]
    assert "ts 'soon'" in found["events"][1]["detail"]


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b'{"event_id": "e"}', 400, "missing_field: user_id is missing"),
        (b"{", 400, "bad_json"),
        (b"", 400, "it is empty"),
        (b"\xff", 400, "not_utf8"),
        (b"null", 400, "not_an_object"),
        (b"[]", 400, "the array has 0 events; from 1 to 1000"),
        (b"[" + b",".join([b"{}"] * 1001) + b"]", 400, "1001 events"),
        (b"[{}, {", 400, "not JSON"),
        (b'[{"event_id": NaN}]', 400, "not JSON"),
        (json.dumps(event(1, type="intents")).encode(), 400, "decision_in_events"),
        (json.dumps(event(1, text="x" * 1_100_000)).encode(), 413, "too_large"),
    ],
)
def test_what_is_no_event_at_all_is_a_problem_and_nothing_is_written(
    door, kept, body, status, words
):
    headers = {"content-type": "application/json"}
    found = problem(door(intake=kept).post("/v1/events", content=body, headers=headers), status)
    assert words in found.detail
    assert kept.events == []


def test_where_none_of_many_is_good_each_is_told(door, kept):
    found = problem(door(intake=kept).post("/v1/events", json=[{}, event(1, ts=-1)]), 400)
    assert "all 2 events are refused" in found.detail
    assert [each.reason for each in found.errors] == ["missing_field", "time_out_of_range"]


def test_an_event_over_many_lines_becomes_one_line(door, kept):
    text = json.dumps([event(1, text="two\nlines")], indent=2).encode().replace(b"\n", b"\r\n")
    headers = {"content-type": "application/json"}
    assert door(intake=kept).post("/v1/events", content=text, headers=headers).status_code == 202
    (record,) = kept.events
    assert b"\n" not in record.value
    assert b"\r" not in record.value
    assert json.loads(record.value)["text"] == "two\nlines"


def test_with_wait_the_list_of_the_last_event_comes_back(door, kept, source):
    answer = door(intake=kept).post("/v1/events?wait=list", json=[event(1), event(2), {}])
    assert answer.status_code == 202
    assert answer.json()["list"]["user_id"] == "u2"
    assert source.asked == [("wait_for", "u2", ("events-0", 1), 5.0)]


@pytest.mark.parametrize("raised", [NotReadyError("not yet"), NotAnsweredHereError("ask a run")])
def test_where_the_list_does_not_come_the_events_are_taken_all_the_same(door, kept, source, raised):
    source.fails = raised
    answer = door(intake=kept).post("/v1/events?wait=list", json=event(1))
    assert answer.status_code == 202
    assert answer.json()["taken"] == 1
    assert answer.json()["list_missing"] == str(raised)
    assert "list" not in answer.json()


def test_waiting_for_a_list_needs_the_scope_to_read(door, kept):
    tokens = Tokens([(frozenset({"write"}), "w" * 20), (frozenset({"read"}), "r" * 20)])
    client = door(intake=kept, tokens=tokens)
    writer, reader = bearer("w" * 20), bearer("r" * 20)
    assert client.post("/v1/events", json=event(1), headers=writer).status_code == 202
    problem(client.post("/v1/events?wait=list", json=event(1), headers=writer), 403)
    problem(client.post("/v1/events", json=event(1), headers=reader), 403)
    problem(client.ask("DELETE", "/v1/items/i1", headers=reader), 403)
    assert len(kept.events) == 1


def test_what_nobody_confirms_is_told_and_may_be_sent_again(door, kept):
    kept.fails = {1}
    client = door(intake=kept)
    found = client.post("/v1/events", json=[event(1), event(2)]).json()
    assert (found["taken"], found["refused"]) == (1, 1)
    assert found["events"][1] == {"reason": "not_confirmed", "detail": "no broker"}
    kept.fails = {0}
    answer = client.post("/v1/events", json=event(2))
    assert "no broker" in problem(answer, 503).detail
    assert "retry-after" in answer.headers


def test_an_item_is_put_patched_and_taken_out(door, kept, source):
    client = door(intake=kept)
    answer = client.ask("PUT", "/v1/items/a%2Fb", json={"title": "Tea", "categories": ["x"]})
    assert answer.status_code == 202
    assert answer.json() == {"partition": "items-0", "offset": 0}
    source.items["i1"] = ItemAnswer(
        item_id="i1",
        title="One",
        text="First",
        categories=("x",),
        attributes={"price": 2, "size": {"a": 1, "b": 2}},
        as_of=AS_OF,
    )
    patch = {"text": None, "attributes": {"size": {"a": None}}, "available": False}
    assert client.ask("PATCH", "/v1/items/i1", json=patch).status_code == 202
    assert client.ask("DELETE", "/v1/items/i1").status_code == 202
    first, second, third = kept.items
    assert first.key == b"a/b"
    assert json.loads(first.value) == {"item_id": "a/b", "title": "Tea", "categories": ["x"]}
    assert json.loads(second.value) == {
        "item_id": "i1",
        "title": "One",
        "categories": ["x"],
        "attributes": {"price": 2, "size": {"b": 2}},
        "available": False,
    }
    assert third == Record(b"i1", None)


def test_an_item_that_is_none_is_refused(door, kept, source):
    client = door(intake=kept)
    for body, words in (
        ({}, "title is missing"),
        ({"title": "T", "item_id": "other"}, "not the one in the path"),
        ({"title": "T", "categories": ["x"] * 101}, "101 entries"),
        ({"title": "T", "available": "yes"}, "true or false"),
        ([], "Expected `object`"),
    ):
        assert words in problem(client.ask("PUT", "/v1/items/i1", json=body), 400).detail
    problem(client.ask("PATCH", "/v1/items/unknown", json={}), 404)
    problem(client.ask("PATCH", "/v1/items/i1", json={"title": None}), 400)
    kept.fails = {0}
    problem(client.ask("DELETE", "/v1/items/i1"), 503)
    assert kept.items == []


def test_without_a_destination_nothing_is_taken_and_that_is_said(door, source):
    client = door()
    problem(client.post("/v1/events", json=event(1)), 501)
    problem(client.ask("PATCH", "/v1/items/i1", json={}), 501)
    assert source.asked == []


# What is written to a file


def lines_of(path) -> list[bytes]:
    return path.read_bytes().splitlines()


def put(path, *records, **files):
    settings = FilesSettings(events=str(path), follow=True, **files)
    to = FileDestination(settings, lambda: ["events.jsonl", "events.jsonl#2"])
    return to.put_events([Record(b"k", each) for each in records], 1.0)


def test_events_are_appended_as_whole_lines_and_their_places_are_told(tmp_path):
    path = tmp_path / "events.jsonl"
    assert put(path, b'{"a":1}', b'{"b":2}') == [
        Written("events.jsonl#2", 0),
        Written("events.jsonl#2", 8),
    ]
    path.write_bytes(path.read_bytes() + b'{"torn":')
    (found,) = put(path, b'{"c":3}')
    data = path.read_bytes()
    assert data[found.offset :] == b'{"c":3}\n'
    assert lines_of(path) == [b'{"a":1}', b'{"b":2}', b'{"torn":', b'{"c":3}']


def test_many_processes_append_and_no_line_is_torn(tmp_path):
    path = tmp_path / "events.jsonl"
    found: list[Written] = []

    def write(number: int) -> None:
        for turn in range(20):
            found.extend(put(path, *(b'{"n":%d,"t":%d}' % (number, turn),) * 3))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    data = path.read_bytes()
    assert len(lines_of(path)) == 240
    assert len({place.offset for place in found}) == 240
    for place in found:
        assert json.loads(data[place.offset : data.index(b"\n", place.offset)])
        assert place.offset == 0 or data[place.offset - 1 : place.offset] == b"\n"


def test_what_comes_while_one_writes_waits_for_the_disk_once(tmp_path, monkeypatch):
    to = AppendedFile(tmp_path / "events.jsonl")
    fsync, waited, found = file_module.os.fsync, [], {}

    def slow(file) -> None:
        waited.append(file)
        while len(waited) == 1 and len(to._waiting) < 7:
            time.sleep(0.001)
        fsync(file)

    monkeypatch.setattr(file_module.os, "fsync", slow)

    def write(number: int) -> None:
        found[number] = to.append([b"%d\n" % number, b"%d again\n" % number])

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    to.close()
    assert len(waited) == 2
    data = (tmp_path / "events.jsonl").read_bytes()
    assert len(data.splitlines()) == 16
    for number, (first, second) in found.items():
        assert data[first:second] == b"%d\n" % number
        assert data[second:].startswith(b"%d again\n" % number)


def test_an_error_of_the_disk_is_told_to_each_that_waits(tmp_path):
    to = AppendedFile(tmp_path / "nowhere" / "events.jsonl")
    for _ in range(2):
        with pytest.raises(FileNotFoundError):
            to.append([b"{}\n"])


def test_a_file_that_was_rotated_away_is_not_written_to(tmp_path, monkeypatch):
    path, old = tmp_path / "events.jsonl", tmp_path / "events.jsonl.1"
    put(path, b'{"a":1}')
    flock = file_module.fcntl.flock

    def rotate_then_lock(file, how) -> None:
        if not old.exists():
            path.rename(old)
        flock(file, how)

    monkeypatch.setattr(file_module.fcntl, "flock", rotate_then_lock)
    assert put(path, b'{"b":2}')[0].offset == 0
    assert (lines_of(old), lines_of(path)) == ([b'{"a":1}'], [b'{"b":2}'])


def test_a_full_disk_leaves_the_file_as_it_was_and_is_told(tmp_path, monkeypatch, door):
    path = tmp_path / "events.jsonl"
    put(path, b'{"a":1}')
    write = file_module.os.write

    def half(file, data) -> int:
        if len(data) < 10:
            raise OSError(28, "No space left on device")
        return write(file, data[:-5])

    monkeypatch.setattr(file_module.os, "write", half)
    to = FileDestination(FilesSettings(events=str(path), follow=True))
    found = problem(door(intake=to).post("/v1/events", json=event(1)), 503)
    assert "No space left on device" in found.detail
    assert lines_of(path) == [b'{"a":1}']


def test_what_is_not_ours_to_write_is_not_written(tmp_path, door):
    import gzip
    import os

    fifo, packed = tmp_path / "fifo", tmp_path / "events.jsonl.gz"
    os.mkfifo(fifo)
    packed.write_bytes(gzip.compress(b"{}\n"))
    before = packed.read_bytes()
    for path, words in (
        (str(fifo), "is read as a pipe"),
        ("-", "is read as a pipe"),
        (str(packed), "is a gzip file"),
        ("/dev/null", "is read as a pipe"),
    ):
        to = FileDestination(FilesSettings(events=path, follow=True))
        found = problem(door(intake=to).post("/v1/events", json=event(1)), 501)
        assert words in found.detail
    assert packed.read_bytes() == before
    to = FileDestination(FilesSettings(events=str(tmp_path / "events.jsonl")))
    assert "files.follow" in problem(door(intake=to).post("/v1/events", json=event(1)), 501).detail
    assert "at a start alone" in problem(door(intake=to).ask("DELETE", "/v1/items/x"), 501).detail
    assert not (tmp_path / "events.jsonl").exists()


# A patch


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [  # of RFC 7386
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_a_patch_does_what_its_rfc_says(target, patch, result):
    assert merged(target, patch) == result


JSON = st.recursive(
    st.one_of(st.booleans(), st.integers(), st.text(max_size=3)),
    lambda inner: st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text(max_size=2), JSON, max_size=4)


@given(OBJECTS, OBJECTS)
def test_a_patch_is_the_same_twice_and_leaves_its_parts_alone(target, patch):
    before = json.dumps([target, patch])
    once = merged(target, patch)
    assert merged(once, patch) == once
    assert json.dumps([target, patch]) == before
