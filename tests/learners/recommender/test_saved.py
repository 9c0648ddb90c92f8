"""A recommender in a folder: bit for bit the same afterwards, whole or not at all, or refused."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from penchant_signal_price_range import PriceRange

from encoders import load_encoder
from learners import Event, Item, LearnerSettings, Recommender
from learners.codec import StateError
from learners.recommender import intake, saved
from tests.learners.recommender.test_recommender import ENCODER, ITEMS, Plain, grown, stream

USERS = [f"u{n}" for n in range(6)]


def all_records(one: Recommender) -> dict[tuple[str, str], bytes]:
    one._intake.store()
    return one._intake.records.records


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_it_goes_on_bit_for_bit(tmp_path) -> None:
    one = grown(90)
    one.label("u2", "light", session_id="s3")
    one.remove_item("i5")
    one.put_item(Item("i0", "A lamp of another name", ("lamp", "red", "b", "c", "fifth")))
    one.put_item(Item("own", "Own", vector=np.eye(32)[3]))
    one.save(tmp_path / "shop")
    two = Recommender.load(tmp_path / "shop", ENCODER)
    assert (two.position, two.settings) == (one.position, one.settings)
    for more in (0, 45):
        one.learn_many(stream(more, 90))
        two.learn_many(stream(more, 90))
        assert two.recommend_many([*USERS, "new"]) == one.recommend_many([*USERS, "new"])
        assert two.similar("i2") == one.similar("i2")
        assert two.explain("u1", "i3") == one.explain("u1", "i3")
        assert two.retract("u1", "#80") == one.retract("u1", "#80")
    assert all_records(two) == all_records(one)
    assert [item.text for item in two._intake.catalogue.values()] == [
        item.text for item in one._intake.catalogue.values()
    ]


def test_saving_changes_nothing_and_an_old_save_is_replaced(tmp_path) -> None:
    one, other = grown(), grown()
    one.save(tmp_path)
    first = files(tmp_path)
    assert len(first) == 2
    one.learn_many(stream(30, 60))
    other.learn_many(stream(30, 60))
    assert one.recommend_many(USERS) == other.recommend_many(USERS)
    one.save(tmp_path)
    assert len(files(tmp_path)) == 2
    assert files(tmp_path) != first
    second = files(tmp_path)
    other.save(tmp_path / "other")
    assert files(tmp_path / "other") == second


def test_nothing_learnt_can_be_saved_too(tmp_path) -> None:
    Recommender(settings=LearnerSettings(k=3)).save(tmp_path / "a" / "b")
    one = Recommender.load(str(tmp_path / "a" / "b"))
    assert (one.settings.k, one.position) == (3, -1)
    assert one.learn(Event("u", "i", 1.0, vector=[1.0])).position == 0


def test_nothing_in_it_is_a_pickle(tmp_path) -> None:
    grown().save(tmp_path)
    for blob in files(tmp_path).values():
        with pytest.raises(Exception, match=r".") as told:
            pickle.loads(blob)
        assert not isinstance(told.value, AssertionError)


@pytest.mark.parametrize("cut", ["records", "manifest"])
def test_a_save_that_is_cut_short_leaves_the_one_before(tmp_path, monkeypatch, cut) -> None:
    one = grown()
    one.save(tmp_path)
    before = [entry.item_id for entry in one.recommend("u1").entries]
    one.learn_many(stream(25, 60))
    replace = Path.replace
    calls: list[Path] = []

    def killed(self, target):
        calls.append(self)
        if len(calls) == (1 if cut == "records" else 2):
            raise KeyboardInterrupt
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        one.save(tmp_path)
    monkeypatch.undo()
    two = Recommender.load(tmp_path, ENCODER)
    assert two.position == 59
    assert [entry.item_id for entry in two.recommend("u1").entries] == before
    one.save(tmp_path)
    assert Recommender.load(tmp_path, ENCODER).position == 84
    assert len(files(tmp_path)) == 2


def test_a_first_save_that_was_cut_short_is_in_nobodys_way(tmp_path) -> None:
    grown().save(tmp_path)
    (tmp_path / saved.MANIFEST).rename(tmp_path / f".{saved.MANIFEST}.half")
    with pytest.raises(StateError, match="holds no saved recommender: there is no "):
        Recommender.load(tmp_path, ENCODER)
    grown(20).save(tmp_path)
    assert len(files(tmp_path)) == 2


def test_users_live_in_records_where_they_are_too_many(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(intake, "_STORE_EVERY", 7)
    small = Recommender(ENCODER, LearnerSettings(users_in_memory=2))
    small.put_items(ITEMS)
    small.learn_many(stream(84))
    assert len(small._intake.model.users) == 2
    assert small.recommend_many(USERS) == grown(84).recommend_many(USERS)
    small.save(tmp_path)
    again = Recommender.load(tmp_path, ENCODER)
    assert again.recommend_many(USERS) == small.recommend_many(USERS)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    grown().save(folder)
    return folder


def changed(**fields):
    def change(folder: Path) -> None:
        path = folder / saved.MANIFEST
        path.write_text(json.dumps(json.loads(path.read_text()) | fields))

    return change


def flipped(folder: Path) -> None:
    (path,) = folder.glob("records-*")
    blob = bytearray(path.read_bytes())
    blob[len(blob) // 2] ^= 1
    path.write_bytes(blob)


def cut(folder: Path) -> None:
    (path,) = folder.glob("records-*")
    path.write_bytes(path.read_bytes()[:-1])


def lost(folder: Path) -> None:
    next(folder.glob("records-*")).unlink()


def without(name: str):
    def change(folder: Path) -> None:
        path = folder / saved.MANIFEST
        fields = json.loads(path.read_text())
        del fields[name]
        path.write_text(json.dumps(fields))

    return change


DAMAGE = [
    (flipped, "is damaged"),
    (cut, "is damaged"),
    (lost, "is missing: take another copy"),
    (lambda folder: (folder / saved.MANIFEST).unlink(), "there is no recommender.json in it"),
    (shutil.rmtree, "there is no recommender.json in it"),
    (lambda folder: (folder / saved.MANIFEST).write_bytes(b"{"), "is no saved recommender"),
    (lambda folder: (folder / saved.MANIFEST).write_bytes(b"\xff\xfe"), "is no saved recommender"),
    (lambda folder: (folder / saved.MANIFEST).write_bytes(b"[]"), "is no saved recommender"),
    (changed(format="other"), "is no saved recommender"),
    (changed(version=2), "is of version 2, and this release reads 1"),
    (changed(version="1"), "is no saved recommender"),
    (changed(file="../../etc/passwd"), "is damaged"),
    (changed(sha256="0"), "is damaged"),
    (changed(bytes=-1), "is damaged"),
    (changed(more=1), "is damaged"),
    (without("sha256"), "is damaged"),
]


@pytest.mark.parametrize(("damage", "said"), DAMAGE, ids=range(len(DAMAGE)))
def test_what_is_damaged_or_foreign_is_refused_in_one_line(whole, tmp_path, damage, said) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(whole, folder)
    damage(folder)
    with pytest.raises(StateError, match=said) as told:
        Recommender.load(folder, ENCODER)
    assert "\n" not in str(told.value)
    assert str(folder) in str(told.value)


def test_another_encoder_is_refused(whole, tmp_path) -> None:
    with pytest.raises(StateError, match=r"saved with the encoder hashing-32-\w+, and None was"):
        Recommender.load(whole)
    with pytest.raises(StateError, match=r"hashing-32-\w+, and hashing-16-\w+ was handed in"):
        Recommender.load(whole, load_encoder("hashing-16"))
    one = Recommender(Plain())
    one.put_items(ITEMS)
    one.save(tmp_path)
    with pytest.raises(StateError, match=r"saved with the encoder .*\.Plain, and None"):
        Recommender.load(tmp_path)
    assert Recommender.load(tmp_path, Plain()).settings.dim == 3


def test_signals_of_ones_own_are_restored_too(tmp_path) -> None:
    one = Recommender(ENCODER, signals=[PriceRange])
    one.put_items(ITEMS)
    one.learn_many(stream(60))
    one.save(tmp_path)
    with pytest.raises(StateError, match=r"saved with the signals \('price_range',\), and \(\)"):
        Recommender.load(tmp_path, ENCODER)
    two = Recommender.load(tmp_path, ENCODER, signals=[PriceRange])
    for each in (one, two):
        each.learn_many(stream(60, 60))
    assert two.recommend_many(USERS) == one.recommend_many(USERS)
    assert all_records(two) == all_records(one)
    assert grown(120).recommend_many(USERS) != one.recommend_many(USERS)


def test_nothing_else_is_written_over(tmp_path) -> None:
    one = grown(5)
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(StateError, match="holds something else, and no "):
        one.save(tmp_path)
    with pytest.raises(StateError, match=r"mine.txt is a file; name a folder"):
        one.save(tmp_path / "mine.txt")
    other = tmp_path / "other"
    other.mkdir()
    (other / saved.MANIFEST).write_text('{"name": "a web app"}')
    with pytest.raises(StateError, match="is no saved recommender"):
        one.save(other)
    assert [path.name for path in other.iterdir()] == [saved.MANIFEST]
    assert (tmp_path / "mine.txt").read_text() == "mine"
