"""What a running process tells of itself: every metric is as specified, and says what is so."""

import base64
import json
import socket
import threading
import time

import pytest

from dataflows.app.process import assemble
from dataflows.config.config import load_config
from dataflows.errors import InputError
from dataflows.serve.metrics.exporter import Exporter
from dataflows.serve.metrics.process import ProcessFigures
from dataflows.serve.metrics.registry import Metrics
from dataflows.serve.metrics.specs import GROUPS, SPECS
from dataflows.state.shard_files import database_size
from dataflows.state.store import store_path
from encoders.backends.hashing import HashingEncoder
from tests.dataflows.serve.metrics.running import (
    USERS,
    config_of,
    families_of,
    ran,
    scraped,
    value,
    write_shop,
)


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """What a process told at the end of its input, and what it was."""
    folder = tmp_path_factory.mktemp("shop")
    write_shop(folder)
    config = config_of(folder)
    with ran(config) as process:
        process.figures.samples.take()
        head, families = scraped(process)
        engine = next(iter(process.engines))
        size = database_size(store_path(folder / "state", 0))
        status = process.figures.status()
        told = {
            "ledger": engine.ledger.as_dict(),
            "counts": dict(engine.counts),
            "learnt": engine.learnt,
        }
    sent = (folder / "output/recommendations.jsonl").read_text().splitlines()
    lists = [json.loads(line) for line in sent]
    return head, families, status, told, lists, size


def test_each_metric_has_the_name_kind_and_labels_of_its_specification(seen):
    head, families, *_ = seen
    assert head.status == 200
    assert head.type.startswith("text/plain")
    found = set()
    for family in families.values():
        if family.name.startswith(("process_", "python_")):
            continue
        name = f"{family.name}_total" if family.type == "counter" else family.name
        spec = SPECS[name]
        found.add(name)
        assert (family.type, family.documentation) == (spec.kind, spec.help)
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(spec.labels)
    assert found >= {
        *("penchant_records_total", "penchant_outcomes_total", "penchant_lag_bytes"),
        *("penchant_lists_sent_total", "penchant_list_delay_seconds", "penchant_stage_seconds"),
        *("penchant_hits_total", "penchant_cap_used", "penchant_state_bytes"),
        *("penchant_version_info", "penchant_encoder_texts_total", "penchant_build_info"),
    }


def test_names_follow_the_conventions():
    for spec in (spec for group in GROUPS for spec in group.specs):
        assert spec.name.startswith("penchant_")
        assert spec.name.endswith("_total") == (spec.kind == "counter")
        assert spec.kind != "histogram" or spec.name.endswith("_seconds")
        assert spec.help.endswith(".")
        assert not {"user", "user_id", "item", "item_id"} & set(spec.labels)


def test_the_ledger_is_told_by_partition_outcome_and_reason(seen):
    _, families, status, told, *_ = seen
    ledger = told["ledger"]
    name = "penchant_outcomes_total"
    for partition, page in ledger["partitions"].items():
        assert value(families, "penchant_records_total", partition=partition) == page["in"]
        assert value(families, name, partition=partition) == page["in"]
        for outcome in ("learnt", "duplicate", "dead_letter"):
            labels = {"partition": partition, "outcome": outcome}
            assert value(families, name, **labels) == page[outcome]
            for reason, count in page["reasons"].get(outcome, {}).items():
                assert value(families, name, reason=reason, **labels) == count
    assert ledger["dead_letter"] == 6
    assert status.ledger.arrived == ledger["in"]
    assert status.ledger.reasons == ledger["reasons"]


def test_lists_users_and_state_are_those_of_the_process(seen):
    _, families, status, told, lists, size = seen
    assert value(families, "penchant_lists_sent_total") == len(lists) == status.lists
    assert value(families, "penchant_lists_made_total") == told["counts"]["lists_made"]
    assert value(families, "penchant_list_delay_seconds_count") == len(lists)
    assert value(families, "penchant_events_learnt_total") == told["learnt"]
    assert value(families, "penchant_cap_used", cap="learner.users_in_memory") == USERS
    assert value(families, "penchant_cap_limit", cap="learner.users_in_memory") == 20_000
    assert value(families, "penchant_state_bytes") == size > 0
    assert value(families, "penchant_stage_seconds_count", stage="learn") == told["learnt"]
    shown = {place["item_id"] for sent in lists for place in sent["items"]}
    assert value(families, "penchant_items_listed") == status.covered == len(shown)
    assert abs(value(families, "penchant_last_commit_timestamp_seconds") - status.time) < 60


def test_the_newest_lists_and_dead_letters_are_shown_the_newest_first(seen):
    *_, status, _, lists, _ = seen
    newest = [(one["user_id"], one["sequence"]) for one in reversed(lists)][:20]
    assert [(one.user_id, one.sequence) for one in status.changes] == newest
    first = lists[-1]
    assert list(status.changes[0].items) == [place["title"] for place in first["items"]][:5]
    assert [one.reason for one in status.dead_letters] == [
        *("not_an_object", "bad_json", "not_utf8") * 2
    ]
    assert base64.b64decode(status.dead_letters[0].raw) == b"null"


def test_curves_add_up_to_what_came_in_since_the_first_point(seen):
    _, _, status, *_ = seen
    assert sum(one.events_per_second * one.seconds for one in status.samples) <= 337
    assert [one.time for one in status.samples] == sorted(one.time for one in status.samples)
    for one in status.intents:
        assert sum(one.shares.values()) + one.rest == pytest.approx(1.0)
        assert set(one.shares) <= {"need 0", "need 1", "need 2"}
    assert status.intents


def test_lists_and_state_are_those_of_a_process_without_metrics(tmp_path):
    kept = []
    for name, is_on in (("with", True), ("without", False)):
        folder = tmp_path / name
        folder.mkdir()
        write_shop(folder, 150)
        with ran(config_of(folder, **{"metrics.enabled": is_on})) as process:
            assert (process.figures is not None) is is_on
            engine = next(iter(process.engines))
            assert ("timed" in repr(engine._list)) is is_on
            changed = sorted((kind, key) for kind, key, _ in engine.model.changed())
            network = engine.model.preference.state()
        lines = (folder / "output/recommendations.jsonl").read_text().splitlines()
        lists = [{**json.loads(line), "time": None} for line in lines]
        kept.append((lists, changed, repr(network)))
    assert kept[0] == kept[1]


def test_a_shard_that_is_at_work_is_told_as_it_was(tmp_path):
    write_shop(tmp_path, 60)
    with ran(config_of(tmp_path)) as process:
        before = families_of(process.figures.metrics.text()[0].decode())
        engine = next(iter(process.engines))
        release, held = threading.Event(), threading.Event()

        def hold():
            with engine.lock:
                held.set()
                release.wait(30)

        thread = threading.Thread(target=hold)
        thread.start()
        held.wait(30)
        try:
            engine.counts["lists_sent"] += 1_000
            during = families_of(process.figures.metrics.text()[0].decode())
        finally:
            release.set()
            thread.join()
        after = families_of(process.figures.metrics.text()[0].decode())
    name = "penchant_lists_sent_total"
    assert value(during, name) == value(before, name)
    assert value(after, name) == value(before, name) + 1_000
    age = "penchant_figures_age_seconds"
    assert value(during, age) > value(after, age)


def test_an_address_that_is_taken_is_refused_in_a_line():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        settings = load_config(None, {"metrics.port": port}, {}).metrics
        with pytest.raises(InputError, match=rf"metrics.port {port}: nothing can listen there"):
            Exporter(Metrics(), settings).begin()


def test_a_scrape_before_a_shard_is_open_tells_of_the_process_alone(tmp_path):
    write_shop(tmp_path, 5)
    process = assemble(config_of(tmp_path), lambda: False, HashingEncoder(32))
    try:
        families = families_of(process.figures.metrics.text()[0].decode())
        assert value(families, "penchant_build_info") == 1
        assert "penchant_records" not in families
        assert process.figures.status().users == 0
    finally:
        process.finish()


def test_figures_without_shards_are_none():
    figures = ProcessFigures(load_config(None, {}, {}))
    assert figures.read() == []
    assert figures.encoder() is None
    assert time.time() > 0


def test_several_shards_are_told_one_by_one_and_together(tmp_path):
    write_shop(tmp_path, 80)
    with ran(config_of(tmp_path, **{"state.shards": 2})) as process:
        engines = list(process.engines)
        families = families_of(process.figures.metrics.text()[0].decode())
        status = process.figures.status()
    name = "penchant_events_learnt_total"
    learnt = [int(value(families, name, shard=str(engine.shard))) for engine in engines]
    assert learnt == [engine.learnt for engine in engines]
    assert min(learnt) > 0
    assert status.ledger.learnt == sum(learnt)
    assert status.users == USERS
    assert status.as_of["events.jsonl"] == min(one.positions["events.jsonl"] for one in engines)
    caps = [one.name for one in status.caps]
    assert len(set(caps)) == len(caps)
