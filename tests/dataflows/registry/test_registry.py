"""The registry: what goes in comes out, what is in force, what goes back, what is removed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dataflows.errors import InputError, ModelError
from dataflows.registry.decisions import Evidence, GateDecision, PairedMeasure, TrainingHealth
from dataflows.registry.registry import Registry
from tests.dataflows.registry.tiny import LOST, WON, about, write_adapter, write_sentence


def test_what_was_added_comes_back_whole(any_registry, tmp_path):
    made = any_registry.add("encoder", write_sentence(tmp_path / "m"), about(data={"events": 9}))
    again = any_registry.get(made.id)
    assert again == made
    assert again.data == {"events": 9}
    folder = any_registry.fetch(made.id)
    for name in ("modules.json", "1_Pooling/config.json", "model.safetensors"):
        assert (folder / name).read_bytes() == (tmp_path / "m" / name).read_bytes()
    assert made.id.startswith("encoder-0001-")
    assert made.size == sum(p.stat().st_size for p in (tmp_path / "m").rglob("*") if p.is_file())


def test_versions_are_listed_by_kind_and_number(any_registry, adds, tmp_path):
    first, second = adds(any_registry), adds(any_registry)
    adapter = any_registry.add(
        "language", write_adapter(tmp_path / "a"), about(form="adapter", dim=16)
    ).id
    assert [one.id for one in any_registry.versions()] == [first, second, adapter]
    assert [one.id for one in any_registry.versions("language")] == [adapter]
    assert adapter.startswith("language-0001-")


def test_nothing_is_in_force_until_something_is_promoted(any_registry, adds):
    version = adds(any_registry)
    assert any_registry.current("encoder") is None
    done = any_registry.promote(version, "won", 12.5)
    assert (done.sequence, done.version, done.previous, done.action) == (0, version, "", "promote")
    assert any_registry.current("encoder").id == version
    assert any_registry.current("language") is None
    assert any_registry.promotions() == [done]
    assert any_registry.promotions(after=0) == []


def test_rollback_goes_back_one_by_one_and_never_forth(any_registry, adds):
    first, second, third = (adds(any_registry) for _ in range(3))
    for version in (first, second, third):
        any_registry.promote(version, "won", 1.0)
    backs = [any_registry.rollback("encoder", "worse", 2.0) for _ in range(3)]
    assert [(back.previous, back.version) for back in backs] == [
        (third, second),
        (second, first),
        (first, ""),
    ]
    with pytest.raises(ModelError, match="nothing was before it"):
        any_registry.rollback("encoder", "worse", 3.0)


def test_after_a_rollback_a_promotion_builds_on_what_is_in_force(registry, adds):
    first, second, third = (adds(registry) for _ in range(3))
    registry.promote(first, "won", 1.0)
    registry.promote(second, "won", 1.0)
    registry.rollback("encoder", "worse", 1.0)
    registry.promote(third, "won", 1.0)
    assert registry.line("encoder") == ["", first, third]
    assert registry.rollback("encoder", "worse", 1.0).version == first


def test_rollback_to_a_named_earlier_version_or_to_the_base(registry, adds):
    first, second, third = (adds(registry) for _ in range(3))
    for version in (first, second):
        registry.promote(version, "won", 1.0)
    with pytest.raises(ModelError, match="was not in force before"):
        registry.rollback("encoder", "worse", 1.0, to=third)
    registry.promote(third, "won", 1.0)
    with pytest.raises(ModelError, match="is in force already"):
        registry.rollback("encoder", "worse", 1.0, to=third)
    assert registry.rollback("encoder", "worse", 1.0, to=first).version == first
    assert registry.rollback("encoder", "worse", 1.0, to="").version == ""
    assert registry.current("encoder") is None


def test_what_is_in_force_cannot_be_promoted_again(registry, adds):
    version = adds(registry)
    registry.promote(version, "won", 1.0)
    with pytest.raises(ModelError, match="in force already"):
        registry.promote(version, "won", 1.0)
    assert len(registry.promotions()) == 1


def decision(verdict, *reasons):
    figure = PairedMeasure(before=-3.5, after=-3.0, gain=0.5, low=0.25, high=0.75)
    evidence = Evidence("encoder", 400, {"log_rank": figure}, TrainingHealth(True, 20, 0.01, 640))
    return GateDecision("encoder", verdict, reasons, evidence, candidate="encoder-0001-00000000")


def test_decisions_are_kept_whatever_they_say(any_registry):
    refused, won = decision("refuse", "the loss is not finite"), decision("promote")
    assert [any_registry.decide(refused), any_registry.decide(won)] == [0, 1]
    assert any_registry.decisions() == [refused, won]
    assert any_registry.decisions(after=0) == [won]


@pytest.mark.parametrize(
    ("gate", "reason"),
    [(LOST, "items unseen in training got worse"), (None, "never judged")],
)
def test_what_the_gate_did_not_let_through_is_not_promoted(registry, adds, gate, reason):
    good = adds(registry)
    registry.promote(good, "won", 1.0)
    bad = adds(registry, gate=gate)
    with pytest.raises(ModelError, match=reason):
        registry.promote(bad, "please", 1.0)
    assert registry.current("encoder").id == good
    assert registry.promote(bad, "a person knows better", 1.0, anyway=True).version == bad


def test_names_that_begin_alike_are_told_apart(registry, adds):
    first = adds(registry, name="summer", gate=WON)
    second = adds(registry, name="summer-2", gate=WON)
    assert registry.get("summer").id == first
    assert registry.get("summer-2").id == second
    for unknown in ("summe", "summer-", "", "encoder-0001", first[:-1], first + "0", "../" + first):
        with pytest.raises(ModelError, match="there is no version"):
            registry.get(unknown)
    for wrong in ("summer", "base", "encoder-best", "Über", "a/b", "x" * 65, "-a"):
        with pytest.raises(ModelError):
            adds(registry, name=wrong)
    assert len(registry.versions()) == 2


def test_ids_that_begin_alike_do_not_touch_each_other(tmp_path, registry, adds):
    first = adds(registry)
    # The number that comes next is the one after the highest ever taken.
    (tmp_path / "models" / "numbers" / "encoder" / "000099998.json").write_bytes(b"{}")
    long = adds(registry)
    assert long.startswith("encoder-100000-")
    (tmp_path / "models" / "versions" / "encoder" / "encoder-0001").mkdir()
    assert [one.id for one in registry.versions()] == [first, long]
    registry.promote(long, "won", 1.0)
    assert registry.gc(keep=0, abandoned=0.0) == [first]
    assert registry.fetch(long).is_dir()


def test_numbers_are_never_used_twice_even_after_removal(registry, adds):
    first, second = adds(registry), adds(registry)
    assert registry.gc(keep=0) == [first, second]
    assert adds(registry).startswith("encoder-0003-")


def test_gc_keeps_the_newest_those_in_force_and_what_adapters_need(any_registry, adds, tmp_path):
    ids = [adds(any_registry) for _ in range(6)]
    for version in ids[:3]:
        any_registry.promote(version, "won", 1.0)
    base = any_registry.add(
        "language", write_adapter(tmp_path / "a"), about(form="adapter", dim=16)
    ).id
    child = any_registry.add(
        "language",
        write_adapter(tmp_path / "b"),
        about(form="adapter", dim=16, base=base, parents=(base,)),
    ).id
    assert any_registry.gc(keep=1) == [ids[0], ids[3], ids[4]]
    assert [one.id for one in any_registry.versions()] == [*ids[1:3], ids[5], base, child]
    # The one that is gone is passed over on the way back.
    assert any_registry.rollback("encoder", "worse", 1.0).version == ids[1]
    assert any_registry.rollback("encoder", "worse", 1.0).version == ""


def test_gc_refuses_a_negative_number(registry):
    with pytest.raises(ModelError, match="the least is 0"):
        registry.gc(keep=-1)


def test_vectors_of_another_size_are_not_promoted(registry, adds, tmp_path):
    registry.promote(adds(registry), "won", 1.0)
    wide = registry.add("encoder", write_sentence(tmp_path / "wide", dim=16), about(dim=16)).id
    with pytest.raises(ModelError, match="16 dimensions"):
        registry.promote(wide, "won", 1.0)


def test_a_root_that_cannot_be_opened_is_one_line_with_the_remedy():
    with pytest.raises(InputError, match=r"models\.root is 'nonsense://x'.*fsspec"):
        Registry("nonsense://x")


PROMOTER = """
import sys
from pathlib import Path
from dataflows.registry.registry import Registry
from tests.dataflows.registry.test_registry import decision
from tests.dataflows.registry.tiny import about
root, folder, begin = sys.argv[1:]
registry = Registry(root)
while not Path(begin).exists():
    pass
for n in range(15):
    made = registry.add("encoder", Path(folder), about())
    registry.promote(made.id, "won", float(n))
    registry.decide(decision("promote"))
"""


def test_promoters_in_several_processes_never_take_the_same_number(registry, tmp_path):
    folder = write_sentence(tmp_path / "m")
    begin = tmp_path / "begin"
    arguments = [sys.executable, "-c", PROMOTER, str(tmp_path / "models"), str(folder), str(begin)]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    started = [subprocess.Popen(arguments, env=env) for _ in range(3)]
    time.sleep(0.5)
    begin.touch()
    assert [process.wait(300) for process in started] == [0, 0, 0]
    promotions = registry.promotions()
    assert [one.sequence for one in promotions] == list(range(45))
    assert len({one.version for one in promotions}) == 45
    # Each was made as of all before it: none was based on a state that another had changed.
    assert [one.previous for one in promotions] == ["", *(p.version for p in promotions[:-1])]
    assert registry.decisions() == [decision("promote")] * 45
