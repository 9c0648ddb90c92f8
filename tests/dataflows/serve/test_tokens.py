"""Tokens are read from the environment or a file of one's own, and are told to nobody."""

from __future__ import annotations

import pytest

from dataflows.config.serve import ServeSettings
from dataflows.errors import InputError
from dataflows.lifecycle.redaction import masked
from dataflows.serve.http.problems import ProblemError
from dataflows.serve.http.tokens import read_tokens

HERE, OPEN = ServeSettings(), ServeSettings(host="0.0.0.0")
ONE, OTHER = "first-token-of-a-test", "other-token-of-a-test"


def scopes(tokens, token: str) -> frozenset[str]:
    return tokens.caller(f"Bearer {token}".encode(), "127.0.0.1").scopes


def test_lines_of_the_environment_are_tokens_with_scopes():
    text = f"# people\nread,write {ONE}\n\n  admin   {OTHER}  \n"
    tokens = read_tokens(OPEN, {"PENCHANT_SERVE_TOKENS": text})
    assert scopes(tokens, ONE) == {"read", "write"}
    assert scopes(tokens, OTHER) == {"admin"}
    with pytest.raises(ProblemError, match="not known"):
        scopes(tokens, ONE + "x")
    assert ONE not in repr(tokens)
    assert ONE not in masked(f"somebody logs {ONE}")


@pytest.mark.parametrize("how", ["variable", "setting"])
def test_a_file_is_read_where_its_owner_alone_may_read_it(tmp_path, how):
    path = tmp_path / "tokens"
    path.write_text(f"read {ONE}\n")
    environ = {"PENCHANT_SERVE_TOKENS_FILE": str(path)} if how == "variable" else {}
    settings = HERE if how == "variable" else ServeSettings(tokens_file=str(path))
    path.chmod(0o640)
    with pytest.raises(InputError, match=r"mode 640\); chmod 600") as caught:
        read_tokens(settings, environ)
    assert ONE not in str(caught.value)
    path.chmod(0o600)
    assert scopes(read_tokens(settings, environ), ONE) == {"read"}


def test_without_tokens_everybody_on_this_machine_may_all_and_nobody_else_anything():
    tokens = read_tokens(HERE, {})
    assert not tokens
    assert tokens.caller(None, "127.0.0.1").scopes == {"read", "write", "admin"}
    with pytest.raises(
        InputError, match=r"0\.0\.0\.0.*there is no token; set PENCHANT_SERVE_TOKENS"
    ):
        read_tokens(OPEN, {})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("read", "line 1: want `SCOPE"),
        ("read short", "5 characters; at least 16"),
        ("reed " + ONE, "line 1: a scope is none of admin, read, write"),
        ("read " + "é" * 20, "of ASCII"),
        (f"read {ONE} {OTHER}", "without blanks"),
    ],
)
def test_a_line_that_is_none_is_told_by_its_number_and_never_shown(text, words):
    with pytest.raises(InputError, match=words) as caught:
        read_tokens(HERE, {"PENCHANT_SERVE_TOKENS": text})
    assert ONE not in str(caught.value)
    assert "short" not in str(caught.value)


def test_a_file_that_is_not_there_empty_or_beside_a_variable_is_refused(tmp_path):
    path = tmp_path / "tokens"
    with pytest.raises(InputError, match="cannot be read"):
        read_tokens(HERE, {"PENCHANT_SERVE_TOKENS_FILE": str(path)})
    path.touch(0o600)
    with pytest.raises(InputError, match="holds no token"):
        read_tokens(HERE, {"PENCHANT_SERVE_TOKENS_FILE": str(path)})
    with pytest.raises(InputError, match="give one of them"):
        read_tokens(
            HERE,
            {"PENCHANT_SERVE_TOKENS_FILE": str(path), "PENCHANT_SERVE_TOKENS": f"read {ONE}"},
        )
