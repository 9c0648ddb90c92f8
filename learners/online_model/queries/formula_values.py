"""Formulas worked out with NumPy, for all rows at once.

A comparison is 1 or 0, and 0 where one of its sides is no number (NaN); `and`, `or` and `not` give
1 or 0, too. What cannot be worked out, such as `1 / 0` or `log(-1)`, is infinite or NaN, as NumPy
has it. Nothing is raised.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from functools import reduce
from itertools import pairwise
from typing import Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from learners.signals.formulas import Formula

Floats = NDArray[np.float64]
LookUp = Callable[[str, str], Floats]
"""Return the column (n,) that a look-up by its name and its text gives."""

_MATHS: dict[type[ast.operator], Callable[..., Any]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.FloorDiv: np.floor_divide,
    ast.Mod: np.mod,
    ast.Pow: np.power,
}
_COMPARED: dict[type[ast.cmpop], Callable[..., Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": np.abs,
    "exp": np.exp,
    "log": np.log,
    "log1p": np.log1p,
    "max": np.maximum,
    "min": np.minimum,
    "sqrt": np.sqrt,
}


def evaluate(formula: Formula, columns: Mapping[str, Floats], look_up: LookUp, rows: int) -> Floats:
    """Return the number of a formula for each row (rows,).

    `columns` has at least its `names`, each (rows,) float64; `look_up` gives the others.
    """
    with np.errstate(all="ignore"):
        found = _Worker(columns, look_up).value(formula.tree)
    return np.array(np.broadcast_to(found, (rows,)), np.float64)


class _Worker:
    """Works out the nodes that `Formula` lets through, each into a number or a column."""

    def __init__(self, columns: Mapping[str, Floats], look_up: LookUp) -> None:
        self._columns = columns
        self._look_up = look_up

    def value(self, node: Any) -> Any:
        """Return what a node comes to."""
        return self._HOW[type(node)](self, node)

    def _holds(self, node: ast.expr) -> Any:
        """Return where a node is true: neither 0 nor NaN."""
        value = self.value(node)
        return (value != 0.0) & ~np.isnan(value)

    def _number(self, node: ast.Constant) -> Any:
        return np.float64(cast(float, node.value))

    def _name(self, node: ast.Name) -> Any:
        return self._columns[node.id]

    def _unary(self, node: ast.UnaryOp) -> Any:
        if isinstance(node.op, ast.Not):
            return np.where(self._holds(node.operand), 0.0, 1.0)
        inner = self.value(node.operand)
        return np.negative(inner) if isinstance(node.op, ast.USub) else inner

    def _maths(self, node: ast.BinOp) -> Any:
        return _MATHS[type(node.op)](self.value(node.left), self.value(node.right))

    def _all_or_any(self, node: ast.BoolOp) -> Any:
        joined = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
        return np.where(reduce(joined, map(self._holds, node.values)), 1.0, 0.0)

    def _compared(self, node: ast.Compare) -> Any:
        sides = [self.value(one) for one in (node.left, *node.comparators)]
        found = [
            _COMPARED[type(op)](one, other) & ~np.isnan(one) & ~np.isnan(other)
            for op, (one, other) in zip(node.ops, pairwise(sides), strict=True)
        ]
        return np.where(reduce(np.logical_and, found), 1.0, 0.0)

    def _chosen(self, node: ast.IfExp) -> Any:
        return np.where(self._holds(node.test), self.value(node.body), self.value(node.orelse))

    def _called(self, node: ast.Call) -> Any:
        name = cast(ast.Name, node.func).id
        if name in _FUNCTIONS:
            return _FUNCTIONS[name](*map(self.value, node.args))
        return self._look_up(name, str(cast(ast.Constant, node.args[0]).value))

    _HOW: ClassVar[dict[type[ast.expr], Callable[..., Any]]] = {
        ast.Constant: _number,
        ast.Name: _name,
        ast.UnaryOp: _unary,
        ast.BinOp: _maths,
        ast.BoolOp: _all_or_any,
        ast.Compare: _compared,
        ast.IfExp: _chosen,
        ast.Call: _called,
    }
