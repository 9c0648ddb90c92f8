"""A file of rules is read whole or not at all, and says where it is wrong."""

from __future__ import annotations

import re

import pytest

from dataflows.errors import InputError
from dataflows.rules.book import read_rules
from learners.ranking.rules.kinds import AtMost, Block, Match, OnOffer, Unseen

GOOD = """
[[rule]]
name = "no toys"
kind = "block"
where = {categories = ["toys"]}

[[rule]]
name = "on offer"
kind = "on_offer"

[[rule]]
name = "two of a maker"
kind = "at_most"
most = 2
of = "maker"

[[rule]]
name = "new ones"
kind = "unseen"
lists = 3

[lists]
asked = ["on offer", "no toys"]

[scenario.basket]
k = 4
rules = ["new ones", "two of a maker"]

[scenario.mail]
"""
NO_TOYS = Block(name="no toys", where=Match(categories=("toys",)))
ON_OFFER = OnOffer(name="on offer")
TWO = AtMost(name="two of a maker", most=2, of="maker")
NEW = Unseen(name="new ones", lists=3)


def written(tmp_path, text):
    path = tmp_path / "rules.toml"
    path.write_text(text)
    return path


def test_rules_lists_and_scenarios_are_read_in_the_order_of_the_file(tmp_path):
    book = read_rules(written(tmp_path, GOOD))
    assert book.sent == ((NO_TOYS, ON_OFFER, TWO), None)
    assert book.asked == ((NO_TOYS, ON_OFFER), None)
    assert book.scenarios == {
        "basket": ((TWO, NEW), 4),
        "mail": ((NO_TOYS, ON_OFFER, TWO, NEW), None),
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[rule]]\nname = 'x'\n", r"rule 1 \(\'x\'\): .*`kind`"),
        ("[[rule]]\nname = 'x'\nkind = 'blok'\n", r"rule 1 \('x'\): Invalid value 'blok'"),
        ("[[rule]]\nkind = 'on_offer'\n", "rule 1: .*missing required field `name`"),
        (
            "[[rule]]\nname = 'x'\nkind = 'block'\nwhere = {categorie = ['a']}\n",
            r"rule 1 \('x'\): .*unknown field `categorie`",
        ),
        (
            "[[rule]]\nname = 'x'\nkind = 'block'\nwhere = {values = ['a']}\n",
            "need an `attribute`",
        ),
        (
            "[[rule]]\nname = 'x'\nkind = 'pin'\nitem = 'a'\nplace = 0\n",
            r"Expected `int` >= 1",
        ),
        (2 * "[[rule]]\nname = 'x'\nkind = 'on_offer'\n", "two rules are named 'x'"),
        ("[lists]\nsent = ['x']\n", "lists.sent names 'x', and no rule is named so"),
        ("[scenario.home]\nrules = ['x']\n", "scenario.home.rules names 'x'"),
        ("[scenario.home]\nk = 0\n", "Expected `int` >= 1"),
        (
            "[[rule]]\nname = 'x'\nkind = 'unseen'\n[lists]\nsent = ['x']\n",
            "that is for lists that are asked for",
        ),
        ("[rules]\n", "unknown field `rules`"),
        ("[[rule]\n", "this is not TOML"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path, text, words):
    path = written(tmp_path, text)
    with pytest.raises(InputError) as refused:
        read_rules(path)
    said = str(refused.value)
    assert said.startswith(f"{path}: ")
    assert re.search(words, said), said
    assert "\n" not in said
    assert "rules.md" in said


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(InputError, match=r"rules cannot be read \(No such file"):
        read_rules(tmp_path / "rules.toml")
    (tmp_path / "large.toml").write_bytes(b"#" * (17 << 20))
    with pytest.raises(InputError, match="at most 16,777,216 bytes"):
        read_rules(tmp_path / "large.toml")
