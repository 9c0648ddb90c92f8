"""Docstrings as the site shows them: examples at the prompt of Python are blocks of code.

MkDocs loads it by its path, as an extension of griffe, which reads the docstrings.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

EXAMPLES = re.compile(r"^>>> .*(?:\n(?!\s*$).+)*", re.MULTILINE)
"""Lines from the prompt to the next blank line."""


class Examples(griffe.Extension):
    """Put a fence around examples, which Markdown would take for quotations."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Change the docstring of one object, where it has examples."""
        if obj.docstring and ">>> " in obj.docstring.value:
            obj.docstring.value = fenced(obj.docstring.value)

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """Change the docstring of a package, which is told by itself."""
        self.on_object(obj=pkg)


def fenced(text: str) -> str:
    """Return a docstring with a fence around each of its examples."""
    return EXAMPLES.sub(lambda found: f"```pycon\n{found[0]}\n```", text)
