"""From the name in the configuration to a language model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from encoders.base import one_line
from encoders.fingerprint import fingerprint
from encoders.hub import may_be_of_hub, meant, quiet
from encoders.llm.errors import LanguageError
from encoders.llm.model import LanguageModel
from encoders.llm.packaged import packaged_folder

_NEEDED = ["*.json", "*.safetensors", "*.jinja", "*.model", "*.txt"]
# What says who wrote the settings, not what the model answers.
_WRITER_KEYS = ("transformers_version", "_name_or_path", "dtype", "torch_dtype")


def load_language_model(
    name: str = "packaged",
    cache_dir: Path | None = None,
    adapter: Path | None = None,
    threads: int = 1,
    device: str = "auto",
    dtype: str = "auto",
    revision: str | None = None,
) -> LanguageModel:
    """Load the causal language model of this name, with an adapter where one is given.

    `packaged`: SmolLM2-135M-Instruct from its package, no network; converted once
    into `cache_dir`. A folder: a model as transformers saves it, in safetensors.
    Anything else: a name of the hub, kept in `cache_dir`. None: the usual caches.

    `revision`: which commit (or tag, or branch) of a hub model; for others there is none.
    `device` "auto" takes CUDA where there is one. `dtype` is "float32",
    "bfloat16", or "auto": bfloat16 where the device is faster with it.
    `threads` is a setting of torch for the whole process. Raises LanguageError.
    """
    folder = _folder(name, cache_dir, revision)
    try:
        model, tokenizer = _read(folder, threads, device, dtype)
    # The libraries raise many types; all mean that there is no model.
    except Exception as error:
        reason = one_line(error)
        raise LanguageError(
            f"cannot load the language model {name!r} from {folder}: {reason}. Fetch it anew, or "
            f"use `packaged`"
        ) from error
    loaded = LanguageModel(model, tokenizer, _version(folder))
    return loaded if adapter is None else loaded.with_adapter(adapter)


def best_device() -> str:
    """Return "cuda" where torch sees such a device, else "cpu"."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def best_dtype(device: str) -> str:
    """Return "bfloat16" where `device` multiplies it faster than "float32".

    On a CPU that takes units for it: without them it is several times slower.
    """
    import torch

    if device.startswith("cuda"):
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    return "bfloat16" if _has_units() else "float32"


def _has_units() -> bool:
    import torch

    asked = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    return any(getattr(torch.cpu, name, lambda: False)() for name in asked)


def _folder(name: str, cache_dir: Path | None, revision: str | None) -> Path:
    folder = Path(name).expanduser()
    is_here = name == "packaged" or (bool(name.strip()) and folder.is_dir())
    if is_here and revision is not None:
        raise LanguageError(
            f"the language model {name!r} is no name of the hub, so there is no revision "
            f"{revision!r} of it: leave the revision out"
        )
    if name == "packaged":
        return packaged_folder(cache_dir)
    if is_here:
        if not (folder / "config.json").is_file():
            raise LanguageError(
                f"{folder} holds no language model (no config.json): name a folder written by "
                f"save_pretrained of transformers, or `packaged`"
            )
        return folder
    if near := meant(name, ("packaged",)):
        raise LanguageError(
            f"there is no language model {name!r}; did you mean {near!r}? A model of the hub has "
            f"its owner before it"
        )
    if not may_be_of_hub(name):
        raise LanguageError(
            f"there is no language model {name!r}: not a folder, not a name of the hub. Use "
            f"`packaged`, an existing folder, or a hub name"
        )
    return _from_hub(name, cache_dir, revision)


def _from_hub(name: str, cache_dir: Path | None, revision: str | None) -> Path:
    from huggingface_hub import snapshot_download

    # Unknown name, no network, no room: the library has a type for each.
    try:
        with quiet():
            return Path(
                snapshot_download(
                    name, cache_dir=cache_dir, revision=revision, allow_patterns=_NEEDED
                )
            )
    except Exception as error:
        reason = one_line(error)
        raise LanguageError(
            f"cannot fetch the language model {name!r}: {reason}. Without a network use "
            f"`packaged` or a local folder"
        ) from error


def _read(folder: Path, threads: int, device: str, dtype: str) -> tuple[Any, Any]:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.set_num_threads(threads)
    device = best_device() if device == "auto" else device
    kind = getattr(torch, best_dtype(device) if dtype == "auto" else dtype)
    with quiet():
        tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
        # Never a pickle, never code of the folder's own.
        model: Any = AutoModelForCausalLM.from_pretrained(
            str(folder), local_files_only=True, use_safetensors=True, dtype=kind
        )
    return model.to(device), tokenizer


def _version(folder: Path) -> str:
    """Fingerprint a folder: the same on every device and for every type in memory."""
    config = json.loads((folder / "config.json").read_bytes())
    for key in _WRITER_KEYS:
        config.pop(key, None)
    files = [folder / "tokenizer.json", *folder.glob("*.safetensors")]
    weights = [
        (path.name, "file", np.memmap(path, np.uint8, "r")) for path in files if path.is_file()
    ]
    return fingerprint("lm", int(config["hidden_size"]), config, weights)
