from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflows.config.clean import CleanSettings
from dataflows.config.events import EventSettings
from dataflows.config.finetune import FinetuneSettings
from dataflows.finetune.flow import DecodeStep
from dataflows.finetune.rounds.folder import RoundFolders
from dataflows.finetune.window.collect import Arrived, Collector, read_positions
from dataflows.finetune.window.kept import KIND_EVENT, DueWindow, read_due, read_event, read_items
from dataflows.finetune.window.window import WindowItem
from dataflows.messages.events import EventRecord, decode_event
from dataflows.messages.items import decode_item
from dataflows.messages.raw import Raw
from dataflows.state.positions import Progress
from dataflows.state.records import MemoryStore

SETTINGS = FinetuneSettings(
    models="encoder", window_events=30, encoder_events=10, encoder_seconds=1e6, least_events=3
)
CLEAN = CleanSettings(weights={"impression": 0.0})
READ = EventSettings()


def event(number: int, ts: float | None = None, kind: str = "view", **more) -> Arrived:
    record = {
        "event_id": f"e{number}",
        "user_id": f"u{number % 4}",
        "type": kind,
        "ts": 1e9 + number if ts is None else ts,
        "item_id": f"i{number % 7}",
    } | more
    raw = Raw("events", "p", number, number + 1, None, msgspec.json.encode(record))
    return Arrived(raw, decode_event(raw, READ))


def bad(number: int) -> Arrived:
    raw = Raw("events", "p", number, number + 1, None, b"\xff\xfe")
    return Arrived(raw, decode_event(raw, READ))


def item(number: int, value: dict | None, key: str | None = None) -> Arrived:
    blob = None if value is None else msgspec.json.encode(value)
    raw = Raw("items", "c", number, number + 1, (key or "").encode(), blob)
    return Arrived(raw, decode_item(raw, READ))


def collector(store: MemoryStore, progress: Progress | None = None, **more) -> Collector:
    return Collector(store, msgspec.structs.replace(SETTINGS, **more), CLEAN, progress)


def kept(store: MemoryStore) -> list[str]:
    return [read_event(store, int(key)).event_id for key, _ in store.scan(KIND_EVENT)]


def test_a_window_closes_at_every_so_many_events_whatever_the_batches():
    whole = collector(MemoryStore())
    closed = whole.take([event(n) for n in range(35)])
    assert closed == [
        DueWindow("encoder", 0, 0, 10),
        DueWindow("encoder", 1, 0, 20),
        DueWindow("encoder", 2, 0, 30),
    ]
    single = collector(MemoryStore())
    one_by_one = [due for n in range(35) for due in single.take([event(n)])]
    assert one_by_one == closed


def test_a_window_closes_when_its_time_is_over_and_enough_is_new():
    slow = collector(MemoryStore(), encoder_seconds=100.0)
    times = [0.0, 50.0, 150.0, 151.0, 200.0, 260.0]
    closed = slow.take([event(n, 1e9 + ts) for n, ts in enumerate(times)])
    # At 150 there are three events, and 150 seconds since the first; then at 260, since 151.
    assert [due.last for due in closed] == [3, 6]
    few = collector(MemoryStore(), encoder_seconds=100.0, least_events=9)
    assert few.take([event(n, 1e9 + ts) for n, ts in enumerate(times)]) == []


def test_each_kind_has_windows_of_its_own():
    both = collector(MemoryStore(), models="both", language_events=25)
    closed = both.take([event(n) for n in range(30)])
    assert [(due.kind, due.number, due.last) for due in closed] == [
        ("encoder", 0, 10),
        ("encoder", 1, 20),
        ("language", 0, 25),
        ("encoder", 2, 30),
    ]


def test_events_are_cleaned_and_counted_as_live():
    store = MemoryStore()
    gathered = collector(store)
    gathered.take(
        [
            event(0),
            event(1, kind="impression"),
            bad(2),
            Arrived(msgspec.structs.replace(event(3).raw, offset=3), event(0).one),
            event(4, kind="intents", item_id=None, intent="x", context={"do": "promote"}),
            event(5, kind="label", item_id=None, intent="x", context={"event_id": "e0"}),
            event(6, kind="search", item_id=None, text="words", intent="an intent", value=2.5),
        ]
    )
    gathered.commit()
    assert kept(store) == ["e0", "e6"]
    last = read_event(store, 1)
    assert (last.text, last.intent, last.value, last.weight) == ("words", "an intent", 2.5, 1.0)
    assert gathered.ledger.balance() == 7
    figures = gathered.ledger.as_dict()
    assert (figures["observed"], figures["dead_letter"], figures["duplicate"]) == (1, 1, 1)


def test_the_catalogue_follows_its_topic():
    store = MemoryStore()
    gathered = collector(store)
    gathered.take(
        [
            item(0, {"item_id": "a", "title": "A", "categories": ["x"]}),
            item(1, {"item_id": "b", "title": "B"}),
            item(2, {"item_id": "a", "title": "A new"}),
            item(3, None, "b"),
        ]
    )
    gathered.commit()
    assert read_items(store) == {"a": WindowItem("a", "A new")}
    assert gathered.ledger.balance() == 0


def test_memory_is_bounded_and_a_window_that_is_due_keeps_its_events():
    store = MemoryStore()
    gathered = collector(store, window_events=20)
    for n in range(200):
        gathered.take([event(n)])
        gathered.commit()
        due = read_due(store).get("encoder")
        if due is not None:
            assert [read_event(store, place).event_id for place in range(due.first, due.last)]
        assert len(store.records[KIND_EVENT]) <= 20 + 10
        assert len(store.records[KIND_EVENT]) == gathered.kept
    # A kind that is no longer tuned keeps nothing back.
    other = collector(store, models="language", window_events=20)
    other.take([event(n) for n in range(200, 300)])
    other.commit()
    assert len(store.records[KIND_EVENT]) == 20


def test_records_that_come_again_are_passed_over():
    store = MemoryStore()
    progress = Progress({0: {}})
    gathered = collector(store, progress)
    gathered.take([event(n) for n in range(5)])
    assert progress.position("p") is None
    gathered.commit()
    assert progress.position("p") == 5
    gathered.take([event(n) for n in range(3, 8)])
    gathered.commit()
    assert kept(store) == [f"e{n}" for n in range(8)]
    assert gathered.ledger.balance() == 8


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=12),
    st.lists(st.booleans(), min_size=12, max_size=12),
    st.integers(0, 12),
)
def test_killed_anywhere_it_ends_as_an_unbroken_run_does(sizes, commits, kill_after):
    def batches() -> list[list[Arrived]]:
        numbers = iter(range(sum(sizes)))
        return [[event(next(numbers)) for _ in range(size)] for size in sizes]

    unbroken = MemoryStore()
    whole = collector(unbroken)
    for batch in batches():
        whole.take(batch)
    whole.commit()

    store = MemoryStore()
    first = collector(store)
    for batch, commit in list(zip(batches(), commits, strict=False))[:kill_after]:
        first.take(batch)
        if commit:
            first.commit()
    # The process is killed here: what was not committed is lost, and read again.
    again = collector(store)
    position = read_positions(store).get("p", 0)
    for batch in batches():
        again.take([one for one in batch if one.raw.offset >= position])
    again.commit()
    assert read_due(store) == read_due(unbroken)
    assert set(kept(store)) >= set(kept(unbroken))
    assert again.ledger.as_dict() == whole.ledger.as_dict()


def test_a_mark_moves_the_position_and_is_no_record():
    store, seen = MemoryStore(), list[int]()
    mark = Raw("events", "p", 3, 5, None, None, is_mark=True)
    raws = [event(n).raw for n in range(3)] + [mark]
    ((_, arrived),) = DecodeStep(READ, "items", seen.append)(raws)
    one = collector(store)
    one.take(arrived)
    one.commit()
    assert seen == [3]
    assert read_positions(store) == {"p": 5}
    assert (one.read, one.kept, one.ledger.balance()) == (3, 3, 3)


def test_closing_all_gives_what_is_new_once():
    store = MemoryStore()
    gathered = collector(store, models="both")
    gathered.take([event(n) for n in range(7)])
    closed = gathered.close_all()
    assert [(due.kind, due.first, due.last) for due in closed] == [
        ("encoder", 0, 7),
        ("language", 0, 7),
    ]
    gathered.commit()
    assert set(read_due(store)) == {"encoder", "language"}
    assert gathered.close_all() == []
    assert collector(store, models="both").close_all() == []


def test_a_window_closed_without_a_new_record_is_stored_too():
    store = MemoryStore()
    gathered = collector(store)
    gathered.take([event(n) for n in range(4)])
    gathered.commit()
    gathered.close_all()
    gathered.commit()
    assert read_due(store)["encoder"].last == 4


# Windows handed to rounds


def fresh_events(store: MemoryStore, folders: RoundFolders) -> Sequence[str]:
    folder = folders.next(store, ("encoder",))
    if folder is None:
        return []
    window = folder.window()
    folders.done(folder)
    return [one.event_id for one in window.events[len(window.events) - window.fresh :]]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 25), st.booleans()), min_size=1, max_size=8))
def test_every_event_is_fresh_in_one_round_however_rounds_fall_behind(tmp_path_factory, steps):
    store = MemoryStore()
    gathered = collector(store, window_events=1000)
    folders = RoundFolders(tmp_path_factory.mktemp("rounds"), 365.0)
    seen: list[str] = []
    number = 0
    for size, has_round in steps:
        gathered.take([event(number + n) for n in range(size)])
        number += size
        gathered.commit()
        if has_round:
            seen += fresh_events(store, folders)
    gathered.close_all()
    gathered.commit()
    seen += fresh_events(store, folders)
    assert Counter(seen) == Counter(f"e{n}" for n in range(number))
    assert fresh_events(store, folders) == []


def test_a_round_that_was_begun_goes_on_from_the_window_that_was_stored(tmp_path):
    store = MemoryStore()
    gathered = collector(store)
    gathered.take([event(n) for n in range(10)])
    gathered.commit()
    begun = RoundFolders(tmp_path, 365.0).next(store, ("encoder",))
    assert begun is not None
    gathered.take([event(n) for n in range(10, 60)])
    gathered.commit()
    assert "e0" not in kept(store)
    again = RoundFolders(tmp_path, 365.0)
    same = again.next(store, ("encoder",))
    assert same == begun
    assert [one.event_id for one in same.window().events] == [f"e{n}" for n in range(10)]
    again.done(same)
    following = again.next(store, ("encoder",))
    assert following is not None
    window = following.window()
    assert window.fresh == min(50, len(window.events))
    assert not begun.path.exists()


def test_a_folder_without_a_whole_window_is_begun_anew(tmp_path):
    store = MemoryStore()
    gathered = collector(store)
    gathered.take([event(n) for n in range(10)])
    gathered.commit()
    half = tmp_path / "encoder-000000"
    half.mkdir()
    (half / "window.msgpack.aside").write_bytes(b"half")
    found = RoundFolders(tmp_path, 365.0).next(store, ("encoder",))
    assert found is not None
    assert len(found.window().events) == 10


def test_old_events_leave_the_window_unless_they_are_new(tmp_path):
    store = MemoryStore()
    gathered = collector(store)
    day = 86_400.0
    gathered.take([event(n, 1e9 + n * day) for n in range(10)])
    gathered.commit()
    folders = RoundFolders(tmp_path, 3.0)
    first = folders.next(store, ("encoder",))
    assert first is not None
    assert len(first.window().events) == 10
    folders.done(first)
    gathered.take([event(n, 1e9 + n * day) for n in range(10, 12)])
    gathered.close_all()
    gathered.commit()
    second = folders.next(store, ("encoder",))
    assert second is not None
    window = second.window()
    assert [one.event_id for one in window.events] == ["e8", "e9", "e10", "e11"]
    assert window.fresh == 2


@pytest.mark.parametrize("name", ["window_events", "newest_share", "attempts", "round_seconds"])
def test_settings_of_finetune_refuse_what_cannot_be_meant(name):
    with pytest.raises(ValueError, match=name):
        FinetuneSettings(**{name: 0})


def test_kinds_follow_the_setting():
    assert FinetuneSettings().kinds() == ("encoder", "language")
    assert FinetuneSettings(models="language").kinds() == ("language",)
    assert isinstance(event(1).one, EventRecord)
