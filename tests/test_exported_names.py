"""What the packages export: just this, and importing a package loads nothing heavy."""

from __future__ import annotations

import importlib

import pytest

from tests.test_imports import NOT_TO_START, loaded_by

EXPORTED = {
    "dataflows": ["InputError", "replay"],
    "encoders": ["CachedEncoder", "Encoder", "EncoderError", "load_encoder"],
    "learners": [
        "Event",
        "Explanation",
        "Item",
        "LearnerSettings",
        "LearntEvent",
        "RecommendationList",
        "Recommender",
        "SimilarItem",
    ],
}


ROOMS = {
    "learners.estimators": [
        "IntentClassifier",
        "MixtureClassifier",
        "NearestClassifier",
        "PreferenceClassifier",
        "PrototypeClassifier",
    ],
    "learners.recommender": ["Recommender"],
    "learners.testing": [
        "DIM",
        "SMALL",
        "CountingEncoder",
        "FakeClock",
        "Feed",
        "RecordTable",
        "Tastes",
        "WordEncoder",
        "clusters",
        "grown_model",
        "listed",
        "small",
        "unit",
    ],
}
"""Rooms that may be used from without, too."""


@pytest.mark.parametrize("name", ROOMS)
def test_these_names_of_a_room_are_exported(name) -> None:
    room = importlib.import_module(name)
    assert room.__all__ == ROOMS[name]
    assert all(hasattr(room, exported) for exported in room.__all__)


@pytest.mark.parametrize("name", EXPORTED)
def test_these_names_are_exported(name) -> None:
    package = importlib.import_module(name)
    assert package.__all__ == EXPORTED[name]
    assert set(package.__all__) <= set(dir(package))
    for exported in package.__all__:
        found = getattr(package, exported)
        assert found.__name__ == exported
        assert found.__module__.startswith(f"{name}.")
        assert found.__doc__
    with pytest.raises(AttributeError, match=f"module '{name}' has no attribute 'nothing'"):
        _ = package.nothing


@pytest.mark.parametrize("name", EXPORTED)
def test_importing_a_package_loads_nothing_heavy(name) -> None:
    assert loaded_by(f"import sys, {name}", NOT_TO_START | {"msgspec"}) == ""


def test_the_names_of_learners_need_no_model_and_no_stream() -> None:
    heavy = {"bytewax", "confluent_kafka", "encoders", "dataflows", "torch", "transformers"}
    assert loaded_by("import sys\nfrom learners import *\nRecommender()", heavy) == ""


def test_a_hashing_encoder_needs_no_model() -> None:
    heavy = NOT_TO_START - {"numpy"}
    assert loaded_by("import sys, encoders\nencoders.load_encoder('hashing')", heavy) == ""
