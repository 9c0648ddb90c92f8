"""The site of docs/: it builds without a fault, finds what is dead, and fetches nothing."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

import dataflows
import encoders
import learners
import learners.estimators
import learners.testing

ROOT = Path(__file__).resolve().parent.parent
FROM_ELSEWHERE = re.compile(r"(?:[a-z]+:)?//", re.IGNORECASE)

pytestmark = pytest.mark.slow


def build(root: Path, site: Path) -> subprocess.CompletedProcess[str]:
    """Build in a process of its own: what MkDocs and its plugins warn of is no matter of pytest."""
    words = ["-m", "mkdocs", "build", "--strict", "--site-dir", str(site)]
    return subprocess.run(
        [sys.executable, *words], cwd=root, check=False, capture_output=True, text=True
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = build(ROOT, folder)
    assert done.returncode == 0, done.stderr
    return folder


class Fetched(HTMLParser):
    """Collects what a browser fetches by itself to show a page: all but the targets of `<a>`."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        passive = tag == "a" or given.get("rel") in {"canonical", "next", "prev"}
        wanted = [given.get("src"), given.get("srcset"), None if passive else given.get("href")]
        self.found += [each for each in wanted if each]


def test_every_page_is_built(site) -> None:
    pages = {path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md")}
    pages.add(Path("contributing.md"))
    assert len(pages) >= 20
    assert [page for page in pages if not (site / page.with_suffix(".html")).is_file()] == []


@pytest.mark.parametrize(
    "module",
    [dataflows, encoders, learners, learners.estimators, learners.testing],
    ids=lambda one: one.__name__,
)
def test_the_api_tells_of_every_name_that_is_given_out(site, module) -> None:
    name = module.__name__
    told = (site / "reference" / "api" / f"{name.rpartition('.')[2]}.html").read_text("utf-8")
    assert module.__all__
    assert [each for each in module.__all__ if f'id="{name}.{each}"' not in told] == []


def test_nothing_is_fetched_from_elsewhere(site) -> None:
    pages = sorted(site.rglob("*.html"))
    fetched = Fetched()
    for page in pages:
        text = page.read_text("utf-8")
        fetched.feed(text)
        # The theme would fetch the library that draws these.
        assert 'class="mermaid"' not in text, page
    assert len(fetched.found) > len(pages)
    assert [each for each in fetched.found if FROM_ELSEWHERE.match(each)] == []
    styles = "".join(style.read_text("utf-8") for style in site.rglob("*.css"))
    assert re.findall(r"(?:@import|url\()\s*[\"']?(?:https?:)?//", styles) == []


def test_what_is_dead_and_what_has_no_place_fails(tmp_path) -> None:
    for name in ("dataflows", "learners", "encoders"):
        (tmp_path / name).symlink_to(ROOT / name)
    for name in ("mkdocs.yml", "CONTRIBUTING.md"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    with (tmp_path / "docs" / "index.md").open("a", encoding="utf-8") as page:
        page.write("\n[one](reference/none.md), [two](reference/config.md#no-such-section)\n")
    (tmp_path / "docs" / "lost.md").write_text("# Lost\n", encoding="utf-8")
    done = build(tmp_path, tmp_path / "site")
    assert done.returncode != 0
    assert "reference/none.md" in done.stderr
    assert "no-such-section" in done.stderr
    assert "lost.md" in done.stderr
    assert done.stderr.count("WARNING -") == 3
