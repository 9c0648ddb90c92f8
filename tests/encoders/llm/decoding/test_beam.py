from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from encoders.llm.decoding.constrained import beam_search
from encoders.llm.decoding.trie import Trie
from tests.encoders.llm import tiny_model as tiny

MODEL = tiny.tiny_model()
words = st.lists(st.sampled_from(tiny.WORDS[:4]), min_size=1, max_size=4).map(" ".join)
catalogues = st.lists(words, min_size=1, max_size=14).map(
    lambda titles: {f"i{number}": title for number, title in enumerate(titles)}
)
prompts = st.lists(st.sampled_from(tiny.WORDS), max_size=9).map(" ".join)
quick = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


def trie_of(titles):
    trie = Trie(MODEL.end_id)
    for item_id, title in titles.items():
        trie.put(item_id, MODEL.target_ids(title))
    return trie


def naive(prompt, title):
    """The log-likelihood of a title, read whole, with no cache and no padding."""
    before, target = MODEL.prompt_ids(prompt), MODEL.target_ids(title)
    with torch.inference_mode():
        logits = MODEL.model(torch.tensor([before + target])).logits[0].double()
    follows = torch.log_softmax(logits, dim=-1)
    return sum(float(follows[len(before) + i - 1, token]) for i, token in enumerate(target))


@quick
@given(catalogues, st.lists(prompts, min_size=1, max_size=4), st.data())
def test_with_beams_enough_it_finds_what_an_exhaustive_search_finds(titles, asked, data):
    excluded = [data.draw(st.sets(st.sampled_from(sorted(titles)))) for _ in asked]
    n = data.draw(st.integers(1, 16))
    found = beam_search(MODEL, trie_of(titles), asked, n, beams=60, excluded=excluded)
    for prompt, left_out, got in zip(asked, excluded, found, strict=True):
        scores = {i: naive(prompt, title) for i, title in titles.items() if i not in left_out}
        best = sorted(scores.values(), reverse=True)[:n]
        assert [one.log_likelihood for one in got] == pytest.approx(best, abs=1e-3)
        for one in got:
            assert one.log_likelihood == pytest.approx(scores[one.item_id], abs=1e-3)
        assert len({one.item_id for one in got}) == len(got)


@quick
@given(catalogues, st.lists(prompts, min_size=1, max_size=3), st.data())
def test_with_few_beams_it_still_gives_n_items_that_may_be_given(titles, asked, data):
    excluded = [data.draw(st.sets(st.sampled_from(sorted(titles)))) for _ in asked]
    n = data.draw(st.integers(0, 8))
    found = beam_search(MODEL, trie_of(titles), asked, n, excluded=excluded)
    for prompt, left_out, got in zip(asked, excluded, found, strict=True):
        ids = [one.item_id for one in got]
        allowed = titles.keys() - left_out
        assert len(set(ids)) == len(ids) == min(n, len(allowed))
        assert set(ids) <= allowed
        scores = [one.log_likelihood for one in got]
        assert scores == sorted(scores, reverse=True)
        assert scores == pytest.approx([naive(prompt, titles[i]) for i in ids], abs=1e-3)


def test_prompts_of_any_length_beside_each_other_do_not_touch():
    trie = trie_of({"a": "w1 w2", "b": "w1", "c": "w3 w4 w5", "d": "w2 w2"})
    begin = "w0 w1 w2 w3 w4 w5 w6 w7 w8 "
    asked = [begin + "w1", begin + "w2 w3 w4 w5", begin + "w9", "w1", begin + "w10 w11"]
    for chosen in (asked, [prompt for prompt in asked if prompt != "w1"]):
        together = beam_search(MODEL, trie, chosen, 3)
        for prompt, got in zip(chosen, together, strict=True):
            (alone,) = beam_search(MODEL, trie, [prompt], 3)
            assert [one.item_id for one in got] == [one.item_id for one in alone]
            scores = [one.log_likelihood for one in alone]
            assert [one.log_likelihood for one in got] == pytest.approx(scores, abs=1e-3)


def test_more_prompts_than_one_batch_are_all_answered():
    trie = trie_of({"a": "w1 w2", "b": "w1", "c": "w3"})
    asked = [tiny.WORDS[number % 12] for number in range(35)]
    found = beam_search(MODEL, trie, asked, 2)
    assert len(found) == 35
    for prompt, got in zip(asked, found, strict=True):
        assert got[0].log_likelihood == pytest.approx(
            max(naive(prompt, title) for title in ("w1 w2", "w1", "w3")), abs=1e-3
        )


def test_an_item_removed_while_the_search_is_under_way_is_not_given():
    trie = trie_of({"a": "w1 w2 w3", "b": "w1 w4", "c": "w5 w6 w7", "d": "w8"})
    inner = MODEL.model.forward
    calls = []

    def removing(*args, **kwargs):
        calls.append(1)
        if len(calls) == 2:
            trie.remove("a")
            trie.put("c", MODEL.target_ids("w9 w9 w9 w9"))
        return inner(*args, **kwargs)

    MODEL.model.forward = removing
    try:
        (found,) = beam_search(MODEL, trie, ["w1"], 4)
    finally:
        MODEL.model.forward = inner
    assert len(calls) > 2
    # What got another title was searched for under the old one: it is left out, not misnamed.
    assert {one.item_id for one in found} == {"b", "d"}


def test_the_owner_of_the_catalogue_has_the_last_word():
    trie = trie_of({"a": "w1", "b": "w2", "c": "w3"})
    (found,) = beam_search(MODEL, trie, ["w1"], 3, is_live=lambda item_id: item_id != "b")
    assert {one.item_id for one in found} == {"a", "c"}


def test_the_prompt_counts():
    trie = trie_of({f"i{n}": word for n, word in enumerate(tiny.WORDS)})
    found = beam_search(MODEL, trie, tiny.WORDS, 1)
    assert len({got[0].item_id for got in found}) > 1


def test_a_prompt_longer_than_the_model_reads_keeps_its_end():
    trie = trie_of({"a": "w1 w2", "b": "w3"})
    end = " ".join(tiny.WORDS * 16)
    found = beam_search(MODEL, trie, ["w5 " * 300 + end, "w7 " * 300 + end], 2)
    assert found[0] == found[1]
    assert np.isfinite(found[0][0].log_likelihood)


def test_nothing_to_search_for_or_among_gives_nothing():
    assert beam_search(MODEL, Trie(MODEL.end_id), ["w1", "w2"], 3) == [[], []]
    trie = trie_of({"a": "w1"})
    assert beam_search(MODEL, trie, [], 3) == []
    assert beam_search(MODEL, trie, ["w1", ""], 3, excluded=[["a"], []])[0] == []
