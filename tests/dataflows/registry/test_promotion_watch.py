"""Each promotion is told once, in order, from wherever; a broken store harms nothing."""

from __future__ import annotations

import json
import threading

import msgspec
import pytest

from dataflows.config.config import Config, load_config
from dataflows.errors import ModelError
from dataflows.messages.outgoing import MOST_PROMOTIONS
from dataflows.registry.announce import announce, read_promotion, render
from dataflows.registry.manifest import Promotion
from dataflows.registry.promotion_watch import PromotionWatch, open_watch
from dataflows.registry.registry import open_registry
from learners.testing import FakeClock


class FakeTopic:
    def __init__(self):
        self.waiting = []
        self.is_closed = False

    def poll(self):
        found, self.waiting = self.waiting, []
        return found

    def close(self):
        self.is_closed = True


def promotion(sequence, kind="encoder", version="encoder-0001-00000000"):
    return Promotion(
        sequence=sequence,
        kind=kind,
        version=version,
        previous="",
        action="promote",
        reason="better",
        time=1_764_000_000.25,
    )


@pytest.fixture
def clock():
    return FakeClock(100.0)


def test_each_promotion_is_told_once(registry, adds, clock):
    watch = PromotionWatch(registry, seconds=1.0, clock=clock)
    assert watch.poll() == []
    first = registry.promote(adds(registry), "won", 1.0)
    second = registry.promote(adds(registry), "won", 1.0)
    assert watch.poll() == [], "it was looked at just now"
    clock.now += 1.0
    assert watch.poll() == [first, second]
    clock.now += 1.0
    assert watch.poll() == []
    back = registry.rollback("encoder", "worse", 1.0)
    clock.now += 1.0
    assert watch.poll() == [back]


def test_what_is_known_already_is_not_told(registry, adds, clock):
    first = registry.promote(adds(registry), "won", 1.0)
    second = registry.promote(adds(registry), "won", 1.0)
    assert PromotionWatch(registry, after=first.sequence, clock=clock).poll() == [second]
    assert PromotionWatch(registry, after=second.sequence, clock=clock).poll() == []


def test_a_topic_tells_at_once_and_the_registry_does_not_repeat_it(registry, adds, clock):
    topic = FakeTopic()
    watch = PromotionWatch(registry, seconds=60.0, topic=topic, clock=clock)
    watch.poll()
    made = registry.promote(adds(registry), "won", 1.0)
    topic.waiting = [made]
    assert watch.poll() == [made]
    clock.now += 60.0
    assert watch.poll() == []
    topic.waiting = [made]
    assert watch.poll() == [], "old news"
    watch.close()
    assert topic.is_closed


@pytest.mark.parametrize("sequence", [1, 40, MOST_PROMOTIONS])
def test_a_topic_has_no_say_in_what_the_registry_does_not_hold(
    registry, adds, clock, caplog, sequence
):
    """A forged number, however high, makes no later promotion unheard."""
    topic = FakeTopic()
    watch = PromotionWatch(registry, seconds=60.0, topic=topic, clock=clock)
    first = registry.promote(adds(registry), "won", 1.0)
    clock.now += 60.0
    assert watch.poll() == [first]
    topic.waiting = [promotion(sequence), promotion(sequence, "language")]
    assert watch.poll() == []
    assert f"promotion {sequence}, which the registry does not hold" in caplog.text
    later = registry.promote(adds(registry), "won", 1.0)
    topic.waiting = [later]
    assert watch.poll() == [later]
    # Of a forged twin, what the registry holds is taken.
    back = registry.rollback("encoder", "worse", 1.0)
    topic.waiting = [msgspec.structs.replace(back, version="encoder-0009-00000000")]
    assert watch.poll() == [back]


@pytest.mark.parametrize("sequence", [10**30, 2**63, 2**64, MOST_PROMOTIONS + 1, -1, 1.5, None])
def test_a_message_with_an_impossible_number_is_no_promotion(sequence):
    told = json.loads(render(promotion(3), None)) | {"sequence": sequence}
    with pytest.raises(msgspec.ValidationError, match="sequence"):
        read_promotion(json.dumps(told).encode())


def test_records_with_impossible_numbers_leave_later_promotions_heard(tmp_path, adds, caplog):
    registry = open_registry(load_config(None, {"state.path": str(tmp_path)}, {}))
    first = registry.promote(adds(registry), "won", 1.0)
    folder = tmp_path / "models" / "promotions"
    record = json.loads((folder / "000000.json").read_bytes())
    for name, sequence in [
        ("000001", 10**30),
        ("000002", 2**63),
        ("000003", MOST_PROMOTIONS),
        (str(10**30), 10**30),
        (str(MOST_PROMOTIONS + 1), MOST_PROMOTIONS + 1),
    ]:
        (folder / f"{name}.json").write_text(json.dumps(record | {"sequence": sequence}))
    watch = PromotionWatch(registry, seconds=0.0)
    assert watch.poll() == [first]
    assert caplog.text.count("is passed over") == 3
    later = registry.promote(adds(registry), "won", 1.0)
    assert later.sequence == 4
    assert watch.poll() == [later]


def test_after_the_last_number_the_registry_says_that_it_is_full(tmp_path, adds):
    registry = open_registry(load_config(None, {"state.path": str(tmp_path)}, {}))
    first = registry.promote(adds(registry), "won", 1.0)
    folder = tmp_path / "models" / "promotions"
    (folder / f"{MOST_PROMOTIONS}.json").write_bytes((folder / "000000.json").read_bytes())
    with pytest.raises(ModelError, match="the last that can be"):
        registry.rollback("encoder", "worse", 1.0)
    assert registry.promotions() == [first]


def test_a_registry_that_cannot_be_read_is_told_and_tried_again(
    registry, adds, clock, monkeypatch, caplog
):
    made = registry.promote(adds(registry), "won", 1.0)
    watch = PromotionWatch(registry, seconds=1.0, clock=clock)

    def fail(after):
        raise OSError("the store is away")

    with monkeypatch.context() as broken:
        broken.setattr(registry, "promotions", fail)
        for _ in range(3):
            assert watch.poll() == []
            clock.now += 1.0
    assert caplog.text.count("the store is away") == 1
    assert watch.poll() == [made]


def test_nothing_is_missed_while_others_promote(registry, adds, clock):
    versions = [adds(registry) for _ in range(12)]
    watch = PromotionWatch(registry, seconds=0.0)
    promoting = threading.Thread(
        target=lambda: [registry.promote(version, "won", 1.0) for version in versions]
    )
    promoting.start()
    told = []
    while promoting.is_alive():
        told += watch.poll()
    promoting.join()
    told += watch.poll()
    assert [one.version for one in told] == versions


def test_a_message_is_read_back_as_it_was():
    for fingerprint in ("st-8-abc", None):
        assert read_promotion(render(promotion(3), fingerprint)) == promotion(3)
    for wrong in (b"", b"[]", b'{"kind": "painter"}', b"\xff"):
        with pytest.raises(ValueError):  # noqa: PT011 - whatever the reader says
            read_promotion(wrong)


def test_with_files_nobody_is_told_and_the_registry_is_watched(tmp_path, adds):
    config = load_config(None, {"state.path": str(tmp_path)}, {})
    registry = open_registry(config)
    made = registry.promote(adds(registry), "won", 1.0)
    assert (tmp_path / "models" / "promotions" / "000000.json").is_file()
    assert announce(config, registry, made) is False
    watch = open_watch(config)
    assert watch.poll() == [made]
    watch.close()


def test_the_root_may_lie_elsewhere(tmp_path, adds):
    config = load_config(
        None, {"models.root": f"memory://{tmp_path.name}", "models.cache": str(tmp_path / "c")}, {}
    )
    registry = open_registry(config)
    assert registry.fetch(adds(registry)).parent == tmp_path / "c"
    assert Config().models.root is None
