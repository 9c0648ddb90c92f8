"""What became of lists, told by a process that was sent what users saw and took."""

import json

from dataflows.serve.metrics.feedback import feedback_of
from dataflows.serve.status import ShownItems
from dataflows.state.feedback import BOUNDS, FeedbackCounts, Shown
from tests.dataflows.serve.metrics.running import config_of, families_of, ran, value, write_shop


def test_shards_are_added_up():
    one = FeedbackCounts(lists=2, places=[Shown(2, 1)], versions={"a": Shown(2, 1)}, unknown=3)
    other = FeedbackCounts(
        lists=1, places=[Shown(1, 0), Shown(1, 1)], versions={"b": Shown(2, 1)}, foreign=4
    )
    other.delays[-1] = 1
    found = feedback_of([one, other])
    assert (found.lists, found.unknown, found.foreign, found.unseen) == (3, 3, 4, 0)
    assert found.places == (
        ShownItems(name="1", exposed=3, taken=1),
        ShownItems(name="2", exposed=1, taken=1),
    )
    assert [one.name for one in found.versions] == ["a", "b"]
    assert [one.seconds for one in found.delays] == [*BOUNDS, None]
    assert found.delays[-1].taken == 1
    assert feedback_of([]).places == ()


def test_a_list_that_was_seen_and_taken_from_is_told(tmp_path):
    # The same events make the same lists: the first run says what the second one will send.
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
        write_shop(folder, 40)
    given = {"files.batch_size": 1}
    with ran(config_of(first, **given, **{"metrics.enabled": False})):
        pass
    last = json.loads((first / "output/recommendations.jsonl").read_text().splitlines()[-1])
    context = {"list_id": str(last["sequence"])}
    events = [
        {"type": "exposed", "context": context},
        {"type": "view", "context": context, "item_id": last["items"][1]["item_id"]},
    ]
    with (second / "events.jsonl").open("a") as file:
        for number, event in enumerate(events):
            fields = {
                "event_id": f"f{number}",
                "user_id": last["user_id"],
                "ts": 1.7e9 + 50 + number,
            }
            file.write(json.dumps(fields | event) + "\n")
    with ran(config_of(second, **given)) as process:
        families = families_of(process.figures.metrics.text()[0].decode())
        told = process.figures.status().feedback
    name, count = "penchant_feedback_items_total", len(last["items"])
    assert value(families, "penchant_feedback_lists_total") == told.lists == 1
    assert value(families, name, what="exposed") == count
    assert value(families, name, what="taken", place="2") == 1
    assert value(families, name, what="taken") == 1
    assert [one.exposed for one in told.places] == [1] * count
    assert sum(one.taken for one in told.delays) == 1
