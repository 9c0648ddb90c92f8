"""An encoder that nobody holds any more frees its weights at once, circles or not."""

import gc

import pytest

from encoders.backends.sentence import SentenceEncoder

torch = pytest.importorskip("torch")


def test_weights_go_with_their_encoder_without_the_collector(model_folders):
    one = SentenceEncoder.from_folder(model_folders[0])
    other = SentenceEncoder.from_folder(model_folders[0])
    expected = other.encode(["red shoes"])
    weights = list(one._model.parameters())
    gc.collect()
    gc.disable()
    try:
        del one
        assert sum(weight.numel() for weight in weights) == 0
    finally:
        gc.enable()
    assert (other.encode(["red shoes"]) == expected).all()
