"""The pages, held against the code: what is made from it, and what is written by hand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dataflows.app.run import run
from dataflows.config.config import load_config
from dataflows.config.event_types import NEGATIVE
from dataflows.datasets.convert import FORMATS
from dataflows.datasets.shop.shop import Shop
from dataflows.engine.flow import STEPS
from dataflows.messages.json_schemas import TYPES
from dataflows.state.ledger import OUTCOMES
from dataflows.state.store import Store
from docs.generate.docstrings import fenced
from docs.generate.pages import made_pages
from docs.generate.root_pages import as_in_docs
from docs.generate.settings import SECTIONS
from encoders.backends.hashing import HashingEncoder
from learners.ranking.columns import FEATURES, GENERATED, GROUPS, RETURNS, SEARCH

DOCS = Path(__file__).resolve().parent.parent / "docs"


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def section(text: str, title: str) -> str:
    return text.split(f"## {title}", 1)[1].split("\n## ", 1)[0]


def first_column(text: str) -> list[str]:
    return re.findall(r"^\| (`.+?`) \|", text, re.MULTILINE)


def test_examples_of_docstrings_are_fenced_and_nothing_else() -> None:
    told = "Do it.\n\n>>> one()\n1\n>>> two()\n\nAnd so on: a >>> b."
    assert fenced(told) == (
        "Do it.\n\n```pycon\n>>> one()\n1\n>>> two()\n```\n\nAnd so on: a >>> b."
    )


def test_links_of_a_page_at_the_root_are_as_from_the_docs() -> None:
    told = "[a](docs/how-to/check.md#of), [b](Makefile), [c](https://x.org), [d](#e)"
    wanted = "[a](how-to/check.md#of), b (`Makefile`), [c](https://x.org), [d](#e)"
    assert as_in_docs(told) == wanted


def test_what_is_made_from_the_code_is_as_the_code_is() -> None:
    wanted = made_pages()
    assert {path.name for path in wanted} >= {"config.md", "messages.md", "commands.md"}
    stale = [path.name for path in wanted if path.read_text("utf-8") != wanted[path]]
    assert stale == [], "run make reference"


def test_every_setting_has_a_table_and_every_message_its_fields() -> None:
    config, messages = page("reference/config.md"), page("reference/messages.md")
    assert sorted(re.findall(r"<!-- made: settings (\w+) -->", config)) == sorted(SECTIONS)
    assert set(re.findall(r"<!-- made: fields ([\w-]+) -->", messages)) == set(TYPES)


def test_the_features_are_listed_in_their_order() -> None:
    told = first_column(section(page("explanation/learners.md"), "Features"))
    assert [cell.strip("`") for cell in told] == [*FEATURES, *RETURNS, *SEARCH]


def test_reasons_hang_on_features_that_there_are() -> None:
    assert {name for names in GROUPS.values() for name in names} <= {
        *FEATURES,
        *SEARCH,
        *RETURNS,
        *GENERATED,
    }


def test_every_learner_file_named_is_there() -> None:
    named = re.findall(r"`([\w/]+\.py)`", page("explanation/learners.md"))
    assert len(named) > 10
    assert [name for name in named if not (DOCS.parent / "learners" / name).is_file()] == []


def test_every_engine_file_named_is_there() -> None:
    named = re.findall(r"`(?:dataflows/)?([\w/]+\.py)`", page("explanation/architecture.md"))
    assert len(named) > 10
    roots = (DOCS.parent / "dataflows", DOCS.parent)
    assert [name for name in named if not any((root / name).is_file() for root in roots)] == []


def test_every_file_of_the_glossary_is_there() -> None:
    named = re.findall(r"`([\w/]+\.py)`", page("reference/glossary.md"))
    assert len(named) > 50
    assert [name for name in named if not (DOCS.parent / name).is_file()] == []


def test_the_glossary_tells_each_word_once() -> None:
    words = re.findall(r"^\| ([^|]+?) \|", page("reference/glossary.md"), re.MULTILINE)
    told = [word for word in words if word not in ("word", "---")]
    assert sorted(set(told)) == sorted(told)


def test_the_steps_are_those_of_the_flow() -> None:
    told = re.search(r"The steps of the flow are (.+?) \(", page("explanation/architecture.md"))
    assert told is not None
    assert tuple(re.findall(r"`(\w+)`", told[1])) == STEPS


@pytest.mark.parametrize("name", ["README.md", "docs/reference/messages.md"])
def test_the_ledger_is_told_as_it_counts(name) -> None:
    told = re.search(r"^ {4}in = (.+)$", (DOCS.parent / name).read_text("utf-8"), re.MULTILINE)
    assert told is not None
    assert tuple(told[1].split(" + ")) == OUTCOMES


def test_the_kinds_in_a_store_are_those_on_the_page(tmp_path) -> None:
    Shop(seed=1, items=60, users=20).write(tmp_path, 200)
    given = {
        "files.events": str(tmp_path / "events.jsonl"),
        "files.items": str(tmp_path / "items.jsonl"),
        "files.output": str(tmp_path / "output"),
        "state.path": str(tmp_path / "state"),
    }
    run(load_config(None, given, {}), HashingEncoder(32))
    store = Store.reader(tmp_path / "state")
    assert store is not None
    found = {re.sub(r"\d+$", "<n>", kind) for kind in store.kinds()}
    store.close()
    cells = first_column(section(page("explanation/architecture.md"), "What is kept"))
    told = {kind for cell in cells for kind in re.findall(r"`([^`]+)`", cell)}
    # A message lies in the store only if an epoch ended before it was delivered; a language
    # model is asked only where it is switched on; nobody decided anything; files that follow
    # each other have one time.
    seldom = {
        "feedback",  # nobody named a list
        "log",
        "again",
        "outbox",
        "learner:generated",
        "decision",
        "decision:taken",
        "clean:time",
        "refresh",  # no item changed
        "refresh:item",
    }
    assert told - seldom <= found <= told


def test_every_format_is_on_the_page_of_converters() -> None:
    rows = re.findall(r"^\| (`.+?) \|", page("how-to/convert.md"), re.MULTILINE)
    assert re.findall(r"`([\w-]+)`", " ".join(rows)) == list(FORMATS)
    assert f"`{NEGATIVE}` where a `label` is 0" in page("how-to/convert.md")
