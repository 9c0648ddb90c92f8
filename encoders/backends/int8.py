"""Encoders of 8-bit whole numbers on ONNX Runtime: a quarter of the size, about twice the speed.

Written by `encoders.compression.int8` from a sentence-transformer. The vectors are near
those it came from, not equal: it is another version.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from encoders.base import EncoderError, Vectors, one_line, unit_rows
from encoders.fingerprint import fingerprint, tokenizer_settings
from encoders.text import repair

MARKER = "int8.json"
MODEL = "model.onnx"
TOKENIZER = "tokenizer.json"
FORMAT = 1


class Int8Settings(msgspec.Struct, frozen=True):
    """What a folder says beside its weights.

    `max_tokens`: where a text is cut, None for nowhere. `lower`, `prompt`: what is done to a
    text, and put before it, ahead of the tokenizer. `source`: the version it was made from.
    """

    dim: int
    max_tokens: int | None
    source: str
    lower: bool = False
    prompt: str = ""
    format: int = FORMAT


class Int8Encoder:
    """An ONNX model as an Encoder: float32 unit rows, one thread.

    Each text goes through alone: the scales of 8-bit activations are taken over all that is
    in one call, so in company a text's row would depend on its neighbours, and a stream that
    was cut into batches in another way would learn something else.
    """

    def __init__(self, session: Any, tokenizer: Any, settings: Int8Settings, model: bytes) -> None:
        self._session = session
        self._tokenizer = tokenizer
        self._settings = settings
        self._lock = threading.Lock()
        self.dim = settings.dim
        self.cut = 0
        self.version = fingerprint(
            "onnx",
            settings.dim,
            {
                "settings": {**msgspec.structs.asdict(settings), "source": ""},
                "tokenizer": tokenizer_settings(tokenizer.to_str()),
            },
            [(MODEL, "onnx", np.frombuffer(model, dtype=np.uint8))],
        )

    @classmethod
    def from_folder(cls, folder: Path) -> Int8Encoder:
        """Load a folder that was written by `compress_int8`. Raises EncoderError."""
        onnxruntime = _onnxruntime()
        if not (folder / MARKER).is_file():
            raise EncoderError(
                f"{folder} holds no int8 encoder (no {MARKER}): write one with "
                f"`penchant models compress`, or name a folder that has one"
            )
        from tokenizers import Tokenizer

        try:
            settings = msgspec.json.decode((folder / MARKER).read_bytes(), type=Int8Settings)
            tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
            tokenizer.no_padding()
            if settings.max_tokens is None:
                tokenizer.no_truncation()
            else:
                tokenizer.enable_truncation(settings.max_tokens)
            model = (folder / MODEL).read_bytes()
            encoder = cls(_session(onnxruntime, model), tokenizer, settings, model)
            rows = encoder.encode([""])
        # Broken files raise many types; all mean that there is no encoder.
        except Exception as error:
            reason = one_line(error)
            raise EncoderError(
                f"cannot load the int8 encoder {folder}: {reason}. Compress its source anew"
            ) from error
        if settings.format != FORMAT or rows.shape != (1, settings.dim):
            raise EncoderError(
                f"{folder} says format {settings.format} and {settings.dim} dimensions, its model "
                f"gives {rows.shape[1]}: compress its source anew"
            )
        return encoder

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Encode texts, in order, one at a time; safe from several threads."""
        if not texts:
            return np.zeros((0, self.dim), dtype=np.float32)
        return unit_rows(np.concatenate([self._row(text) for text in texts]))

    def _row(self, text: str) -> Vectors:
        whole = self._settings.prompt + repair(text).text
        tokens = self._tokenizer.encode(whole.lower() if self._settings.lower else whole)
        if tokens.overflowing:
            with self._lock:
                self.cut += 1
        ids = np.asarray([tokens.ids], dtype=np.int64)
        inputs = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
        row: Vectors = self._session.run(None, inputs)[0]
        return row


def _session(onnxruntime: Any, model: bytes) -> Any:
    """Open the model on one thread: a pool of its own would fight with torch's."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _onnxruntime() -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise EncoderError(
            "an int8 encoder needs onnxruntime: run `pip install 'penchant[int8]'`"
        ) from error
    return onnxruntime
