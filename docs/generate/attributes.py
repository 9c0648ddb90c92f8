"""What the source says of each attribute of a class: the string that stands below it."""

from __future__ import annotations

import ast
import inspect
import re
from itertools import pairwise

PAGE = re.compile(r"docs/((?:[\w-]+/)*)([\w-]+\.md)(#[\w-]+)?")


def attribute_docstrings(owner: type) -> dict[str, str]:
    """Return the docstring of every attribute of a class that has one, in one line each."""
    (node,) = ast.parse(inspect.getsource(owner)).body
    body = getattr(node, "body", [])
    found = {}
    for attribute, below in pairwise(body):
        match attribute, below:
            case (
                ast.AnnAssign(target=ast.Name(name)) | ast.Assign(targets=[ast.Name(name)]),
                ast.Expr(ast.Constant(str(text))),
            ):
                found[name] = one_line(text)
    return found


def one_line(text: str) -> str:
    """Return a docstring without its line breaks."""
    return " ".join(text.split())


def linked(text: str, folder: str = "reference") -> str:
    """Return a text in which every page named by its path is a link, as seen from `folder`."""

    def link(found: re.Match[str]) -> str:
        where, page, anchor = found.groups(default="")
        path = page if where.rstrip("/") == folder else f"../{where}{page}"
        return f"[{page}]({path}{anchor})"

    return PAGE.sub(link, text)


def cell(text: str) -> str:
    """Return a text as it may stand in a cell of a table."""
    return linked(text).replace("|", "\\|")
