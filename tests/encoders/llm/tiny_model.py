"""A language model of random weights over a few words, for tests that take no time."""

from __future__ import annotations

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from encoders.llm.model import LanguageModel

WORDS = [f"w{number}" for number in range(12)]
SPECIAL = ["<end>", "<unknown>"]


def tiny_model(seed: int = 0, scale: float = 1.0) -> LanguageModel:
    """Two layers over fourteen words; a larger `scale` makes it surer of itself."""
    vocabulary = {word: number for number, word in enumerate([*SPECIAL, *WORDS])}
    plain = Tokenizer(WordLevel(vocabulary, unk_token="<unknown>"))
    plain.pre_tokenizer = WhitespaceSplit()
    plain.encode_special_tokens = True
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=plain, eos_token="<end>", unk_token="<unknown>"
    )
    config = LlamaConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
        bos_token_id=None,
        eos_token_id=0,
    )
    torch.manual_seed(seed)
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        for weights in model.parameters():
            if weights.dim() > 1:
                weights.mul_(8.0 * scale)
    return LanguageModel(model, tokenizer, f"tiny-{seed}")
