"""The version of an encoder: what its weights and settings are, not what it is called.

A copy in another folder has the same version; one changed weight, another
tokenizer or another length limit gives a new one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

DIGEST_BYTES = 6


def fingerprint(
    kind: str, dim: int, settings: dict[str, Any], weights: Iterable[tuple[str, str, NDArray[Any]]]
) -> str:
    """Return `KIND-DIM-HASH` over settings (JSON) and weights (name, dtype, array).

    The dtype is given by name, since an array may be the raw bytes of a type
    that NumPy lacks, such as bfloat16.
    """
    digest = blake2b(digest_size=DIGEST_BYTES)
    digest.update(json.dumps(settings, sort_keys=True, default=str).encode())
    for name, dtype, array in sorted(weights, key=lambda weight: weight[0]):
        digest.update(f"{name} {dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return f"{kind}-{dim}-{digest.hexdigest()}"


def tokenizer_settings(serialised: str) -> dict[str, Any]:
    """Read a fast tokenizer's JSON, less the padding and cutting of its last call."""
    settings: dict[str, Any] = json.loads(serialised)
    for transient in ("truncation", "padding"):
        settings.pop(transient, None)
    return settings
