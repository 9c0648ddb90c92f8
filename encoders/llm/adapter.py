"""Reading a LoRA adapter with suspicion, and putting it on a model without touching another.

An adapter is a folder as peft writes it: `adapter_config.json`, `adapter_model.safetensors`
(E. Hu et al., 2021, "LoRA: Low-Rank Adaptation of Large Language Models"), and beside them
`base.json`, which names the version of the model that it was made for. peft itself lets
missing and foreign weights pass, so every name and shape is compared first.

`relative_change` says how far a training moved a model by its adapter.
"""

from __future__ import annotations

import copy
import json
import math
import warnings
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

from encoders.base import one_line
from encoders.llm.errors import AdapterError, LanguageError

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
BASE = "base.json"
ONLY = "default"
"""The adapter's name inside its own copy of the modules, where there is never a second one."""


class Adapter(NamedTuple):
    """An adapter that was read: its settings, its tensors by name, a digest of both."""

    name: str
    config: Any
    tensors: dict[str, Any]
    digest: str


def read_adapter(folder: Path, name: str, base: str) -> Adapter:
    """Read an adapter for the model of version `base`. Raises AdapterError with the reason."""
    settings = _settings(folder, name)
    made_for = _made_for(folder, name)
    if made_for is not None and made_for != base:
        raise AdapterError(
            f"the adapter {name!r} was made for the model {made_for}, not for {base}: load that "
            f"model, or train an adapter for this one"
        )
    tensors = _tensors(folder / WEIGHTS, name)
    return Adapter(name, _config(settings, name), tensors, _digest(settings, folder / WEIGHTS))


def attach(model: Any, adapter: Adapter) -> Any:
    """Return a copy of the modules of `model` with the adapter in it; weights are shared.

    Raises AdapterError where names or shapes of its weights are not exactly
    those that this model has room for.
    """
    peft = peft_library()
    try:
        adapted = with_lora(model, adapter.config)
    except (ValueError, TypeError, RuntimeError) as error:
        raise _refusal(adapter.name, f"it does not fit this model: {one_line(error)}") from error
    wanted = peft.get_peft_model_state_dict(adapted, adapter_name=ONLY)
    _compare(adapter, {key: tuple(value.shape) for key, value in wanted.items()})
    peft.set_peft_model_state_dict(adapted, adapter.tensors, adapter_name=ONLY)
    return adapted


def with_lora(model: Any, config: Any) -> Any:
    """Return a copy of the modules of `model` with fresh LoRA matrices; weights are shared."""
    peft = peft_library()
    with warnings.catch_warnings():
        # peft still asks transformers by an old name.
        warnings.filterwarnings("ignore", ".*is_gradient_checkpointing", FutureWarning)
        return peft.get_peft_model(own_modules(model), config, ONLY)


def own_modules(model: Any) -> Any:
    """Copy the modules of a model but not its weights: both trees hold the same tensors."""
    shared = [*model.parameters(), *model.buffers()]
    return copy.deepcopy(model, {id(tensor): tensor for tensor in shared})


def save_adapter(adapted: Any, folder: Path, base: str) -> None:
    """Write the adapter of a peft model into `folder`, with the version it belongs to."""
    adapted.save_pretrained(str(folder), safe_serialization=True, save_embedding_layers=False)
    (folder / BASE).write_text(json.dumps({"base": base}) + "\n")
    # A model card that nobody filled in tells nothing.
    (folder / "README.md").unlink(missing_ok=True)


def peft_library() -> Any:
    """Import peft. Raises LanguageError where it is missing."""
    try:
        import peft
    except ImportError as error:
        raise LanguageError(
            f"adapters need peft ({error}): run `pip install 'penchant[llm]'`"
        ) from error
    return peft


def _settings(folder: Path, name: str) -> dict[str, Any]:
    try:
        settings = json.loads((folder / CONFIG).read_bytes())
    except FileNotFoundError as error:
        raise _refusal(name, f"there is no {CONFIG} in {folder}") from error
    except (OSError, ValueError) as error:
        raise _refusal(name, f"{CONFIG} cannot be read: {one_line(error)}") from error
    if not isinstance(settings, dict) or settings.get("peft_type") != "LORA":
        raise _refusal(name, f"{CONFIG} does not describe a LoRA adapter")
    return settings


def _config(settings: dict[str, Any], name: str) -> Any:
    known = {key: value for key, value in settings.items() if key != "base_model_name_or_path"}
    try:
        config = peft_library().LoraConfig.from_peft_type(**known)
    except (ValueError, TypeError, KeyError) as error:
        raise _refusal(name, f"{CONFIG} cannot be used: {one_line(error)}") from error
    config.inference_mode = True
    return config


def _made_for(folder: Path, name: str) -> str | None:
    try:
        return str(json.loads((folder / BASE).read_bytes())["base"])
    except FileNotFoundError:
        return None  # written by another program; names and shapes are compared all the same
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _refusal(name, f"{BASE} cannot be read: {one_line(error)}") from error


def _tensors(path: Path, name: str) -> dict[str, Any]:
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        size = path.stat().st_size
    except OSError as error:
        raise _refusal(name, f"there is no {path.name} in {path.parent}") from error
    if size == 0:
        raise _refusal(name, f"{path.name} is empty")
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise _refusal(name, f"{path.name} is broken or cut off: {one_line(error)}") from error
    if not tensors:
        raise _refusal(name, f"{path.name} holds no weights")
    for key, value in tensors.items():
        if not torch.isfinite(value).all():
            raise _refusal(name, f"its weights {key} are not finite")
    return tensors


def _compare(adapter: Adapter, wanted: dict[str, tuple[int, ...]]) -> None:
    missing = sorted(wanted.keys() - adapter.tensors.keys())
    foreign = sorted(adapter.tensors.keys() - wanted.keys())
    if missing:
        raise _refusal(adapter.name, f"{len(missing)} weights are missing, such as {missing[0]}")
    if foreign:
        raise _refusal(adapter.name, f"{len(foreign)} weights have no place here: {foreign[0]}")
    for key, shape in wanted.items():
        found = tuple(adapter.tensors[key].shape)
        if found != shape:
            raise _refusal(adapter.name, f"{key} has the shape {found} where {shape} is needed")


def _digest(settings: dict[str, Any], weights: Path) -> str:
    layout = {key: settings.get(key) for key in ("r", "lora_alpha", "use_rslora", "use_dora")}
    digest = blake2b(json.dumps(layout, sort_keys=True).encode(), digest_size=6)
    digest.update(weights.read_bytes())
    return digest.hexdigest()


def _refusal(name: str, reason: str) -> AdapterError:
    return AdapterError(
        f"the adapter {name!r} is refused: {reason}. Fetch it anew, or go on without it"
    )


def trained_now(adapted: Any) -> list[tuple[Any, Any]]:
    """Keep a copy of each pair of matrices (A, B) of a peft model, for `relative_change`."""
    return [
        (layer.lora_A[ONLY].weight.detach().clone(), layer.lora_B[ONLY].weight.detach().clone())
        for layer in _layers(adapted)
    ]


def relative_change(adapted: Any, before: list[tuple[Any, Any]]) -> float:
    """Return |change| / |weights|, Frobenius, over all weights that the adapter reaches.

    The change of a weight is what B A is now, scaled, less what it was in `before`.
    """
    moved = whole = 0.0
    for layer, (a, b) in zip(_layers(adapted), before, strict=True):
        now = layer.lora_B[ONLY].weight.detach() @ layer.lora_A[ONLY].weight.detach()
        change = (now - b @ a) * layer.scaling[ONLY]
        moved += float(change.double().pow(2).sum())
        whole += float(layer.get_base_layer().weight.detach().double().pow(2).sum())
    return math.sqrt(moved / whole) if whole > 0 else 0.0


def _layers(adapted: Any) -> Iterator[Any]:
    for module in adapted.modules():
        if hasattr(module, "lora_A") and ONLY in module.lora_A:
            yield module
