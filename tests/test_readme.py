"""The README and the pages: their commands run, and what they name is there."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import typer

from dataflows.cli.main import app
from dataflows.config.config import load_config
from dataflows.datasets.convert import FORMATS
from encoders.load import load_encoder
from encoders.text import render_event, render_item
from learners.online_model import OnlineModel
from learners.settings import LearnerSettings
from learners.types import Interaction, Item

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
ROOT_PAGES = [page for page in ROOT.glob("*.md") if page.name != "CHANGELOG.md"]
PAGES = [*ROOT_PAGES, *sorted((ROOT / "docs").rglob("*.md"))]

FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
MARKED = re.compile(r"<!-- run(?:: ([\w-]+))? -->\n```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def marked(needs: str | None) -> list[str]:
    """The blocks that are run, in order: those without a need, or with this one."""
    return [block for need, block in MARKED.findall(text_of(README)) if need == (needs or "")]


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_tour_on_files_gives_what_it_says(shell) -> None:
    tour, check = marked(None)
    shell(tour)
    output = shell.folder / "output"
    lists = {each["user_id"]: each for each in lines(output / "recommendations.jsonl")}
    assert lists.keys() == {"ada", "bo", "cy"}
    assert {place["item_id"] for place in lists["ada"]["items"]} == {"teapot", "lamp", "novel"}
    (dead,) = lines(output / "dead-letters.jsonl")
    assert dead["reason"] == "bad_time"
    assert "yesterday" in dead["detail"]

    before = (output / "recommendations.jsonl").read_bytes()
    shell("penchant run --config penchant.toml")
    assert (output / "recommendations.jsonl").read_bytes() == before

    told = shell(check)
    assert "bad_time" in told
    assert "7 records" in told
    assert "the catalogue knows 4 of 4 items of events" in " ".join(told.replace("│", " ").split())


def test_the_search_of_the_tour_is_answered_first() -> None:
    """By the default encoder, as soon as the search has come: no event of its user is needed."""
    blocks = re.findall(
        r"cat > (\w+)\.jsonl <<'END'\n(.*?)^END", marked(None)[0], re.DOTALL | re.MULTILINE
    )
    items, events = ([json.loads(line) for line in told.splitlines()] for _, told in blocks)
    encoder = load_encoder(load_config(None, {}, {}).encoder.name)
    model = OnlineModel(LearnerSettings(dim=encoder.dim))
    titles = {item["item_id"]: item["title"] for item in items}
    for item in items:
        (vector,) = encoder.encode([render_item(item["title"], None, item["categories"])])
        model.put_item(Item(item["item_id"], item["title"], (*item["categories"],), vector=vector))
    told = [event for event in events if event["ts"] != "yesterday"]
    for position, event in enumerate(told):
        item, text = event.get("item_id"), event.get("text")
        (vector,) = encoder.encode([render_event(event["type"], titles.get(item), text)])
        of = (position, str(event["event_id"]), event["user_id"], item, event["type"])
        model.learn(Interaction(*of, ts=60.0 * position, vector=vector, text=text))
        if item is None:
            first = model.recommend(event["user_id"]).entries[0]
            assert first.item_id == "teapot"
            assert first.reasons[0] == f"near in meaning to the search for “{text}”"
    for position, (text, item) in enumerate(
        [("a novel for the winter", "novel"), ("Kettles", "kettle"), ("light to read", "lamp")]
    ):
        (vector,) = encoder.encode([render_event("search", None, text)])
        user, at = f"somebody {position}", len(told) + position
        one = Interaction(at, user, user, None, "search", 60.0 * at, vector=vector, text=text)
        model.learn(one)
        assert model.recommend(user).entries[0].item_id == item


@pytest.mark.slow
def test_the_tour_on_ml_100k_ends_with_figures(shell, ml100k) -> None:
    (shell.folder / ".cache").mkdir()
    (shell.folder / ".cache" / "ml-100k").symlink_to(ml100k.resolve())
    (block,) = marked("ml-100k")
    told = shell(block)
    assert "100,000" in told
    assert "HR@10" in told


def test_the_message_shown_is_one() -> None:
    shown = [body for kind, body in FENCE.findall(text_of(README)) if kind == "json"]
    assert len(shown) == 1
    message = json.loads(shown[0])
    schema = json.loads(
        (ROOT / "docs" / "reference" / "schemas" / "recommendation.json").read_bytes()
    )
    jsonschema.validate(message, schema, cls=jsonschema.Draft202012Validator)
    assert len(message["items"]) == 2


def told_commands(text: str) -> Iterator[list[str]]:
    """The words of each `penchant ...` in code: of fenced and indented lines, and inline."""
    fenced = "\n".join(body for _, body in FENCE.findall(text))
    plain = FENCE.sub("", text)
    found = [line.rstrip() for line in fenced.splitlines()]  # indented is output, no command
    found += [line.strip() for line in re.findall(r"^ {4}(.*)$", plain, re.MULTILINE)]
    found += re.findall(r"`([^`\n]+)`", plain)
    for line in found:
        words = line.removeprefix(".venv/bin/").split(" #")[0]
        if words.startswith("penchant "):
            yield shlex.split(words)[1:]


def own_options(text: str) -> set[str]:
    """Options that stand in the text by themselves, as in `--json`."""
    return set(re.findall(r"`(--[a-z][\w-]*)[^`\n]*`", FENCE.sub("", text)))


def options_of(command: Any) -> Iterator[str]:
    """All options of a command and of those under it."""
    for each in command.params:
        yield from (*each.opts, *each.secondary_opts)
    for below in getattr(command, "commands", {}).values():
        yield from options_of(below)


def faults(words: list[str]) -> Iterator[str]:
    """What of a command line is not there."""
    command = typer.main.get_command(app)
    while words and hasattr(command, "commands") and not words[0].startswith("-"):
        name = words.pop(0)
        if name not in command.commands:
            yield f"no command {name}"
            return
        command = command.commands[name]
    known = {*options_of(command), "--help"}
    yield from (f"no option {word} of {command.name}" for word in words if is_option(word, known))


def is_option(word: str, known: set[str]) -> bool:
    return word.startswith("-") and word.strip("[]") not in known


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_command_and_option_named_is_there(page) -> None:
    found = [fault for words in told_commands(text_of(page)) for fault in faults(words)]
    assert found == []
    assert own_options(text_of(page)) <= set(options_of(typer.main.get_command(app)))


def test_what_is_not_there_would_be_found() -> None:
    named = "`penchant replya x`, `penchant check x --jsno y`, `--rnaks`\n\n    penchant topics lst"
    told = [fault for words in told_commands(named) for fault in faults(words)]
    assert told == ["no command lst", "no command replya", "no option --jsno of check"]
    assert own_options(named) == {"--rnaks"}


def test_the_readme_names_every_command_and_format() -> None:
    named = {words[0] for words in told_commands(text_of(README))}
    assert set(typer.main.get_command(app).commands) - {"version"} <= named
    assert [name for name in FORMATS if name not in text_of(README)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_make_target_named_is_there(page) -> None:
    targets = set(re.findall(r"^([a-z-]+):", text_of(ROOT / "Makefile"), re.MULTILINE))
    named = re.findall(r"(?:`|^)(?:\w+=\S+ )?make ([a-z][a-z-]*)", text_of(page), re.MULTILINE)
    assert set(named) <= targets


@pytest.mark.parametrize("page", ROOT_PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page) -> None:
    """Those of pages at the root; `make docs` and tests/test_site.py hold those of docs/."""
    for link in LINK.findall(text_of(page)):
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor:
            heads = re.findall(r"^#+ (.+)$", text_of(target).lower(), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", head).replace(" ", "-") for head in heads}
