"""Tiny models as folders, and what is said of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from dataflows.registry.manifest import About

DIM = 8
WON = {"verdict": "promote", "reasons": ["better on the newest slice"]}
LOST = {"verdict": "refuse", "reasons": ["items unseen in training got worse"]}


def write_sentence(folder: Path, seed: int = 0, dim: int = DIM) -> Path:
    (folder / "1_Pooling").mkdir(parents=True)
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {
            "idx": 1,
            "name": "1",
            "path": "1_Pooling",
            "type": "sentence_transformers.models.Pooling",
        },
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({"word_embedding_dimension": dim}))
    weights = np.random.default_rng(seed).normal(size=(30, dim)).astype(np.float32)
    save_file({"embeddings.word_embeddings.weight": weights}, folder / "model.safetensors")
    return folder


def write_adapter(folder: Path, rank: int = 2, hidden: int = 16, saved_rank: int = 0) -> Path:
    folder.mkdir(parents=True)
    (folder / "adapter_config.json").write_text(json.dumps({"r": rank, "peft_type": "LORA"}))
    pair = "base_model.model.layers.0.self_attn.q_proj.lora_{}.weight"
    first = np.ones((saved_rank or rank, hidden), dtype=np.float32)
    second = np.ones((hidden, rank), dtype=np.float32)
    save_file(
        {pair.format("A"): first, pair.format("B"): second}, folder / "adapter_model.safetensors"
    )
    return folder


def about(**more: Any) -> About:
    given = {
        "base": "packaged",
        "form": "sentence-transformers",
        "fingerprint": "st-8-abc",
        "made": 1_764_000_000.0,
        "dim": DIM,
        "gate": WON,
    }
    return About(**given | more)
