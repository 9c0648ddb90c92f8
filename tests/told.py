"""Commands of a page that are run, and what it says that they print.

`<!-- run -->` marks a block that is run, `<!-- run: kafka -->` one that needs something;
`<!-- prints -->` marks lines that the block before it has printed. `...` in such a line stands for
anything.
"""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent / "docs"
MARKED = re.compile(
    r"<!-- (run|prints)(?:: ([\w-]+))? -->\n```(?:sh|text)\n(.*?)^```", re.DOTALL | re.MULTILINE
)


def marked(text: str, needs: str = "") -> list[tuple[str, str]]:
    """Pairs of `run` or `prints` and the block, in order: those to run with this need alone."""
    found = MARKED.findall(text)
    return [(kind, block) for kind, need, block in found if kind == "prints" or need == needs]


def as_told(line: str) -> re.Pattern[str]:
    """A line of a page, as a pattern: any blanks, frames of tables and wrapped lines between."""
    words = (
        ".*?" if word == "..." else re.escape(word).replace(r"\.\.\.", r"\S*")
        for word in line.split()
    )
    return re.compile(r"[\s│]+".join(words).replace(r"[\s│]+.*?[\s│]+", r"[\s│].*?[\s│]"))


def programs(page: str) -> list[str]:
    """The Python programs of a page, by its path within the docs."""
    text = (DOCS / page).read_text("utf-8")
    return re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
