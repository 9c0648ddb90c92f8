from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.config.gate import GateSettings
from dataflows.finetune.gate import NEEDED, judge
from dataflows.registry.decisions import (
    CHECK,
    COVERAGE,
    LOG_RANK,
    PIPELINE,
    UNSEEN,
    Evidence,
    GateDecision,
    PairedMeasure,
    TrainingHealth,
    health_of,
)

CHECKED = CHECK + "intent_accuracy"
HEALTHY = TrainingHealth(True, 100, 0.01, 6400)
GOOD = {
    LOG_RANK: PairedMeasure(-6.0, -5.7, 0.3, 0.2, 0.4),
    UNSEEN: PairedMeasure(-9.0, -8.99, 0.01, -0.1, 0.12),
    COVERAGE: PairedMeasure(0.5, 0.48, -0.02, -0.02, -0.02),
    PIPELINE: PairedMeasure(0.2, 0.201, 0.001, -0.004, 0.006),
    CHECKED: PairedMeasure(0.91, 0.905, -0.005, -0.008, -0.002),
}


def evidence(kind="encoder", health=HEALTHY, events=1000, **changed) -> Evidence:
    names = {"newest": LOG_RANK, "unseen": UNSEEN, "coverage": COVERAGE, "pipeline": PIPELINE}
    figures = dict(GOOD)
    for name, figure in changed.items():
        key = names.get(name, CHECKED)
        if figure is None:
            del figures[key]
        else:
            figures[key] = figure
    return Evidence(kind, events, figures, health)


def loss(
    before: float, by: float, low: float | None = None, high: float | None = None
) -> PairedMeasure:
    return PairedMeasure(
        before, before - by, -by, -by if low is None else low, -by if high is None else high
    )


def reasons(given_evidence: Evidence, **settings) -> str:
    decision = judge(given_evidence, GateSettings(**settings))
    assert decision.verdict == ("refuse" if decision.reasons else "promote")
    return "; ".join(decision.reasons)


@pytest.mark.parametrize("kind", ["encoder", "language"])
def test_what_gains_and_harms_nothing_is_promoted(kind):
    decision = judge(evidence(kind))
    assert decision.is_promoted
    assert decision.reasons == ()


@pytest.mark.parametrize(
    ("health", "reason"),
    [
        (TrainingHealth(False, 100, 0.01, 10), "loss is not finite"),
        (TrainingHealth(True, 0, 0.0, 10), "no step was made"),
        (TrainingHealth(True, 100, 0.0, 10), "weights changed by 0"),
        (TrainingHealth(True, 100, 1e-9, 10), "weights changed by 1e-09"),
        (TrainingHealth(True, 100, math.nan, 10), "weights changed by nan"),
        (TrainingHealth(True, 100, 0.01, 0), "targets were all cut away"),
        (None, "nothing is known of the training"),
    ],
)
def test_a_useless_training_is_refused_however_good_the_figures(health, reason):
    told = reasons(evidence(health=health))
    assert reason in told
    assert ";" not in told or "least" in told


def test_what_did_not_train_need_not_be_measured_to_be_refused():
    empty = Evidence("language", 0, {}, TrainingHealth(True, 0, 0.0, 0))
    assert judge(empty).reasons == (
        "the targets were all cut away: nothing took part in the loss",
        "nothing was trained: no step was made",
    )
    assert "was not measured" in judge(Evidence("language", 0, {}, HEALTHY)).reasons[1]


@pytest.mark.parametrize(
    "figure",
    [
        PairedMeasure(-6.0, -6.0, 0.0, -0.1, 0.1),
        PairedMeasure(-6.0, -5.9, 0.1, -0.01, 0.21),
        PairedMeasure(-6.0, -5.9, 0.1, 0.0, 0.2),
        PairedMeasure(-6.0, -6.3, -0.3, -0.4, -0.2),
        PairedMeasure(-6.0, -5.9, 0.1, 0.02, 0.18),  # an interval above zero, but z is 2.45
    ],
)
def test_no_proved_gain_on_the_newest_slice_is_refused(figure):
    assert reasons(evidence(newest=figure)).startswith("no gain on the newest slice")


def test_how_sure_the_gain_must_be_is_a_setting():
    shaky = evidence(newest=PairedMeasure(-6.0, -5.9, 0.1, 0.02, 0.18))
    assert reasons(shaky, z=2.0) == ""


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"unseen": loss(-9.0, 0.06, -0.3, 0.2)}, "items unseen in training"),
        ({"unseen": loss(-9.0, 0.02, -0.03, -0.01)}, "worse for certain"),
        ({"coverage": loss(0.5, 0.13)}, "coverage"),
        ({"pipeline": loss(0.2, 0.006, -0.02, 0.01)}, "whole recommender"),
        ({"pipeline": loss(0.2, 0.001, -0.002, -0.0005)}, "worse for certain"),
        ({"checked": loss(0.9, 0.03)}, "check set, intent_accuracy"),
    ],
)
def test_each_harm_is_a_veto_and_the_only_reason(changed, reason):
    decision = judge(evidence(**changed))
    assert len(decision.reasons) == 1
    assert reason in decision.reasons[0]


def test_a_loss_within_the_limit_is_none():
    assert judge(evidence(coverage=loss(0.5, 0.12), checked=loss(0.9, 0.02))).is_promoted


@pytest.mark.parametrize("name", ["newest", "coverage", "pipeline", "checked"])
def test_what_was_not_measured_does_not_go_live(name):
    assert "not measured" in reasons(evidence(**{name: None}))


def test_a_slice_without_unseen_items_is_noted_and_no_reason():
    decision = judge(evidence(unseen=None))
    assert decision.is_promoted
    assert "unseen" in decision.notes[0]


def test_a_language_model_needs_no_coverage():
    assert judge(evidence("language", coverage=None, pipeline=None, unseen=None)).is_promoted


def test_too_few_events_are_no_proof():
    assert "99 events" in reasons(evidence(events=99))
    assert reasons(evidence(events=99), least_events=99) == ""


def test_all_reasons_are_told():
    bad = evidence(
        health=TrainingHealth(False, 0, 0.0, 0),
        events=3,
        newest=loss(-6.0, 1.0),
        unseen=loss(-9.0, 1.0),
        coverage=loss(0.5, 0.4),
        pipeline=loss(0.2, 0.1),
        checked=loss(0.9, 0.5),
    )
    assert len(judge(bad).reasons) == 9


def test_a_compressed_model_need_not_gain_and_may_not_lose_much():
    kept = evidence(health=None, newest=PairedMeasure(-6.0, -6.02, -0.02, -0.05, 0.01))
    assert judge(kept, goal="keep").is_promoted
    lossy = evidence(health=None, newest=PairedMeasure(-6.0, -6.02, -0.08, -0.12, 0.01))
    assert "too much is lost" in judge(lossy, goal="keep").reasons[0]
    assert not judge(kept).is_promoted


@given(
    st.sampled_from(sorted(GOOD)),
    st.sampled_from(["before", "after", "gain", "low", "high"]),
    st.sampled_from([math.nan, math.inf, -math.inf]),
)
def test_no_figure_that_is_no_number_gets_through(name, field, value):
    figures = GOOD | {name: msgspec.structs.replace(GOOD[name], **{field: value})}
    decision = judge(Evidence("encoder", 1000, figures, HEALTHY))
    assert f"{name} is not finite" in decision.reasons


figure = st.builds(
    lambda before, gain, down, up: PairedMeasure(
        before, before + gain, gain, gain - down, gain + up
    ),
    st.floats(-10, 10),
    st.floats(-1, 1),
    st.floats(0, 0.5),
    st.floats(0, 0.5),
)


@given(st.fixed_dictionaries(dict.fromkeys(GOOD, figure)))
def test_promoted_means_that_every_rule_holds(figures):
    rules = GateSettings()
    newest = figures[LOG_RANK]
    error = (newest.high - newest.low) / 3.92
    holds = (
        newest.low > 0
        and newest.gain > rules.z * error
        and figures[UNSEEN].gain >= -rules.unseen_loss
        and figures[UNSEEN].high >= 0
        and figures[PIPELINE].gain >= -rules.pipeline_loss
        and figures[PIPELINE].high >= 0
        and figures[COVERAGE].gain >= -rules.coverage_loss * abs(figures[COVERAGE].before)
        and figures[CHECKED].gain >= -rules.check_loss * abs(figures[CHECKED].before)
    )
    assert judge(Evidence("encoder", 1000, figures, HEALTHY), rules).is_promoted == holds


@given(
    st.fixed_dictionaries(dict.fromkeys(GOOD, figure)),
    st.sampled_from(sorted(GOOD)),
    st.floats(0.001, 2),
)
def test_a_worse_figure_never_opens_the_gate(figures, name, by):
    was = figures[name]
    worse = PairedMeasure(was.before, was.after - by, was.gain - by, was.low - by, was.high - by)
    if not judge(Evidence("encoder", 1000, figures, HEALTHY)).is_promoted:
        after = judge(Evidence("encoder", 1000, figures | {name: worse}, HEALTHY))
        assert not after.is_promoted


def test_other_figures_are_kept_and_change_nothing():
    more = evidence()
    more.figures["recall@10"] = loss(0.1, 0.1)
    decision = judge(more)
    assert decision.is_promoted
    assert decision.evidence.figures["recall@10"].after == 0.0


def test_a_decision_is_plain_data():
    bad = evidence(
        health=TrainingHealth(False, 1, math.nan, 3), newest=PairedMeasure(-6.0, *[math.nan] * 4)
    )
    decision = judge(bad)
    assert "log_rank is no number and is left out" in decision.notes
    assert msgspec.json.decode(msgspec.json.encode(decision), type=GateDecision) == decision


def test_health_tells_the_first_and_the_last_loss():
    health = health_of([3.0, 2.0, 1.5], steps=3, changed=0.1, targets=9, seconds=4.0)
    assert (health.finite, health.first_loss, health.last_loss) == (True, 3.0, 1.5)
    assert not health_of([3.0, math.inf], steps=3, changed=0.1, targets=9).finite
    assert not health_of([3.0], steps=3, changed=math.nan, targets=9).finite


@pytest.mark.parametrize("name", GateSettings.__struct_fields__)
def test_settings_refuse_what_cannot_be_meant(name):
    with pytest.raises(ValueError, match=name):
        GateSettings(**{name: -1})


def test_every_kind_has_figures_that_it_needs():
    assert set(NEEDED) == {"encoder", "language"}


def test_a_small_loss_that_is_certain_is_harm_to_a_new_model_and_not_to_a_smaller_form():
    unseen = PairedMeasure(-8.344, -8.367, -0.023, -0.036, -0.008)
    newest = PairedMeasure(-8.415, -8.432, -0.017, -0.024, -0.011)
    smaller = evidence(health=None, newest=newest, unseen=unseen)
    assert judge(smaller, goal="keep").is_promoted
    assert "worse for certain" in reasons(evidence(unseen=unseen))
    lossy = evidence(health=None, newest=newest, unseen=loss(-8.344, 0.06))
    assert "unseen in training" in judge(lossy, goal="keep").reasons[0]
