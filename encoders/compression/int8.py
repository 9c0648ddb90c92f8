"""From a sentence-transformer to 8-bit whole numbers: weights per channel, activations per call."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from encoders.backends.int8 import MARKER, MODEL, TOKENIZER, Int8Encoder, Int8Settings
from encoders.backends.sentence import SentenceEncoder, load_sentence_transformer
from encoders.base import EncoderError, one_line

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

ENDLESS = 1_000_000
"""A tokenizer that was never told a limit says a number above this."""


def compress_int8(source: Path, target: Path) -> Int8Encoder:
    """Write an int8 encoder into the new folder `target`, and load it.

    `source` is a sentence-transformers folder; no network is used. Weights are unsigned, so
    that processors without VNNI instructions give the same vectors: with signed ones their
    sums saturate. Raises EncoderError, and leaves no folder then.
    """
    _check_installed()
    model = load_sentence_transformer(str(source), local_files_only=True).eval()
    with tempfile.TemporaryDirectory(prefix="penchant-int8-") as scratch:
        try:
            settings, tokenizer = _settings(model)
            made = _quantised(model, Path(scratch))
        except EncoderError:
            raise
        # Exporter and quantiser raise many types; all mean that this model cannot be had so.
        except Exception as error:
            reason = one_line(error)
            raise EncoderError(f"cannot compress {source} to int8: {reason}") from error
    target.mkdir(parents=True)
    (target / MODEL).write_bytes(made)
    (target / TOKENIZER).write_text(tokenizer, encoding="utf-8")
    (target / MARKER).write_bytes(msgspec.json.format(msgspec.json.encode(settings)))
    return Int8Encoder.from_folder(target)


def _quantised(model: SentenceTransformer, scratch: Path) -> bytes:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    from encoders.compression.int8_export import export_onnx

    export_onnx(model, scratch / "whole.onnx")
    root = logging.getLogger()
    root.addFilter(_is_no_advice)
    try:
        quantize_dynamic(
            scratch / "whole.onnx",
            scratch / MODEL,
            per_channel=True,
            weight_type=QuantType.QUInt8,
        )
    finally:
        root.removeFilter(_is_no_advice)
    return (scratch / MODEL).read_bytes()


def _settings(model: SentenceTransformer) -> tuple[Int8Settings, str]:
    """Collect what is done to a text before the graph sees it, and the tokenizer as JSON."""
    fast = getattr(model.tokenizer, "backend_tokenizer", None)
    if fast is None:
        raise EncoderError("its tokenizer is written in Python: only fast tokenizers can be kept")
    first: Any = model[0]
    limit = model.max_seq_length or model.tokenizer.model_max_length
    name = model.default_prompt_name
    settings = Int8Settings(
        dim=int(model.get_embedding_dimension() or 0),
        max_tokens=int(limit) if limit < ENDLESS else None,
        source=SentenceEncoder(model).version,
        lower=bool(getattr(first, "do_lower_case", False)),
        prompt=(model.prompts.get(name) if name else None) or "",
    )
    return settings, fast.to_str()


def _is_no_advice(record: logging.LogRecord) -> bool:
    """Drop the advice to preprocess, which the quantiser writes to the root logger."""
    return "pre-processing before quantization" not in record.getMessage()


def _check_installed() -> None:
    try:
        import onnx
        import onnxruntime  # noqa: F401 - only whether both are there
    except ImportError as error:
        raise EncoderError(
            "compressing to int8 needs onnx and onnxruntime: run `pip install 'penchant[int8]'`"
        ) from error
    del onnx
