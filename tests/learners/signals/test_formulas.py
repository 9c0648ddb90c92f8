"""Formulas: what is none is refused in one line, what is one is arithmetic and nothing else."""

from __future__ import annotations

import ast
import builtins
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learners.online_model.queries.formula_values import evaluate
from learners.signals.formulas import FUNCTIONS, LONGEST, Formula, FormulaError

NAMES, LOOKUPS = ("age", "users"), ("count",)
NUMBERS = [0.0, -1.5, 3.0, math.nan, math.inf, -math.inf, 1e308]
COLUMNS = {"age": np.array(NUMBERS), "users": np.array(NUMBERS[::-1])}
ROWS = len(NUMBERS)


def counted(name, text):
    return np.arange(ROWS) * (1.0 if text == "view" else 2.0)


def worked_out(text):
    return evaluate(Formula(text, NAMES, LOOKUPS), COLUMNS, counted, ROWS)


PIECES = st.sampled_from(
    [
        *"()[]{}.,:'\"\\\n\t\0 -+*/%<>=!~^@&|",
        *("age", "users", "count", "view", "if", "else", "lambda", "not ", " and ", " or ", " in "),
        *("__class__", "__import__", "os", "exec", "eval", "print", "True", "None", "1", "9" * 50),
        *(
            "1e999",
            "log",
            "max",
            "**",
            "//",
            ":=",
            " is ",
            "await ",
            "yield ",
            'f"{',
            "é",
            "\ud800",
        ),
    ]
)


@given(text=st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=40).map("".join)))
@settings(max_examples=400, deadline=None)
def test_a_text_is_a_formula_or_refused_in_one_line(text):
    try:
        found = worked_out(text)
    except FormulaError as error:
        said = str(error)
    else:
        said = ""
        assert found.shape == (ROWS,)
        assert found.dtype == np.float64
    assert "\n" not in said
    assert len(said) < 500


LEAVES = st.one_of(
    st.sampled_from([*NAMES, 'count("view")', "count('buy')"]),
    st.integers(0, 10**30).map(str),
    st.floats(0, allow_nan=False, allow_infinity=False).map(repr),
)


JOINTS = [*"+-*/%<>", "//", "**", "<=", ">=", "==", "!=", "and", "or"]


def wider(inner):
    joined = st.tuples(inner, st.sampled_from(JOINTS), inner).map(" ".join)
    signed = st.tuples(st.sampled_from(["-", "+", "not "]), inner).map("".join)
    chosen = st.tuples(inner, st.just("if"), inner, st.just("else"), inner).map(" ".join)
    called = st.tuples(st.sampled_from(sorted(FUNCTIONS)), inner, inner).map(
        lambda one: f"{one[0]}({', '.join(one[1 : 1 + FUNCTIONS[one[0]]])})"
    )
    return st.one_of(st.one_of(joined, signed, chosen).map("({})".format), called)


@given(text=st.recursive(LEAVES, wider, max_leaves=12).filter(lambda text: len(text) <= LONGEST))
@settings(max_examples=300, deadline=None)
def test_what_the_grammar_has_is_worked_out_whatever_the_numbers(text):
    assert worked_out(text).shape == (ROWS,)


@given(text=st.recursive(st.sampled_from(["age", "2.0", "0.5"]), wider, max_leaves=8))
@settings(max_examples=200, deadline=None)
def test_of_plain_numbers_it_says_what_python_says(text):
    """Python raises where NumPy has an infinite number or NaN: those are not compared."""
    if len(text) > LONGEST or "users" in text:
        return
    known = {"abs": abs, "max": max, "min": min, "exp": math.exp, "log": math.log}
    known |= {"log1p": math.log1p, "sqrt": math.sqrt}
    for value in (3.0, 0.25):
        try:
            wanted = eval(compile(text, "t", "eval"), {"__builtins__": {}}, {**known, "age": value})
        except (ArithmeticError, ValueError, TypeError):
            return
        if isinstance(wanted, complex) or (" and " in text or " or " in text):
            return  # there Python gives one of the two sides
        found = evaluate(Formula(text, NAMES, LOOKUPS), {"age": np.array([value])}, counted, 1)
        assert found[0] == pytest.approx(float(wanted), rel=1e-9, nan_ok=True)


@pytest.mark.parametrize("name", [n for n in dir(builtins) if n not in {"abs", "max", "min"}])
def test_nothing_of_python_is_a_name(name):
    for text in (name, f"{name}(1)", f'{name}("count")', f"age.{name}"):
        with pytest.raises(FormulaError):
            Formula(text, NAMES, LOOKUPS)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("age +", "invalid syntax"),
        ("views * 2", r"line 1, character 1: 'views' is no name that is known; .* age, users"),
        ("2 * age.real", r"character 5: 'age.real' may not stand"),
        ('count("view", 1)', r"takes one text, as in count\(\"\.\.\.\"\)"),
        ("max(age)", "takes 2 numbers"),
        ("count(age)", "takes one text"),
        ("'age'", "is no number"),
        ("1e999", "is too large"),
        ("9" * 400, "is too large"),
        ("-" * 90 + "age", "over 40 parts"),
        ("age" + " + age" * 200, "1,203 characters, above 500|1203 characters, above 500"),
        ("", "invalid syntax"),
        ("[age for age in users]", "may not stand"),
        ("age in users", "may not stand"),
        ("(age := 3)", "may not stand"),
        ("lambda: age", "may not stand"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text, said):
    with pytest.raises(FormulaError, match=said):
        Formula(text, NAMES, LOOKUPS)


def test_it_says_what_it_uses():
    formula = Formula(' count("view") / (1 + age) if users > 3 else count("buy")', NAMES, LOOKUPS)
    assert formula.names == {"age", "users"}
    assert formula.looked_up == {("count", "view"), ("count", "buy")}
    assert isinstance(formula.tree, ast.IfExp)


def test_comparisons_are_numbers_and_nothing_is_more_than_what_is_no_number():
    assert worked_out("age > 0").tolist() == [0, 0, 1, 0, 1, 0, 1]
    assert worked_out("not age").tolist() == [1, 0, 0, 1, 0, 0, 0]
    assert worked_out("age != users").tolist() == [1, 1, 1, 0, 1, 1, 1]
    assert worked_out("0 <= age < 4").tolist() == [1, 0, 1, 0, 0, 0, 0]
    assert worked_out("age > 0 and users > 0").tolist() == [0, 0, 1, 0, 1, 0, 0]
    assert worked_out('count("view") + count("buy")').tolist() == [0, 3, 6, 9, 12, 15, 18]
