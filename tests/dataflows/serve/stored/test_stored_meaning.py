"""Similar items and search of a store, by the encoder that the configuration names."""

from __future__ import annotations

import time

import pytest

from dataflows.serve.answers import NotAnsweredHereError, NotReadyError, UnknownError
from dataflows.serve.stored import meaning as meaning_module
from tests.dataflows.serve.stored.sent import Files, item, settle

ROWS = (
    item("red", "shoes", text="a red running shoe"),
    item("blue", "shoes", text="a blue running shoe"),
    item("soup", "food", text="a bowl of hot tomato soup"),
    item("off", "shoes", text="a red running shoe", available=False),
)


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.setattr(meaning_module, "SYNC_SECONDS", 0.01)
    found = Files(tmp_path, encoder__name="hashing-64")
    found.catalogue(*ROWS)
    found.send()
    return found


def encoded(answers):
    """Wait until the texts are encoded; somebody has asked already."""
    deadline = time.monotonic() + 60
    while answers.readiness().checks["meaning"] != "encoded":
        assert time.monotonic() < deadline, answers.readiness().checks["meaning"]
        time.sleep(0.01)


def ids(answer):
    return [one.item_id for one in answer.items]


def test_what_is_near_in_meaning_once_somebody_asks(files):
    with files.opened() as answers:
        assert "nobody has asked" in answers.readiness().checks["meaning"]
        with pytest.raises(NotReadyError, match="ask again in a while"):
            answers.similar("red", 9, ())
        encoded(answers)
        assert ids(answers.similar("red", 9, ())) == ["blue", "soup"]
        assert ids(answers.similar("off", 2, ())) == ["red", "blue"]
        assert ids(answers.similar("red", 9, ("food",))) == ["soup"]
        found = answers.search("hot soup", None, 1, ())
        assert ids(found) == ["soup"]
        assert 0 < found.items[0].score <= 1
        with pytest.raises(UnknownError):
            answers.similar("nothing", 9, ())
        with pytest.raises(NotAnsweredHereError, match="in the order of a user"):
            answers.search("soup", "u1", 9, ())


def test_a_catalogue_that_changes_is_encoded_anew(files):
    with files.opened(accept_items=True) as answers:
        with pytest.raises(NotReadyError):
            answers.similar("red", 9, ())
        encoded(answers)
        files.catalogue(*ROWS[:2], item("boat", "boats", text="a bowl of hot tomato soup"))
        settle(answers)
        deadline = time.monotonic() + 60
        while ids(answers.search("tomato soup", None, 1, ())) != ["boat"]:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_an_encoder_that_cannot_be_had_is_told(tmp_path):
    files = Files(tmp_path, encoder__name=str(tmp_path / "nowhere"))
    files.catalogue(*ROWS)
    files.send()
    with files.opened() as answers:
        with pytest.raises((NotReadyError, NotAnsweredHereError)):  # it may be found at once
            answers.search("soup", None, 1, ())
        deadline = time.monotonic() + 60
        while "nowhere" not in answers.readiness().checks["meaning"]:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        with pytest.raises(NotAnsweredHereError, match=r"nowhere.*serve\.run_url"):
            answers.search("soup", None, 1, ())
