"""sentence-transformers behind the Encoder protocol: the encoder for meaning."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import finalize

import numpy as np
from numpy.typing import NDArray

from encoders.base import EncoderError, Vectors, one_line, unit_rows
from encoders.fingerprint import fingerprint, tokenizer_settings
from encoders.hub import quiet, unreachable
from encoders.text import repair

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

# A token may be as short as a byte of UTF-8, and normalisation splits a character into few: a
# text of fewer characters than this part of the limit cannot exceed it, and is not counted.
TOKENS_PER_CHARACTER = 4


class SentenceEncoder:
    """A SentenceTransformer as an Encoder: float32 unit rows, one thread, no gradients.

    The model must not be changed afterwards: its version is taken here. Texts
    over the model's token limit are cut by it, and counted in `cut`.
    `batch_size` bounds the memory of one pass. `threads` is a setting of torch
    for the whole process; on a busy machine more than one is slower.
    """

    def __init__(self, model: SentenceTransformer, batch_size: int = 32, threads: int = 1) -> None:
        import torch

        torch.set_num_threads(threads)
        dim = model.get_embedding_dimension()
        if dim is None:
            raise EncoderError(
                "this sentence-transformers model does not say how long its vectors are: "
                "use one with a pooling module"
            )
        self._model = model.eval()
        self._batch_size = batch_size
        self._limit: int | None = model.max_seq_length
        self._lock = threading.Lock()
        self.dim = dim
        self.cut = 0
        self.version = fingerprint("st", dim, _settings(model), _weights(model))

    @classmethod
    def from_folder(cls, folder: Path) -> SentenceEncoder:
        """Load a saved model without any network. Raises EncoderError."""
        if not (folder / "modules.json").is_file():
            raise EncoderError(
                f"{folder} holds no sentence-transformers model (no modules.json): name a folder "
                f"written by its save(), static:{folder} for a model2vec one, or `packaged`"
            )
        return _owning(cls(load_sentence_transformer(str(folder), local_files_only=True)))

    @classmethod
    def from_hub(
        cls, name: str, cache_dir: Path | None = None, revision: str | None = None
    ) -> SentenceEncoder:
        """Load a model of the hub; its copy in `cache_dir` where the hub does not answer.

        `revision`: a commit, tag or branch; None: the newest. Raises EncoderError.
        """
        cache = None if cache_dir is None else str(cache_dir)
        options = {"cache_folder": cache, "revision": revision}
        reason = unreachable(name)
        if reason is None:
            return _owning(cls(load_sentence_transformer(name, **options)))
        try:
            model = load_sentence_transformer(name, **options, local_files_only=True)
        except EncoderError as error:
            raise EncoderError(
                f"cannot load the encoder {name!r}: the hub does not answer ({reason}), and there "
                f"is no copy of it here. Without a network use `packaged`, `hashing` or a local "
                f"folder"
            ) from error
        return _owning(cls(model))

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Encode texts, in order. One thread at a time: tokenizers do not bear two.

        Texts are repaired first: one lone surrogate would fail the whole batch.
        """
        if not texts:
            return np.zeros((0, self.dim), dtype=np.float32)
        whole = [repair(text).text for text in texts]
        with self._lock:
            self.cut += sum(map(self._is_cut, whole))
            rows = self._model.encode(whole, batch_size=self._batch_size, show_progress_bar=False)
        return unit_rows(rows)

    def _is_cut(self, text: str) -> bool:
        if self._limit is None or len(text) * TOKENS_PER_CHARACTER < self._limit:
            return False
        ids = self._model.tokenizer(text, truncation=False, verbose=False)["input_ids"]
        return len(ids) > self._limit


def load_sentence_transformer(name: str, **options: Any) -> SentenceTransformer:
    """Load a model on the processor, by folder or hub name. Raises EncoderError."""
    from sentence_transformers import SentenceTransformer

    try:
        with quiet():
            return SentenceTransformer(name, device="cpu", **options)
    # The library and those below it raise many types; all mean that there is no encoder.
    except Exception as error:
        reason = one_line(error)
        raise EncoderError(
            f"cannot load the encoder {name!r}: {reason}. Without a network use `packaged`, "
            f"`hashing` or a local folder"
        ) from error


def _owning(encoder: SentenceEncoder) -> SentenceEncoder:
    """Free the weights with their encoder, not when the collector of garbage comes by.

    The model's objects hold each other in circles, and a whole collection would stand still
    for half a second in a process of this size.
    """
    finalize(encoder, _empty, encoder._model).atexit = False  # noqa: SLF001 - the same file
    return encoder


def _empty(model: SentenceTransformer) -> None:
    """Free a model's weights."""
    import torch

    for weight in (*model.parameters(), *model.buffers()):
        weight.data = torch.empty(0, dtype=weight.dtype)


def _settings(model: SentenceTransformer) -> dict[str, Any]:
    """Collect all but the weights that a vector depends on."""
    parts: list[Any] = list(model)
    tokenizer = model.tokenizer
    fast = getattr(tokenizer, "backend_tokenizer", None)
    return {
        "modules": [(type(part).__name__, part.get_config_dict()) for part in parts],
        "tokenizer": tokenizer_settings(fast.to_str()) if fast else tokenizer.get_vocab(),
        "max_seq_length": model.max_seq_length,
        "prompts": model.prompts,
        "default_prompt_name": model.default_prompt_name,
        "truncate_dim": model.truncate_dim,
    }


def _weights(model: SentenceTransformer) -> Iterator[tuple[str, str, NDArray[Any]]]:
    import torch

    for name, tensor in model.state_dict().items():
        raw = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
        yield name, f"{tensor.dtype} {tuple(tensor.shape)}", raw
