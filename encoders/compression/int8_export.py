"""A sentence-transformer as one ONNX graph: tokens in, vectors out, pooling included."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from encoders.base import EncoderError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

INPUTS = ("input_ids", "attention_mask")
SAMPLES = ("a", "running shoes, red", "toy story " * 12)
"""Texts of several lengths: to trace the graph with padding, and to check it."""
MOST_APART = 1e-3
"""How far a number of a vector may be from torch's, before anything is quantised."""


def export_onnx(model: SentenceTransformer, target: Path) -> None:
    """Write the whole model, in float32, as an ONNX file.

    Raises EncoderError where the graph does not give what the model gives.
    """
    import torch

    class Whole(torch.nn.Module):
        """All modules from tokens to a vector; the outermost, so that `eval` reaches all."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            tokens = {"input_ids": input_ids, "attention_mask": attention_mask}
            return self.model(tokens)["sentence_embedding"][:, : model.truncate_dim]

    whole = Whole().eval()
    tokens = model.tokenizer(list(SAMPLES), padding=True, truncation=True, return_tensors="pt")
    example = tuple(tokens[name] for name in INPUTS)
    axes = {name: {0: "texts", 1: "tokens"} for name in INPUTS} | {"rows": {0: "texts"}}
    with warnings.catch_warnings(), torch.no_grad():
        # What the tracer warns of (branches on sizes) is what the check below would show.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            whole,
            example,
            str(target),
            input_names=list(INPUTS),
            output_names=["rows"],
            dynamic_axes=axes,
            opset_version=17,
            dynamo=False,
        )
        _check(whole, tokens, target)


def _check(whole: Any, tokens: Any, target: Path) -> None:
    """Hold the graph against the model, in company and alone."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(target), providers=["CPUExecutionProvider"])
    counts = tokens["attention_mask"].sum(1).tolist()
    for text, length in [
        (slice(None), max(counts)),
        *((slice(n, n + 1), c) for n, c in enumerate(counts)),
    ]:
        given = {name: tokens[name][text, :length] for name in INPUTS}
        expected = whole(**given).numpy()
        found = session.run(None, {name: value.numpy() for name, value in given.items()})[0]
        apart = float(np.abs(found - expected).max())
        if not apart <= MOST_APART:
            raise EncoderError(
                f"the ONNX graph gives other vectors than the model (by {apart:.2g}, the limit "
                f"is {MOST_APART}): this architecture cannot be compressed to int8"
            )
