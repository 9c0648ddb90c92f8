from __future__ import annotations

import numpy as np
import pytest
import torch

from encoders.llm.decoding.free import GeneratedLine, _kinds_of, write_lines
from tests.encoders.llm.tiny_model import tiny_model

MODEL = tiny_model()


def exhaustive(prompt, most):
    """All lines of up to `most` words, scored whole; in this vocabulary only the end breaks."""
    before, found = MODEL.prompt_ids(prompt), {}
    size = MODEL.model.config.vocab_size
    unfinished = [()]
    for _ in range(most):
        rows = torch.tensor([before + list(tokens) for tokens in unfinished])
        with torch.inference_mode():
            logits = MODEL.model(rows).logits.double()
        follows = torch.log_softmax(logits, dim=-1)
        for tokens, row in zip(unfinished, follows, strict=True):
            inside = range(len(before) - 1, len(before) + len(tokens) - 1)
            told = sum(float(row[at, t]) for at, t in zip(inside, tokens, strict=True))
            if tokens:
                ends = max(row[-1, torch.from_numpy(_kinds_of(MODEL).breaks)].tolist())
                score = (told + ends) / (len(tokens) + 1)
                found[MODEL.tokenizer.decode(list(tokens))] = score
        unfinished = [
            (*tokens, token)
            for tokens in unfinished
            for token in range(size)
            if not _kinds_of(MODEL).breaks[token]
        ]
    return found


def test_lines_have_the_likelihood_that_the_model_gives_them():
    scores = exhaustive("w1 w2", 3)
    (lines,) = write_lines(MODEL, ["w1 w2"], beams=4, most_tokens=4)
    assert lines
    for line in lines:
        assert line.log_likelihood == pytest.approx(scores[line.text], abs=1e-3)
    assert [line.log_likelihood for line in lines] == sorted(
        (line.log_likelihood for line in lines), reverse=True
    )
    assert len({line.text for line in lines}) == len(lines)


def test_prompts_beside_each_other_do_not_touch():
    prompts = ["w1 w2 w3 w4 w5 w6", "w7", "w1 w2 w3 w4 w9 w10 w11 w0 w0"]
    together = write_lines(MODEL, prompts, beams=3, most_tokens=6)
    for prompt, lines in zip(prompts, together, strict=True):
        (alone,) = write_lines(MODEL, [prompt], beams=3, most_tokens=6)
        assert [line.text for line in lines] == [line.text for line in alone]
        assert [line.log_likelihood for line in lines] == pytest.approx(
            [line.log_likelihood for line in alone], abs=1e-3
        )


def test_more_prompts_than_a_batch_and_none():
    assert write_lines(MODEL, []) == []
    assert len(write_lines(MODEL, ["w1"] * 19, beams=2, most_tokens=3)) == 19


def test_what_breaks_a_line_is_not_in_it():
    kinds = _kinds_of(MODEL)
    assert kinds.breaks[MODEL.end_id]
    assert not kinds.breaks[2:].any()
    assert kinds.breaks.dtype == np.bool_
    for lines in write_lines(MODEL, ["w1", "w2", "w3"], beams=3, most_tokens=5):
        for line in lines:
            assert isinstance(line, GeneratedLine)
            assert "<end>" not in line.text
            assert len(line.text.split()) <= 5


def test_more_beams_than_words_are_no_harm():
    (lines,) = write_lines(MODEL, ["w1"], beams=20, most_tokens=2)
    assert 0 < len(lines) <= 20
