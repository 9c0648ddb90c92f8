"""The pages with made parts, and how such a part is put into its place."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from docs.generate.commands import commands
from docs.generate.messages import fields, reasons
from docs.generate.metrics import metrics
from docs.generate.operations import openapi_json, operations
from docs.generate.settings import settings

DOCS = Path(__file__).resolve().parent.parent
MADE = re.compile(r"(<!-- made: (\w+)(?: ([\w-]+))? -->\n\n).*?(<!-- end -->)", re.DOTALL)
MAKERS: dict[str, Callable[..., str]] = {
    "settings": settings,
    "fields": fields,
    "reasons": reasons,
    "commands": commands,
    "metrics": metrics,
    "operations": operations,
}


def made_pages() -> dict[Path, str]:
    """Return what each page with a made part should be, and the OpenAPI document, by path."""
    pages = {path: path.read_text(encoding="utf-8") for path in sorted(DOCS.rglob("*.md"))}
    found = {path: made(text) for path, text in pages.items() if MADE.search(text)}
    return found | {DOCS / "reference" / "openapi.json": openapi_json()}


def made(text: str) -> str:
    """Return a page with its parts made anew. Raises KeyError where a part is of no known kind."""

    def part(found: re.Match[str]) -> str:
        begin, kind, of, end = found.groups()
        return f"{begin}{MAKERS[kind](*filter(None, [of]))}\n{end}"

    return MADE.sub(part, text)
