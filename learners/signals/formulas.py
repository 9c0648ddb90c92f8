"""Formulas over columns of numbers, as users write them: parsed and checked, never executed.

The grammar is a part of Python's: numbers, names, `+ - * / // % **`, comparisons, `and`, `or`,
`not`, `a if b else c`, the functions of `FUNCTIONS`, and look-ups, which take one text, such as
`count("view")`. `ast` reads it, and every node is checked against that list: what is left reaches
the columns that it is handed (`learners.online_model.queries.formula_values`), and nothing else.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Collection

LONGEST = 500
"""Characters of a formula."""
DEEPEST = 40
"""So many parts may stand within each other."""

MATHS = ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow
COMPARED = ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq
FUNCTIONS = {"abs": 1, "exp": 1, "log": 1, "log1p": 1, "max": 2, "min": 2, "sqrt": 1}
"""Functions with how many arguments they take."""


class FormulaError(ValueError):
    """A text is no formula: where, what, and what may stand there, in one line."""


class Formula:
    """A formula that was checked: `names` and `looked_up` are what it uses.

    Arguments:
        text: the formula.
        names: columns that it may name.
        lookups: look-ups that it may make.

    Raises FormulaError.
    """

    def __init__(self, text: str, names: Collection[str], lookups: Collection[str] = ()) -> None:
        self.text = text = text.strip()
        self.names: set[str] = set()
        self.looked_up: set[tuple[str, str]] = set()
        self._known = {"names": sorted(names), "lookups": sorted(lookups)}
        self.tree = _parsed(text)
        self._check(self.tree, DEEPEST)

    def _check(self, node: ast.expr, depth: int) -> None:
        """Raise FormulaError for anything that is not of the grammar."""
        if depth == 0:
            raise FormulaError(f"over {DEEPEST} parts stand within each other; make it simpler")
        if isinstance(node, ast.Constant):
            self._check_number(node)
        elif isinstance(node, ast.Name):
            if node.id not in self._known["names"]:
                raise self._wrong(node, "is no name that is known")
            self.names.add(node.id)
        elif isinstance(node, ast.Call):
            for one in self._given(node):
                self._check(one, depth - 1)
        else:
            for one in self._parts(node):
                self._check(one, depth - 1)

    def _parts(self, node: ast.expr) -> list[ast.expr]:
        """Return what an operator joins. Raises FormulaError for another node."""
        match node:
            case ast.UnaryOp(op=ast.Not() | ast.USub() | ast.UAdd()):
                return [node.operand]
            case ast.BinOp() if isinstance(node.op, MATHS):
                return [node.left, node.right]
            case ast.BoolOp():
                return node.values
            case ast.Compare() if all(isinstance(op, COMPARED) for op in node.ops):
                return [node.left, *node.comparators]
            case ast.IfExp():
                return [node.test, node.body, node.orelse]
        raise self._wrong(node, "may not stand in a formula")

    def _given(self, node: ast.Call) -> list[ast.expr]:
        """Return what a function works on, nothing for a look-up. Raises FormulaError."""
        name = node.func.id if isinstance(node.func, ast.Name) and not node.keywords else ""
        if name in self._known["lookups"]:
            match node.args:
                case [ast.Constant(value=str() as text)]:
                    self.looked_up.add((name, text))
                    return []
            raise self._wrong(node, f'takes one text, as in {name}("...")')
        if name not in FUNCTIONS:
            raise self._wrong(node, "may not stand in a formula")
        if len(node.args) != FUNCTIONS[name]:
            raise self._wrong(node, f"takes {FUNCTIONS[name]} numbers")
        return node.args

    def _check_number(self, node: ast.Constant) -> None:
        if not isinstance(node.value, int | float) or isinstance(node.value, bool):
            raise self._wrong(node, "is no number")
        try:
            is_finite = math.isfinite(float(node.value))
        except OverflowError:
            is_finite = False
        if not is_finite:
            raise self._wrong(node, "is too large")

    def _wrong(self, node: ast.expr, what: str) -> FormulaError:
        shown = " ".join((ast.get_source_segment(self.text, node) or "a part of it").split())
        shown = shown if len(shown) <= 40 else f"{shown[:37]}..."
        calls = [f'{name}("...")' for name in self._known["lookups"]]
        may = ", ".join([*self._known["names"], *calls, *FUNCTIONS])
        where = f"line {node.lineno}, character {node.col_offset + 1}"
        return FormulaError(
            f"{where}: {shown!a} {what}; there are numbers, + - * / // % **, comparisons, and, "
            f"or, not, if else, and {may}"
        )


def _parsed(text: str) -> ast.expr:
    """Return the tree of an expression. Raises FormulaError."""
    if len(text) > LONGEST:
        raise FormulaError(f"it has {len(text)} characters, above {LONGEST}; make it shorter")
    try:
        return ast.parse(text, mode="eval").body
    except SyntaxError as error:
        where = f"line {error.lineno or 1}, character {error.offset or 1}"
        said = " ".join(error.msg.split())
        raise FormulaError(f"{where}: {said}; write it as arithmetic") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise FormulaError("it cannot be read as arithmetic; make it simpler") from error
