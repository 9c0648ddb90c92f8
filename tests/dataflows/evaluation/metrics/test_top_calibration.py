"""The calibration of what was told first, against counting by hand."""

from __future__ import annotations

import numpy as np
import pytest

from dataflows.evaluation.metrics.top_calibration import TopCalibration


def test_true_chances_have_no_error_and_boasting_has() -> None:
    draw = np.random.default_rng(0)
    true, boast = TopCalibration(), TopCalibration()
    for chance in draw.random(20_000).tolist():
        came = bool(draw.random() < chance)
        true.add(chance, came=came)
        boast.add(min(chance + 0.2, 1.0), came=came)
    assert true.figures()["ece"] < 0.015
    assert boast.figures()["ece"] == pytest.approx(0.18, abs=0.02)


def test_figures_by_hand() -> None:
    collected = TopCalibration()
    for chance, came in ((0.91, True), (0.95, False), (1.0, True), (0.42, False)):
        collected.add(chance, came=came)
    told = collected.figures()
    assert told["events"] == 4
    assert told["ece"] == pytest.approx((abs(2.86 - 2) + 0.42) / 4)
    assert told["predicted"] == pytest.approx(3.28 / 4)
    assert told["observed"] == 0.5
    assert [(each["from"], each["events"]) for each in told["bins"]] == [(0.4, 1), (0.9, 3)]
    assert told["bins"][1]["observed"] == pytest.approx(2 / 3)
    assert TopCalibration().figures()["ece"] is None
