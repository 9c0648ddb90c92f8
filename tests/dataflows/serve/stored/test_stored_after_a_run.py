"""A store that follows a real `penchant run`."""

from __future__ import annotations

import json

from dataflows.config.config import load_config
from dataflows.serve.api_types import ListRequest
from dataflows.serve.stored.open_answers import open_stored
from tests.dataflows.processes import Run
from tests.dataflows.serve.stored.sent import settle


def test_what_a_run_sends_is_what_the_store_answers(tmp_path):
    run = Run(tmp_path, follow=False)
    run.write(120)
    run.start()
    assert run.process.wait(120) == 0, run.said
    newest = {}
    for line in run.lines():
        message = json.loads(line)
        newest[message["user_id"]] = message
    needs = {}
    for line in run.lines("intents.jsonl"):
        message = json.loads(line)
        needs[message["user_id"]] = message
    assert len(newest) == 7
    answers = open_stored(load_config(run.config, {"serve.store": str(tmp_path / "serve")}, {}))
    try:
        settle(answers)
        assert answers.readiness().is_ready
        for user_id, message in newest.items():
            kept = json.loads(answers.recommend_stored(user_id))
            assert kept["sequence"] == message["sequence"]
            assert kept.get("intent", {}) == message["intent"]
            assert kept["versions"] == message["versions"]
            position = message["position"]
            assert kept["as_of"] == {position["partition"]: position["offset"] + 1}
            keys = "item_id", "title", "score"
            assert [tuple(place[key] for key in keys) for place in kept["items"]] == [
                tuple(place[key] for key in keys) for place in message["items"]
            ]
            told = answers.recommend(user_id, ListRequest(explain=True)).items
            assert [list(place.reasons) for place in told] == [
                place["reasons"] for place in message["items"]
            ]
        for user_id, message in needs.items():
            assert answers.intent(user_id).belief == message["belief"]
        lists = [place["item_id"] for message in newest.values() for place in message["items"]]
        popular = {one.item_id: one.score for one in answers.popular(999, ()).items}
        assert popular == {item_id: lists.count(item_id) for item_id in set(lists)}
        assert "damaged" not in answers.counts()
    finally:
        answers.close()
