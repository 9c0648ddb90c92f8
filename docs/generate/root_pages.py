"""Pages that lie at the root of the checkout, where people look for them, as pages of the site.

MkDocs loads it by its path, as a hook.
"""

from __future__ import annotations

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT_PAGES = {"CONTRIBUTING.md": "contributing.md"}
LINK = re.compile(r"\[([^\]]*)\]\((?!https?:|#)([^)\s]+)\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of the root to those of docs/."""
    root = Path(config.config_file_path).parent
    for name, page in ROOT_PAGES.items():
        text = (root / name).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=as_in_docs(text)))
    return files


def as_in_docs(text: str) -> str:
    """Return a page of the root with its links as from docs/: what lies elsewhere is no link."""

    def link(found: re.Match[str]) -> str:
        label, target = found.groups()
        inside = target.removeprefix("docs/")
        return f"[{label}]({inside})" if inside != target else f"{label} (`{target}`)"

    return LINK.sub(link, text)
