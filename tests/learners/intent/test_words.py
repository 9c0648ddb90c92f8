"""Words typical of a label: learnt in bounded memory, read from any language, stored whole."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from learners.codec import pack, unpack
from learners.intent.keywords import TypicalWords, words_of


def test_words_are_read_in_any_language() -> None:
    assert words_of("My card, my CARD is stuck (2 times)!") == ("card", "stuck", "times")
    assert words_of("播放音乐") == ("播放", "放音", "音乐")
    assert words_of("Überweisung dauert so lange") == ("überweisung", "dauert", "lange")
    assert words_of(None) == words_of("") == words_of("1 2 3 ?!") == ()
    assert (
        len(words_of(" ".join(f"w{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(99)))) == 24
    )


def taught(examples: int = 300) -> TypicalWords:
    draw, typical = random.Random(0), TypicalWords()
    own = {"card": ["card", "stuck", "machine"], "rate": ["rate", "euro", "exchange"]}
    for _ in range(examples):
        label = draw.choice(list(own))
        typical.learn(label, [draw.choice(own[label]), draw.choice(["please", "help", "why"])])
    return typical


def test_words_of_a_label_are_told_and_common_ones_are_not() -> None:
    typical = taught()
    assert set(typical.typical("card", 3)) == {"card", "stuck", "machine"}
    assert typical.weight("card", "stuck") > 0.5
    assert abs(typical.weight("card", "please")) < 0.2
    assert typical.weight("card", "euro") == typical.weight("nobody", "card") == 0.0
    assert typical.typical("nobody", 3) == []


def test_a_word_met_once_proves_little() -> None:
    typical = taught()
    typical.learn("card", ["mercury"])
    assert typical.weight("card", "mercury") < typical.weight("card", "stuck")


def test_memory_is_bounded() -> None:
    typical = TypicalWords(most=20)
    for number in range(3_000):
        typical.learn(f"label {number % 3}", [f"w{number}", f"v{number % 6}"])
    assert all(len(words) <= 20 for words in typical.by_label.values())
    assert len(typical._all) <= 16 * 20
    assert typical.typical("label 0", 1)[0].startswith("v")


def test_a_label_may_be_renamed_and_forgotten() -> None:
    typical = taught()
    weight = typical.weight("card", "stuck")
    typical.rename("card", "card stuck")
    assert typical.weight("card stuck", "stuck") == weight
    assert typical.weight("card", "stuck") == 0.0
    typical.rename("rate", "card stuck")
    assert {"stuck", "euro"} <= set(typical.typical("card stuck", 9))
    typical.keep([])
    assert typical.typical("card stuck", 6) == []


@given(st.lists(st.tuples(st.sampled_from("ab"), st.lists(st.sampled_from("xyz"))), max_size=30))
def test_stored_and_restored_it_goes_on_bit_for_bit(examples: list[tuple[str, list[str]]]) -> None:
    one, two = TypicalWords(most=2), TypicalWords(most=2)
    for label, words in examples:
        one.learn(label, words)
        two.learn(label, words)
        two = TypicalWords.from_state(unpack(pack("w", 1, two.state()), "w", 1))
    assert pack("w", 1, one.state()) == pack("w", 1, two.state())


def test_old_words_fade() -> None:
    typical = TypicalWords()
    for turn in range(10_000):
        typical.learn("card", ["old"] if turn < 2_000 else ["new"])
    assert typical.typical("card", 1) == ["new"]
    assert typical.by_label["card"]["old"] < 600
