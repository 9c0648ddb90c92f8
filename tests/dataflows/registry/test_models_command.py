"""`penchant models`: what is listed and shown, what goes live, back and away."""

from __future__ import annotations

import json

import pytest

from dataflows.cli.main import app
from dataflows.errors import ModelError
from dataflows.registry.decisions import Evidence, GateDecision
from dataflows.registry.registry import Registry
from tests.dataflows.registry.tiny import LOST, about, write_adapter

FIGURES = {
    "log_rank": {"before": -5.0, "after": -4.5, "gain": 0.5, "low": 0.25, "high": 0.75},
    "loss": 0.0625,
}


@pytest.fixture
def penchant(tmp_path, monkeypatch, capsys):
    """Run a command on the state in a folder; return what it printed."""
    monkeypatch.setenv("PENCHANT_STATE__PATH", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments):
        capsys.readouterr()
        app(["models", *arguments], standalone_mode=False)
        return capsys.readouterr().out

    return run


def test_an_empty_registry_says_so(penchant, tmp_path):
    assert "no version yet" in penchant("list")
    assert json.loads(penchant("list", "--json")) == []
    assert list(tmp_path.iterdir()) == [], "looking writes nothing"


def test_versions_are_listed_with_gate_and_standing(penchant, registry, adds, tmp_path):
    first, second = (
        adds(registry, figures=FIGURES),
        adds(registry, figures=FIGURES, name="[bold]"[1:-1]),
    )
    refused = adds(registry, gate=LOST)
    unjudged = registry.add(
        "language", write_adapter(tmp_path / "a"), about(form="adapter", dim=16, gate=None)
    ).id
    penchant("promote", first)
    penchant("promote", "bold", "--reason", "the [red] one")
    rows = {line.split()[0]: line for line in penchant("list").splitlines() if line.strip()}
    assert "won" in rows[first]
    assert "+0.500" in rows[first]
    assert "before it" in rows[first]
    assert "in force" in rows[second]
    assert "refused" in rows[refused]
    assert "not judged" in rows[unjudged]
    out = penchant("list")
    assert f"encoder: promote to {second} from {first}: the [red] one" in out
    told = json.loads(penchant("list", "--kind", "encoder", "--json"))
    assert [one["id"] for one in told] == [first, second, refused]
    assert [one["standing"] for one in told] == ["before it", "in force", None]


def test_one_version_is_shown_with_all_that_is_known(penchant, registry, adds):
    first = adds(registry, figures=FIGURES, data={"events": 4000}, settings={"steps": 150})
    out = penchant("show", first)
    for told in ("st-8-abc", "packaged", "4000", "150", "0.0625", "model.safetensors", "won"):
        assert told in out
    assert "better on the newest slice" in out
    assert "+0.2500 to +0.7500" in out
    refused = adds(registry, gate=LOST)
    assert "items unseen in training got worse" in penchant("show", refused)
    assert json.loads(penchant("show", first, "--json"))["data"] == {"events": 4000}
    with pytest.raises(ModelError, match="there is no version"):
        penchant("show", first[:-1])


def test_promote_and_roll_back(penchant, registry, adds):
    first, second = adds(registry), adds(registry)
    assert f"{first} is in force, the configured model was before" in penchant("promote", first)
    penchant("promote", second)
    assert f"{first} is in force, {second} was before" in penchant("rollback", "encoder")
    assert registry.current("encoder").id == first
    penchant("promote", second, "--reason", "again")
    out = penchant("rollback", "encoder", "--to", "base", "--reason", "odd lists")
    assert f"the configured model is in force, {second} was before" in out
    assert [one.reason for one in registry.promotions()][-2:] == ["again", "odd lists"]
    with pytest.raises(ModelError, match="nothing was before"):
        penchant("rollback", "language")


def test_what_was_refused_goes_live_only_anyway(penchant, registry, adds):
    refused = adds(registry, gate=LOST)
    with pytest.raises(ModelError, match=r"items unseen in training got worse.*--anyway"):
        penchant("promote", refused)
    assert registry.current("encoder") is None
    penchant("promote", refused, "--anyway")
    assert registry.current("encoder").id == refused


def test_gc_keeps_as_many_as_the_configuration_says(penchant, registry, adds, monkeypatch):
    ids = [adds(registry) for _ in range(4)]
    monkeypatch.setenv("PENCHANT_MODELS__KEEP", "3")
    assert penchant("gc").splitlines() == [f"removed {ids[0]}", "1 removed"]
    assert penchant("gc", "--keep", "1").splitlines()[-1] == "2 removed"
    assert [one.id for one in registry.versions()] == ids[3:]


def test_the_root_may_be_given(penchant, tmp_path, adds, monkeypatch):
    elsewhere = Registry(tmp_path / "elsewhere")
    version = adds(elsewhere)
    monkeypatch.setenv("PENCHANT_MODELS__ROOT", str(tmp_path / "elsewhere"))
    assert version in penchant("list")


def test_refused_candidates_are_told_though_they_are_no_versions(penchant, registry):
    evidence = Evidence("language", 0, {}, None)
    registry.decide(GateDecision("language", "refuse", ("the loss is not finite",), evidence))
    out = penchant("list")
    assert "no version yet" in out
    assert "language: refused: the loss is not finite" in out


def test_an_id_can_be_copied_from_a_narrow_terminal(penchant, registry, adds, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    version = adds(registry, figures=FIGURES)
    assert version in penchant("list").split()
    assert version in penchant("show", version).split()


def test_a_smaller_form_that_won_is_not_told_as_promoted(penchant, registry):
    evidence = Evidence("encoder", 0, {}, None)
    registry.decide(GateDecision("encoder", "promote", (), evidence, goal="keep", candidate="x"))
    assert "encoder: may be promoted: x" in penchant("list")
