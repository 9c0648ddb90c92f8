"""Sentence-transformers of random weights, small enough to make in a test."""

from __future__ import annotations

import string
from pathlib import Path

WORDS = ["toy", "story", "running", "shoes", "red", "blue", "jazz", "rock"]
HIDDEN, TOKEN_LIMIT = 32, 24


def build_model(folder: Path, seed: int) -> Path:
    """Save a sentence-transformer of random weights over letters and a few words."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder.mkdir(parents=True)
    letters = list(string.ascii_lowercase + string.digits)
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters]
    vocabulary += [f"##{letter}" for letter in letters] + WORDS
    (folder / "vocab.txt").write_text("\n".join(vocabulary))
    torch.manual_seed(seed)
    sizes = {"num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    config = BertConfig(
        vocab_size=len(vocabulary), hidden_size=HIDDEN, max_position_embeddings=64, **sizes
    )
    BertModel(config).save_pretrained(folder / "bert")
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder / "bert")
    modules = [Transformer(str(folder / "bert"), max_seq_length=TOKEN_LIMIT), Pooling(HIDDEN)]
    SentenceTransformer(modules=modules, device="cpu").save(str(folder / "model"))
    return folder / "model"
