"""Cleaning by named policies: what each does, and that a restart changes nothing."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.config.clean import CleanSettings
from dataflows.config.events import EventSettings
from dataflows.engine.batch import EncodedEvent
from dataflows.engine.cleaning import stream_memory
from dataflows.engine.cleaning.cleaner import Cleaner, Verdict, to_interaction
from dataflows.engine.cleaning.stream_memory import EventRates, SeenIds, Watermark
from dataflows.messages.events import EventRecord, decode_event
from dataflows.messages.raw import Raw, Reject
from dataflows.state.ledger import Ledger
from dataflows.state.records import MemoryStore

T = 1_700_000_000.0
DAY = 86_400.0
numbers = itertools.count()


def made(ts: float = T, user: str = "u1", **fields: Any) -> EventRecord:
    given = {"event_id": f"made-{next(numbers)}", "type": "view", "item_id": "i1", **fields}
    return EventRecord(user_id=user, ts=ts, **given)


def raw(broker: float | None = None) -> Raw:
    return Raw("events", "events-0", 0, 1, None, b"", broker)


def judged(
    cleaner: Cleaner, events: Iterable[EventRecord], broker: float | None = None
) -> list[Verdict]:
    return [cleaner.judge(event, raw(broker)) for event in events]


def outcomes(verdicts: Iterable[Verdict]) -> list[str]:
    return [verdict.outcome for verdict in verdicts]


def honest(start: float, n: int = 10) -> list[EventRecord]:
    return [made(start + step, f"u{step % 3}") for step in range(n)]


# Time.


@pytest.mark.parametrize("late", ["learn", "skip"])
@pytest.mark.parametrize("place", [0, 1, 5])
@pytest.mark.parametrize("again", [1, 3])
def test_events_dated_a_day_ahead_do_not_make_honest_ones_late(
    late: Any, place: int, again: int
) -> None:
    """A log without a broker's clock: the early one is learnt, but time does not follow it."""
    cleaner = Cleaner(CleanSettings(late=late))
    stream = honest(T)
    stream[place:place] = [made(T + DAY + step, "rogue") for step in range(again)]
    assert outcomes(judged(cleaner, stream)) == ["learn"] * (10 + again)
    assert cleaner.counts.late == 0
    assert cleaner.watermark is not None
    assert cleaner.watermark <= T + 9


@pytest.mark.parametrize(("ahead", "first"), [("clamp", "learn"), ("skip", "skip:ahead")])
@pytest.mark.parametrize("late", ["learn", "skip"])
def test_an_event_ahead_of_the_broker_is_clamped_or_skipped_and_counted(
    ahead: Any, first: str, late: Any
) -> None:
    cleaner = Cleaner(CleanSettings(ahead=ahead, late=late))
    early = cleaner.judge(made(T + DAY), raw(T))
    assert (early.outcome, early.reason, early.ahead) == (first, "ahead", DAY)
    if ahead == "clamp":
        assert early.ts == T
    assert outcomes(judged(cleaner, honest(T), broker=T + 10)) == ["learn"] * 10
    assert (cleaner.counts.ahead, cleaner.counts.max_ahead) == (1, DAY)
    assert cleaner.counts.late == 0


def test_a_clock_that_is_a_little_fast_is_nothing_to_speak_of() -> None:
    cleaner = Cleaner(CleanSettings(max_skew=300))
    found = cleaner.judge(made(T + 300), raw(T))
    assert (found.outcome, found.reason, found.ts, found.ahead) == ("learn", "", T + 300, 0.0)
    assert cleaner.judge(made(T + 300.5), raw(T)).reason == "ahead"


@pytest.mark.parametrize("broker", [0.0, -0.001, T / 1000])
def test_a_broker_time_that_is_none_does_not_send_events_to_1970(broker: float) -> None:
    found = Cleaner(CleanSettings()).judge(made(T), raw(broker))
    assert (found.outcome, found.ts) == ("learn", T)


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.floats(-1e6, 1e6)), max_size=40),
    st.floats(0, 1000),
)
def test_time_never_passes_the_brokers_by_more_than_the_skew(
    moves: list[tuple[str, float]], skew: float
) -> None:
    cleaner = Cleaner(CleanSettings(max_skew=skew))
    for step, (user, off) in enumerate(moves):
        found = cleaner.judge(made(T + step + off, user), raw(T + step))
        assert found.lateness >= 0
        assert found.ts <= T + step + skew
        assert cleaner.watermark is None or cleaner.watermark <= T + step + skew


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "rogue"]), st.floats(0, 5000)), max_size=60))
def test_one_user_far_ahead_never_moves_time_past_the_others(
    moves: list[tuple[str, float]],
) -> None:
    watermark, now, others = Watermark(), T, 0.0
    for user, gap in moves:
        now += gap
        if user == "rogue":
            watermark.advance(now + DAY, user, 300)
        else:
            others = now
            watermark.advance(now, user, 300)
        assert watermark.time is None or watermark.time <= others


@given(st.lists(st.floats(0, 300), min_size=3, max_size=40))
def test_in_a_busy_honest_stream_event_time_is_the_newest_event(gaps: list[float]) -> None:
    watermark, now = Watermark(), T
    watermark.advance(T, "first", 300)
    for step, gap in enumerate(gaps):
        now += gap
        assert watermark.lateness(now) == 0
        watermark.advance(now, f"u{step % 3}", 300)
        assert watermark.time == now


def test_a_claim_waits_for_the_next_user_and_is_dropped_when_the_old_time_still_holds() -> None:
    watermark = Watermark(time=T)
    for ts, user, wanted in [
        (T + 4000, "a", T),  # one user alone is not believed,
        (T + 9000, "a", T),  # nor twice,
        (T + 10, "a", T + 10),  # and an event in the old time takes the claim back
        (T + 5000, "b", T + 10),
        (T - 4000, "c", T + 10),  # a late event says nothing about it
        (T + DAY, "c", T + 5000),  # two in a row: as far as the lower one
        (T + DAY, "c", T + 5000),
        (T + 5100, "d", T + 5100),
        (T + DAY, "d", T + 5100),
    ]:
        watermark.advance(ts, user, 300)
        assert watermark.time == wanted


def test_after_a_quiet_night_time_goes_on_with_the_second_user() -> None:
    cleaner = Cleaner(CleanSettings(late="skip"))
    judged(cleaner, honest(T))
    assert outcomes(judged(cleaner, honest(T + DAY / 3))) == ["learn"] * 10
    assert cleaner.watermark == T + DAY / 3 + 9


@pytest.mark.parametrize(("late", "wanted"), [("learn", "learn"), ("skip", "skip:late")])
def test_a_late_event_is_learnt_or_skipped_and_its_lateness_counted(late: Any, wanted: str) -> None:
    cleaner = Cleaner(CleanSettings(late=late))
    judged(cleaner, honest(T))
    found = cleaner.judge(made(T + 9 - 3 * DAY), raw())
    assert (found.outcome, found.reason, found.lateness) == (wanted, "late", 3 * DAY)
    assert found.ts == T + 9 - 3 * DAY
    assert (cleaner.counts.late, cleaner.counts.max_lateness) == (1, 3 * DAY)
    assert cleaner.watermark == T + 9


def test_a_little_disorder_is_not_late() -> None:
    cleaner = Cleaner(CleanSettings(late="skip", late_after=300))
    judged(cleaner, honest(T))
    assert cleaner.judge(made(T + 9 - 300), raw()).reason == ""
    assert cleaner.judge(made(T + 9 - 300.5), raw()).outcome == "skip:late"


# Duplicates.


def test_the_second_of_two_events_with_one_id_is_a_duplicate_and_moves_nothing() -> None:
    cleaner = Cleaner(CleanSettings())
    judged(cleaner, honest(T))
    assert cleaner.judge(made(T, event_id="e1"), raw()).outcome == "learn"
    again = cleaner.judge(made(T + 250, event_id="e1"), raw())
    assert again.outcome == again.in_ledger == "duplicate"
    assert cleaner.watermark == T + 9
    assert cleaner.counts.duplicates == 1


def test_an_event_that_a_policy_skipped_is_a_duplicate_when_it_comes_again() -> None:
    cleaner = Cleaner(CleanSettings(ahead="skip"))
    verdicts = [cleaner.judge(made(T + DAY, event_id="e1"), raw(T)) for _ in range(2)]
    assert outcomes(verdicts) == ["skip:ahead", "duplicate"]


def test_no_memory_of_ids_means_no_duplicates() -> None:
    cleaner = Cleaner(CleanSettings(remembered_ids=0))
    assert outcomes(judged(cleaner, [made(event_id="e1")] * 2)) == ["learn", "learn"]


@given(st.lists(st.integers(0, 40), max_size=120), st.integers(1, 12))
def test_the_memory_of_ids_is_at_least_its_capacity_and_bounded(
    ids: list[int], capacity: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stream_memory, "SEGMENT", 4)
        memory = SeenIds(capacity)
        newest: list[int] = []  # distinct, in the order in which they were remembered
        for number in ids:
            new = memory.add(str(number))
            if number in newest[-capacity:]:
                assert not new
            if number not in newest[-(capacity + 8) :]:
                assert new
            if new:
                newest = [known for known in newest if known != number] + [number]
            assert len(memory) < capacity + 8


@pytest.mark.parametrize("n", range(16))
def test_a_restored_memory_of_ids_knows_the_same_ids_from_then_on(n: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stream_memory, "SEGMENT", 3)
        memory, store = SeenIds(5), MemoryStore()
        for number in range(n):
            memory.add(str(number))
        store.commit(memory.changed())
        again = SeenIds(5)
        again.restore(store.scan)
        assert again._known == memory._known
        for number in range(n, n + 8):
            assert again.add(str(number)) == memory.add(str(number))
            assert again._known == memory._known


# Bots.


@pytest.mark.parametrize(
    ("bots", "above"), [("skip", "skip:bot"), ("observe", "observe"), ("off", "learn")]
)
def test_above_so_many_events_in_a_minute_a_user_is_a_bot(bots: Any, above: str) -> None:
    cleaner = Cleaner(CleanSettings(bots=bots))
    burst = [made(T + step * 0.09, "bot") for step in range(640)]
    person = [made(T + 58, "person")]
    after = [made(T + 60, "bot")]
    found = outcomes(judged(cleaner, burst + person + after))
    assert found == ["learn"] * 600 + [above] * 40 + ["learn", "learn"]
    assert cleaner.counts.bots == (0 if bots == "off" else 40)


def test_a_bots_events_with_one_time_stamp_are_found_too() -> None:
    cleaner = Cleaner(CleanSettings(bot_events_per_minute=5))
    assert outcomes(judged(cleaner, [made() for _ in range(8)]))[5:] == ["skip:bot"] * 3


@given(
    st.lists(st.tuples(st.sampled_from("abcdef"), st.floats(-200, 200)), max_size=80),
)
def test_counts_in_a_minute_agree_with_a_plain_count(moves: list[tuple[str, float]]) -> None:
    rates = EventRates(100)
    minutes: dict[str, list[float]] = {}
    for user, ts in moves:
        minute = minutes.get(user)
        if minute is None or abs(ts - minute[0]) >= 60:
            minute = minutes[user] = []
        minute.append(ts)
        assert rates.add(user, ts) == len(minute)


def test_the_memory_of_users_is_bounded_and_keeps_those_seen_last() -> None:
    rates = EventRates(3)
    for user in "abcad":  # d takes the place of b, since a came again
        rates.add(user, T)
    assert len(rates) == 3
    assert [rates.add(user, T) for user in "acd"] == [3, 2, 2]
    assert rates.add("b", T) == 1


def test_a_user_who_was_forgotten_and_returns_is_written_once() -> None:
    rates = EventRates(1)
    for user in "aba":
        rates.add(user, T)
    assert [(key, blob is None) for _, key, blob in rates.changed()] == [("b", True), ("a", False)]


# Weights and what there is to learn.


def test_a_type_has_the_weight_of_the_settings_or_one() -> None:
    cleaner = Cleaner(CleanSettings(weights={"buy": 10.0, "scroll": 0.0}))
    found = judged(cleaner, [made(type="buy"), made(type="view"), made(type="scroll")])
    assert [(v.outcome, v.reason, v.weight) for v in found] == [
        ("learn", "", 10.0),
        ("learn", "", 1.0),
        ("observe", "weight_zero", 0.0),
    ]


def test_a_type_rests_as_the_settings_say_and_else_as_is_learnt() -> None:
    cleaner = Cleaner(CleanSettings(rests={"buy": 3_600.0, "look": 0.0}))
    events = [made(type=name) for name in ("buy", "look", "view")]
    verdicts = judged(cleaner, events)
    assert [verdict.rest for verdict in verdicts] == [3_600.0, 0.0, None]
    for event, verdict in zip(events, verdicts, strict=True):
        record = EncodedEvent(raw(), event, None)
        assert to_interaction(record, verdict, 5, "a title").rest == verdict.rest


def test_what_was_not_taken_is_no_choice_unless_it_is_given_a_weight() -> None:
    events = [made(type="negative")]
    (plain,) = judged(Cleaner(CleanSettings(weights={"buy": 10.0})), events)
    (weighed,) = judged(Cleaner(CleanSettings(weights={"negative": -0.2})), events)
    assert (plain.outcome, plain.reason) == ("observe", "weight_zero")
    assert (weighed.outcome, weighed.weight) == ("learn", -0.2)


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({}, "observe"),
        ({"item_id": "i1"}, "learn"),
        ({"text": "shoes"}, "learn"),
        ({"intent": "gift"}, "learn"),
        ({"value": 3.0, "context": {"a": 1}, "session_id": "s"}, "observe"),
    ],
)
def test_without_item_text_and_intent_there_is_nothing_to_learn(
    fields: dict[str, Any], wanted: str
) -> None:
    found = Cleaner(CleanSettings()).judge(made(**{"item_id": None, **fields}), raw())
    assert found.outcome == wanted
    assert found.reason == ("nothing_to_learn" if wanted == "observe" else "")


def test_cut_and_repaired_text_is_counted() -> None:
    cleaner = Cleaner(CleanSettings())
    judged(cleaner, [made(cut=True), made(repaired=True), made(cut=True, repaired=True), made()])
    assert (cleaner.counts.text_cut, cleaner.counts.text_repaired) == (2, 2)


# A bad record harms no neighbour, and the ledger balances.

BAD = b'{"event_id":"x","user_id":"u0","item_id":"i","type":"view","ts":%s,"value":%s}'
BAD_VALUES = {
    "not UTF-8": b"\xff\xfe\x83",
    "broken JSON": b'{"event_id": "e',
    "empty": b"",
    "null": None,
    "NaN": BAD % (b"1700000004", b"NaN"),
    "huge value": BAD % (b"1700000004", b"1e999"),
    "year 55000": BAD % (b"1700000004000", b"1"),
    "1970": BAD % (b"17", b"1"),
    "half surrogate": BAD.replace(b"u0", b"\\ud800") % (b"1700000004", b"1"),
    "brackets": b"[" * 100_000,
    "huge": b'"' + b"x" * 2_000_000 + b'"',
    "same id": BAD.replace(b"x", b"e3") % (b"1700000004", b"1"),
}


def stream_of(middle: Sequence[bytes | None]) -> list[Raw]:
    def good(number: int) -> bytes:
        fields = {"event_id": f"e{number}", "user_id": f"u{number % 3}", "item_id": number}
        return json.dumps({**fields, "type": "view", "ts": T + number}).encode()

    values = [*map(good, range(5)), *middle, *map(good, range(5, 10))]
    return [Raw("events", "events-0", at, at + 1, None, value) for at, value in enumerate(values)]


def clean_stream(
    raws: Iterable[Raw], cleaner: Cleaner, ledger: Ledger
) -> list[tuple[EventRecord, Verdict]]:
    found = []
    for record in raws:
        ledger.arrive(record.partition)
        event = decode_event(record, EventSettings())
        if isinstance(event, Reject):
            ledger.count(record.partition, "dead_letter", event.reason)
            continue
        verdict = cleaner.judge(event, record)
        ledger.count(record.partition, verdict.in_ledger, verdict.reason)
        if verdict.outcome != "duplicate":
            found.append((event, verdict))
    return found


@pytest.mark.parametrize("bad", BAD_VALUES.values(), ids=BAD_VALUES)
def test_good_then_bad_then_good_ends_like_good_alone(bad: bytes | None) -> None:
    cleaner, ledger, alone = Cleaner(CleanSettings()), Ledger(), Cleaner(CleanSettings())
    found = clean_stream(stream_of([bad]), cleaner, ledger)
    assert found == clean_stream(stream_of([]), alone, Ledger())
    assert cleaner.watermark == alone.watermark
    assert ledger.balance() == 11
    figures = ledger.as_dict()
    assert figures["learnt"] == 10
    assert figures["dead_letter"] + figures["duplicate"] == 1


# A restart changes nothing.

SMALL = CleanSettings(
    late_after=50.0,
    late="skip",
    max_skew=100.0,
    bots="observe",
    bot_events_per_minute=3,
    bot_users=2,
    remembered_ids=6,
    weights={"scroll": 0.0},
)

EVENTS = st.builds(
    EventRecord,
    event_id=st.integers(0, 30).map(str),
    user_id=st.sampled_from("abcd"),
    type=st.sampled_from(["view", "scroll"]),
    ts=st.integers(0, 400).map(lambda step: T + step),
    item_id=st.sampled_from([None, "i1"]),
    cut=st.booleans(),
)
STREAMS = st.lists(st.tuples(EVENTS, st.none() | st.integers(0, 400)), max_size=60)


def run(
    stream: Sequence[tuple[EventRecord, int | None]], cuts: set[int], store: MemoryStore
) -> Any:
    """Judge a stream; at each cut, commit, throw the cleaner away and restore another."""
    cleaner = Cleaner(SMALL)
    cleaner.restore(store.get, store.scan)
    verdicts = []
    for place, (event, broker) in enumerate(stream):
        if place in cuts:
            store.commit(cleaner.changed())
            cleaner = Cleaner(SMALL)
            cleaner.restore(store.get, store.scan)
        verdicts.append(cleaner.judge(event, raw(None if broker is None else T + broker)))
    store.commit(cleaner.changed())
    return verdicts, cleaner.counts, cleaner.watermark


@given(STREAMS, st.sets(st.integers(0, 60), max_size=20))
def test_snapshot_restore_and_go_on_equals_an_unbroken_run(
    stream: list[tuple[EventRecord, int | None]], cuts: set[int]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stream_memory, "SEGMENT", 2)
        unbroken, broken = MemoryStore(), MemoryStore()
        assert run(stream, cuts, broken) == run(stream, set(), unbroken)
        # Nothing is left behind either: each store holds the same records, to the byte.
        assert filled(broken) == filled(unbroken)


def filled(store: MemoryStore) -> dict[str, dict[str, bytes]]:
    return {kind: records for kind, records in store.records.items() if records}


def test_an_event_redelivered_after_a_restart_is_a_duplicate() -> None:
    store = MemoryStore()
    first = Cleaner(CleanSettings())
    assert first.judge(made(event_id="e1"), raw()).outcome == "learn"
    store.commit(first.changed())
    second = Cleaner(CleanSettings())
    second.restore(store.get, store.scan)
    assert second.judge(made(event_id="e1"), raw()).outcome == "duplicate"
    assert second.judge(made(event_id="e2"), raw()).outcome == "learn"


def test_only_what_changed_is_written_and_all_of_it_lies_under_clean() -> None:
    cleaner = Cleaner(CleanSettings())
    judged(cleaner, [made(T + number / 100, f"u{number}") for number in range(3_000)])
    assert len(list(cleaner.changed())) == 1 + 6 + 3_000
    assert list(cleaner.changed()) == []
    cleaner.judge(made(T + 30, "u7"), raw())
    written = list(cleaner.changed())
    assert sorted(kind for kind, _, _ in written) == ["clean:clock", "clean:ids", "clean:rates"]
    assert sum(len(blob or b"") for _, _, blob in written) < 6_000


def test_memory_on_disk_reaches_a_plateau() -> None:
    settings = CleanSettings(remembered_ids=2_000, bot_users=100)
    cleaner, store = Cleaner(settings), MemoryStore()
    sizes = []
    for part in range(8):
        users = (f"u{part}-{number}" for number in range(2_000))
        judged(cleaner, [made(T + part, user) for user in users])
        store.commit(cleaner.changed())
        sizes.append(sum(len(records) for records in store.records.values()))
    assert max(sizes) <= 100 + 6 + 1
    restored = Cleaner(settings)
    restored.restore(store.get, store.scan)
    assert restored.counts == cleaner.counts


def test_a_smaller_memory_than_before_the_restart_forgets_the_oldest() -> None:
    store = MemoryStore()
    cleaner = Cleaner(CleanSettings())
    judged(cleaner, [made(event_id=f"e{n}", user=f"u{n}") for n in range(2_100)])
    store.commit(cleaner.changed())
    smaller = Cleaner(CleanSettings(remembered_ids=600, bot_users=10))
    smaller.restore(store.get, store.scan)
    store.commit(smaller.changed())
    assert len(store.records["clean:rates"]) == 10
    assert len(store.records["clean:ids"]) == 3
    found = judged(smaller, [made(event_id=f"e{n}") for n in (2_099, 1_500, 0)])
    assert outcomes(found) == ["duplicate", "duplicate", "learn"]


# Settings.


@pytest.mark.parametrize(
    "wrong",
    [
        {"late_after": -1.0},
        {"max_skew": float("nan")},
        {"bot_events_per_minute": 0},
        {"bot_users": 0},
        {"remembered_ids": -1},
        {"weights": {"view": float("inf")}},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_settings_that_cannot_be_meant_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        CleanSettings(**wrong)


def test_a_policy_is_one_of_the_named_ones() -> None:
    with pytest.raises(msgspec.ValidationError, match="late"):
        msgspec.convert({"late": "ignore"}, CleanSettings)


# Several partitions.


def of(partition: str, ts: float) -> Raw:
    """A record of a broker that has it since a moment."""
    return Raw("events", partition, 0, 1, None, b"", ts + 5.0)


def run_of(
    partition: str, start: float, n: int, step: float = 60.0
) -> list[tuple[EventRecord, Raw]]:
    times = [start + step * number for number in range(n)]
    return [(made(ts, f"{partition}-{ts % 180}"), of(partition, ts)) for ts in times]


def test_partitions_read_one_after_the_other_are_each_in_order_and_none_is_late(caplog) -> None:
    cleaner = Cleaner(CleanSettings(late="skip"))
    for number in range(8):
        found = [cleaner.judge(*each) for each in run_of(f"events-{number}", T - 7 * number, 100)]
        assert outcomes(found) == ["learn"] * 100
    assert cleaner.counts.late == 0
    assert not caplog.messages


def test_late_is_behind_the_own_partition_counted_and_told_once_a_while(caplog) -> None:
    cleaner = Cleaner(CleanSettings(late="skip", late_after=300))
    for each in [*run_of("events-0", T, 20), *run_of("events-1", T - DAY, 20)]:
        cleaner.judge(*each)
    here, there = of("events-0", T + 1200), of("events-1", T - DAY + 1200)
    assert cleaner.judge(made(T + 700), here).outcome == "skip:late"
    assert cleaner.judge(made(T + 700), here).outcome == "skip:late"
    assert cleaner.judge(made(T - DAY + 1000), there).outcome == "learn"
    assert cleaner.judge(made(T - DAY), there).reason == "late"
    assert cleaner.counts.late == 3
    assert [line.split(":")[0] for line in caplog.messages] == ["events-0", "events-1"]
    assert "440 s behind the newest ones of its partition" in caplog.messages[0]
    assert "clean.late = 'learn'" in caplog.messages[0]


def test_one_partition_leaves_the_same_records_as_ever() -> None:
    store, cleaner = MemoryStore(), Cleaner(CleanSettings())
    for each in run_of("events-0", T, 50):
        cleaner.judge(*each)
    store.commit(cleaner.changed())
    assert set(filled(store)) == {"clean:clock", "clean:ids", "clean:rates"}


@pytest.mark.parametrize("first", ["events-0", "events-1"])
@pytest.mark.parametrize("cuts", [{10}, {15}, {25}, {10, 15, 25}, set(range(1, 40))])
def test_the_times_of_partitions_outlive_a_restart(first: str, cuts: set[int]) -> None:
    """The second partition comes late, before or after a restart, and is told from the first."""
    second = "events-1" if first == "events-0" else "events-0"
    stream = run_of(first, T, 15) + run_of(second, T - DAY, 10) + run_of(first, T + 200, 10)
    stream += run_of(second, T - DAY - 100, 10)

    def run(at: set[int]) -> tuple[list[Verdict], dict[str, dict[str, bytes]]]:
        store, cleaner, found = MemoryStore(), Cleaner(CleanSettings(late="skip")), []
        for place, (event, raw) in enumerate(stream):
            if place in at:
                cleaner = Cleaner(CleanSettings(late="skip"))
                cleaner.restore(store.get, store.scan)
            found.append(cleaner.judge(event, raw))
            store.commit(cleaner.changed())
            store.commit([("position", raw.partition, b"\x01"), ("position", "items-0", b"\x01")])
        return found, filled(store)

    whole, broken = run(set()), run(cuts)
    assert whole == broken
    assert {"skip:late", "learn"} == set(outcomes(whole[0]))
    assert set(whole[1]["clean:time"]) == {"events-0", "events-1"}


def test_a_state_of_before_goes_on_from_the_time_that_all_partitions_had() -> None:
    """As written when late was judged by the time of all: only that, and the positions."""
    store, before = MemoryStore(), Cleaner(CleanSettings(late="skip"))
    judged(before, honest(T))
    store.commit(before.changed())
    assert "clean:time" not in filled(store)
    store.commit(("position", f"events-{number}", b"\x01") for number in range(3))
    cleaner = Cleaner(CleanSettings(late="skip"))
    cleaner.restore(store.get, store.scan)
    for number in (1, 0, 2):
        found = cleaner.judge(made(T - 400), of(f"events-{number}", T))
        assert found.outcome == "skip:late"
    assert cleaner.judge(made(T - 400), of("events-3", T)).outcome == "learn", "it is new"
