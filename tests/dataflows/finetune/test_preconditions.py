"""Which encoders have weights that can be trained."""

from __future__ import annotations

import pytest

from dataflows.errors import InputError
from dataflows.finetune.preconditions import check_encoder, is_trainable


@pytest.mark.parametrize(
    ("name", "can_be"),
    [
        ("packaged", True),
        ("someone/some-model", True),
        ("a-model", True),
        ("multilingual", False),
        ("hashing-64", False),
        ("static:folder", False),
    ],
)
def test_ours_can_be_trained_where_they_are_sentence_transformers(name, can_be) -> None:
    assert is_trainable(name) is can_be


def test_what_another_package_brings_is_never_taken_for_a_name_of_the_hub(foreign) -> None:
    foreign({"penchant.encoders:a-model": "Model"})
    assert not is_trainable("a-model")
    assert not is_trainable("a-model:large")
    with pytest.raises(InputError, match="the encoder 'a-model' cannot be tuned"):
        check_encoder("a-model")
