from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import pytest

from dataflows.errors import InputError
from dataflows.serve.answers import NotReadyError
from dataflows.serve.api_types import ListRequest
from dataflows.serve.metrics.registry import Metrics
from dataflows.serve.stored.input.follow_thread import in_one_line
from dataflows.serve.stored.open_answers import open_stored
from dataflows.serve.stored.store import answer_store as store_module
from tests.dataflows.processes import ROOT
from tests.dataflows.serve.stored.sent import Files, intents, item, listed, settle


def listed_items(answers, user_id: str) -> list[str] | None:
    kept = answers.recommend_stored(user_id)
    return kept and [place["item_id"] for place in json.loads(kept)["items"]]


def test_half_a_line_waits_for_its_end(files):
    files.send(listed("u1", ["a"], 1))
    with files.opened() as answers:
        whole = listed("u1", ["b"], 2)
        path = files.output / "recommendations.jsonl"
        with path.open("ab", buffering=0) as file:
            file.write(whole[:50])
            settle(answers)
            assert listed_items(answers, "u1") == ["a"]
            file.write(whole[50:] + b"\n")
        settle(answers)
        assert listed_items(answers, "u1") == ["b"]


def test_a_rotated_file_is_followed_while_it_runs_and_after_a_restart(files):
    path = files.output / "recommendations.jsonl"
    files.send(listed("u1", ["a"], 1))
    with files.opened() as answers:
        files.send(listed("u2", ["b"], 1))
        path.rename(files.output / "recommendations.jsonl.1")
        files.send(listed("u1", ["c"], 2))
        settle(answers)
        assert (listed_items(answers, "u1"), listed_items(answers, "u2")) == (["c"], ["b"])
    files.send(listed("u3", ["d"], 1))
    path.rename(files.output / "recommendations.jsonl.2")
    files.send(listed("u1", ["e"], 3))
    with files.opened() as answers:
        assert listed_items(answers, "u1") == ["e"]
        assert (listed_items(answers, "u2"), listed_items(answers, "u3")) == (["b"], ["d"])


def test_a_file_that_takes_the_place_of_another_may_begin_its_sequences_anew(files):
    files.send(listed("u1", ["a"], 50), listed("u2", ["b"], 50))
    with files.opened() as answers:
        (files.output / "recommendations.jsonl").unlink()
        files.send(listed("u1", ["c"], 1))
        settle(answers)
        assert listed_items(answers, "u1") == ["c"]


def test_a_file_that_is_not_the_one_that_was_read_makes_the_store_anew(files, caplog):
    files.send(listed("u1", ["a"], 50), listed("u2", ["b"], 50))
    files.append("intents", intents("u1", "buy"))
    with files.opened():
        pass
    (files.output / "recommendations.jsonl").unlink()
    files.send(listed("u1", ["c"], 1))
    with files.opened() as answers:
        assert "is another file than the one that the store was made of" in caplog.text
        assert (listed_items(answers, "u1"), listed_items(answers, "u2")) == (["c"], None)
        assert [one.item_id for one in answers.popular(9, ()).items] == ["c"]
        assert answers.intent("u1").is_known  # that file is the one that it was


def test_it_is_ready_once_all_is_read_that_is_there(files):
    with files.opened() as answers:
        found = answers.readiness()
        assert not found.is_ready
        assert found.age_seconds is None
        assert "not there yet" in found.checks["recommendations"]
        with pytest.raises(NotReadyError, match="has not caught up"):
            answers.recommend("u1", ListRequest())
        files.send(listed("u1", ["a"], 1, at=time.time() - 1_780_000_000 - 60))
        settle(answers)
        found = answers.readiness()
        assert found.is_ready
        assert 59 < found.age_seconds < 600
        assert "read to its end" in found.checks["recommendations"]
        assert found.as_of == {"events-0": 8}
        assert answers.recommend("u2", ListRequest()).source == "popular"


def test_changes_are_told_once_caught_up(files):
    first, second, older = listed("u1", ["a"], 1), listed("u1", ["b"], 3), listed("u1", ["c"], 2)
    files.send(first)
    with files.opened() as answers:
        assert files.published() == []
        files.send(second)
        settle(answers)
        files.send(older)
        settle(answers)
        assert files.published() == [("u1", second)]


def test_a_change_is_told_in_one_line_however_it_was_written():
    message = listed("u1", ["a\nb"], 1)
    assert in_one_line(message) is message
    pretty = json.dumps(json.loads(message), indent=2).replace("\n", "\r\n").encode()
    told = in_one_line(pretty)
    assert b"\n" not in told
    assert b"\r" not in told
    assert json.loads(told) == json.loads(message)


def test_lines_that_are_no_lists_are_counted_and_told(files, caplog):
    files.send(b"{", b"[1]", b"null", b"{}", listed("u1", ["a"]).replace(b"u1", b""), b"\xff")
    files.send(listed("u1", ["a"], 1))
    files.catalogue(b'{"item_id": "a"}', item("b"))
    with files.opened() as answers:
        assert listed_items(answers, "u1") == ["a"]
        assert answers.counts()["damaged"] == 7
        assert "recommendations.jsonl, offset 0" in caplog.text
        assert [one.item_id for one in answers.latest(9, ()).items] == ["b"]


def test_a_catalogue_that_lacks_too_much_is_refused_until_it_is_accepted(files):
    files.catalogue(*(item(f"i{n}") for n in range(10)))
    files.send(listed("u1", ["i1"]))
    with files.opened() as answers:
        files.catalogue(item("i9"))
        settle(answers)
        assert len(answers.latest(99, ()).items) == 10
        assert "more than a fifth" in answers.readiness().checks["items"]
    with files.opened() as answers:
        assert not answers.readiness().is_ready
        assert listed_items(answers, "u1") == ["i1"]
    with files.opened(accept_items=True) as answers:
        assert [one.item_id for one in answers.latest(99, ()).items] == ["i9"]
        assert answers.readiness().is_ready
        assert listed_items(answers, "u1") == []


def test_a_catalogue_of_changes_takes_nothing_out(tmp_path):
    files = Files(tmp_path, files__items_are="changes")
    files.catalogue(item("a"), item("b"))
    files.send()
    with files.opened() as answers:
        files.catalogue(item("a", "toys"), item("c"))
        settle(answers)
        assert [one.item_id for one in answers.latest(9, ()).items] == ["c", "b", "a"]
        assert answers.item("a").categories == ("toys",)


def test_a_store_of_other_files_or_of_another_layout_is_made_anew(
    files, tmp_path, caplog, monkeypatch
):
    files.send(listed("u1", ["a"]))
    with files.opened():
        pass
    with files.opened() as answers:
        assert answers.following.taken == 0  # the same files: all is there
    (tmp_path / "other").mkdir()
    other = Files(tmp_path / "other")
    other.kept = files.kept
    other.send(listed("u2", ["b"]))
    with other.opened() as answers:
        assert "made anew from the input" in caplog.text
        assert (listed_items(answers, "u1"), listed_items(answers, "u2")) == (None, ["b"])
    monkeypatch.setattr(store_module, "LAYOUT", "2")
    with other.opened() as answers:
        assert "the store was made with layout '1', wanted is '2'" in caplog.text
        assert listed_items(answers, "u2") == ["b"]


def test_a_folder_has_one_process(files):
    files.send()
    with files.opened(), pytest.raises(InputError, match="a folder of its own"):
        open_stored(files.config)


def test_each_worker_has_a_store_of_its_own(files):
    files.send(listed("u1", ["a"]))
    with files.opened() as first, files.opened(worker=1) as second:
        assert listed_items(first, "u1") == listed_items(second, "u1") == ["a"]


def test_what_is_no_store_is_refused_and_left_alone(files):
    path = files.database
    path.parent.mkdir(parents=True)
    path.write_bytes(b"my diary, not a database" * 100)
    with pytest.raises(InputError, match="delete this file and start again"):
        open_stored(files.config)
    assert path.read_bytes().startswith(b"my diary")


def test_what_is_stored_is_told_as_metrics(files):
    files.send(listed("u1", ["a"], 2, at=time.time() - 1_780_000_000), listed("u1", ["b"], 1), b"{")
    with files.opened() as answers:
        metrics = Metrics()
        metrics.add(answers.gather)
        text = metrics.text()[0].decode()
        lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if line[0] != "#")
    assert lines["penchant_store_ready"] == "1.0"
    assert 0 <= float(lines["penchant_store_age_seconds"]) < 600
    assert lines['penchant_store_records_total{what="recommendations"}'] == "2.0"
    assert lines['penchant_store_records_total{what="older"}'] == "1.0"
    assert lines['penchant_store_records_total{what="damaged"}'] == "1.0"
    assert lines["penchant_store_lists"] == lines["penchant_store_items"] == "1.0"
    assert lines['penchant_lag_bytes{partition="recommendations.jsonl"}'] == "0.0"
    assert lines["penchant_store_damaged_rows_total"] == "0.0"


def test_a_damaged_row_is_told_and_mended_by_what_comes_next(files, caplog):
    files.send(listed("u1", ["a"], 1), listed("u2", ["b"], 1))
    with files.opened():
        pass
    with closing(sqlite3.connect(files.database)) as connection:
        connection.execute("UPDATE answers SET answer = 'x' WHERE user_id = 'u1'")
        connection.execute("UPDATE answers SET answer = x'78' WHERE user_id = 'u2'")
        connection.execute("UPDATE messages SET message = 'x' WHERE user_id = 'u2'")
        connection.commit()
    with files.opened() as answers:
        assert answers.recommend_stored("u1") is None
        assert [one.item_id for one in answers.recommend("u1", ListRequest()).items] == ["a"]
        assert "the row of 'u1' is damaged" in caplog.text
        with pytest.raises(NotReadyError, match="damaged"):
            answers.recommend("u2", ListRequest())
        files.send(listed("u2", ["c"], 2))
        settle(answers)
        assert listed_items(answers, "u2") == ["c"]


def test_a_store_that_cannot_be_written_keeps_what_was_read_and_goes_on(files, monkeypatch):
    files.send(listed("u1", ["a"], 1))
    with files.opened() as answers:
        refused = sqlite3.OperationalError("database or disk is full")

        class Full:
            def execute(self, *_):
                raise refused

        writer = answers._store._writer
        answers._store._writer = Full()
        files.send(listed("u1", ["b"], 2))
        with pytest.raises(InputError, match="disk is full"):
            answers.following.step()
        assert listed_items(answers, "u1") == ["a"]
        answers._store._writer = writer
        settle(answers)
        assert listed_items(answers, "u1") == ["b"]


FOLLOW = """
import sys, time
from dataflows.config.config import load_config
from dataflows.serve.metrics.registry import Metrics
from dataflows.serve.stored.input.follow_thread import in_one_line
from dataflows.serve.stored.open_answers import open_stored

given = {"files.output": sys.argv[1], "serve.store": sys.argv[2]}
answers = open_stored(load_config(None, given, {}))
answers.start()
print("started", flush=True)
time.sleep(600)
"""


def test_killed_and_started_again_it_answers_as_before_and_goes_on(files):
    chance = random.Random(7)
    newest: dict[str, list[str]] = {}
    files.send()
    sequence = 0
    for round_number in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", FOLLOW, str(files.output), str(files.kept)],
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        try:
            assert process.stdout.readline() == b"started\n"
            for _ in range(chance.randrange(3, 9)):
                for _ in range(200):
                    sequence += 1
                    user = f"u{chance.randrange(50)}"
                    newest[user] = chance.sample("abcdefghij", 5)
                    files.send(listed(user, newest[user], sequence))
                time.sleep(0.02)
            process.send_signal(signal.SIGKILL)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
        with files.opened() as answers:
            assert {user: listed_items(answers, user) for user in newest} == newest
            counts = answers.counts()
            assert counts["recommendations"] == sequence, f"round {round_number}"
            assert "older" not in counts
            lists = [name for items in newest.values() for name in items]
            popular = {one.item_id: one.score for one in answers.popular(99, ()).items}
            assert popular == {name: lists.count(name) for name in set(lists)}
