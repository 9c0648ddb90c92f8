"""What is told of users' needs in their first events is as true as it says, from the first on."""

from __future__ import annotations

import io
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from dataflows.config.config import load_config
from dataflows.datasets.convert import convert
from dataflows.datasets.shop.shop import Shop
from dataflows.evaluation.judging.told_intent import ToldIntent
from dataflows.evaluation.replay import ReplaySettings, replay
from dataflows.evaluation.report import render
from encoders.backends.hashing import HashingEncoder
from encoders.text import render_event
from learners.intent.calibration import ToldChances
from learners.intent.record import IntentRecord
from learners.intent.session_belief import widened
from learners.intent.tracker import IntentTracker
from learners.online_model import OnlineModel
from learners.settings import LearnerSettings
from learners.types import Interaction, Item

MOST = 0.05
ENCODER = HashingEncoder(128)
README = Path(__file__).resolve().parent.parent / "README.md"


def lines(path: Path, most: int) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for _, line in zip(range(most), file, strict=False)]


def interactions(
    events: list[dict[str, Any]], titles: dict[str, str]
) -> Iterator[tuple[Interaction, str]]:
    """Yield what each event teaches, and the id of its item."""
    for position, each in enumerate(events):
        item = each.get("item_id", "")
        words = render_event(each["type"], titles.get(item), each.get("text"))
        vector = None if words is None else ENCODER.encode([words])[0]
        yield (
            Interaction(
                position,
                str(each["event_id"]),
                str(each["user_id"]),
                item or None,
                each["type"],
                float(each["ts"]),
                vector=vector,
                intent=each.get("intent"),
                session_id=each.get("session_id"),
                text=each.get("text"),
            ),
            item,
        )


def judged(folder: Path, most: int) -> dict[str, Any]:
    """Play a log through the tracker alone, as the judge of a replay looks at it."""
    items = lines(folder / "items.jsonl", 10**6)
    category = {each["item_id"]: (each.get("categories") or [None])[0] for each in items}
    titles = {each["item_id"]: each.get("title", "") for each in items}
    known = {name: number for number, name in enumerate(set(category.values()) - {None})}
    tracker = IntentTracker(ENCODER.dim, LearnerSettings(dim=ENCODER.dim), known)
    users: defaultdict[str, IntentRecord] = defaultdict(IntentRecord)
    judge, seen = ToldIntent(), Counter[str]()
    for one, item in interactions(lines(folder / "events.jsonl", most), titles):
        user, number, came = users[one.user_id], seen[one.user_id], category.get(item)
        if one.intent is not None:
            told = tracker.predict_intent(user, one)
            shares = (dict(zip(told.labels, of.tolist(), strict=True)) for of in told[1:3])
            judge.judge(*shares, one.intent, number)
        elif number and came is not None and not tracker.stated.labels:
            report = tracker.report(user)
            judge.judge(report.intent, report.belief, came, number)
        tracker.learn(one, user, came)
        seen[one.user_id] += 1
    return judge.figures()


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two shops: one whose shoppers say what they are after at a third of their events, one not."""
    folder = tmp_path_factory.mktemp("shops")
    for name, share in (("labels", 0.33), ("none", 0.0)):
        Shop(seed=5, items=500, users=600, label_share=share).write(folder / name, 8_000)
    return folder


@pytest.mark.parametrize("name", ["labels", "none"])
def test_a_shop(logs: Path, name: str) -> None:
    told = judged(logs / name, 8_000)
    for figures in (told["intent"], told["belief"]):
        assert figures["events"] > 1_500
        assert figures["ece"] <= MOST
        assert figures["observed"] > 0.3


def test_completejourney(shared: Path, tmp_path: Path) -> None:
    convert("completejourney", shared / "data" / "completejourney", tmp_path, force=True)
    told = judged(tmp_path, 12_000)
    for figures in (told["intent"], told["belief"]):
        assert figures["events"] > 2_000
        assert figures["ece"] <= MOST
        assert figures["observed"] > 0.5


def example(name: str) -> list[dict[str, Any]]:
    """Return the records that the README writes into a file of this name, but for the bad one."""
    text = README.read_text(encoding="utf-8")
    block = text[text.index(f"cat > {name} <<'END'\n") :]
    records = [json.loads(line) for line in block[: block.index("\nEND")].splitlines()[1:]]
    return [each for each in records if each.get("ts") != "yesterday"]


def test_the_example_of_the_readme_is_told_as_little_as_it_can_know() -> None:
    items = example("items.jsonl")
    model = OnlineModel(LearnerSettings(dim=ENCODER.dim))
    for each in items:
        model.put_item(Item(each["item_id"], each["title"], tuple(each["categories"])))
    events = [
        each | {"ts": datetime.fromisoformat(each["ts"]).timestamp()}
        for each in example("events.jsonl")
    ]
    titles, told = {each["item_id"]: each["title"] for each in items}, {}
    category, taken = {each["item_id"]: each["categories"][0] for each in items}, []
    for one, item in interactions(events, titles):
        model.learn(one)
        offered = model.recommend(one.user_id)
        told[one.user_id] = offered.intent, offered.belief
        taken += [category[item]] if item else []
        # Laplace's rule of succession: what came so often of so many times.
        most = (1 + max(Counter(taken).values())) / (2 + len(taken))
        for shares in told[one.user_id]:
            assert 0 < max(shares.values()) <= most + 1e-6
            assert sum(shares.values()) < 0.85
    assert set(told["bo"][0]) == {"Kitchen", "Books", "Lighting"}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["shop", "completejourney"])
def test_the_figure_of_a_replay(logs: Path, shared: Path, tmp_path: Path, name: str) -> None:
    folder, repeats = logs / "none", "auto"
    if name == "completejourney":
        folder, repeats = tmp_path, "on"
        convert(name, shared / "data" / name, folder, force=True)
    config = load_config(None, {"learner.repeats": repeats}, {})
    settings = ReplaySettings(limit=6_000, against=(), warmup=0.0)
    done = replay(config, folder / "events.jsonl", folder / "items.jsonl", settings, ENCODER)
    told = done.report["intent_calibration"]
    assert told["first"] == 20
    assert told["intent"]["events"] == told["belief"]["events"] > 2_000
    assert told["intent"]["ece"] <= MOST
    assert told["belief"]["ece"] <= MOST
    held = io.StringIO()
    render(done.report, Console(file=held, width=400))
    assert f"expected calibration error {told['intent']['ece']:.4f} from the event" in (
        held.getvalue()
    )


def test_what_the_learners_say_themselves_is_not_as_true(
    logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the bound can be missed: by the same chances as they are before they are calibrated."""

    def raw(_: Any, learner: Any, posterior: Any, belief: Any, _events: int) -> Any:
        held = posterior if belief is None else belief.shares
        return posterior, widened(held, len(learner.labels))

    monkeypatch.setattr(ToldChances, "tell", raw)
    assert judged(logs / "none", 8_000)["belief"]["ece"] > 1.5 * MOST
