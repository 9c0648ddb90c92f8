"""A tiny Llama over bytes in a folder, and adapters of random weights for it."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from encoders.llm.adapter import save_adapter, with_lora
from encoders.llm.model import LanguageModel

SPECIAL = ["<|start|>", "<|end|>"]


def write_tiny(folder: Path, seed: int, hidden: int = 32, layers: int = 2) -> Path:
    alphabet = [*SPECIAL, *sorted(ByteLevel.alphabet())]
    inner = Tokenizer(BPE({sign: number for number, sign in enumerate(alphabet)}, []))
    inner.pre_tokenizer = ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner, bos_token="<|start|>", eos_token="<|end|>", pad_token="<|end|>"
    )
    config = LlamaConfig(
        vocab_size=len(alphabet),
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=128,
        bos_token_id=0,
        eos_token_id=1,
        initializer_range=0.3,  # sure enough of itself to have something to learn
        tie_word_embeddings=True,
    )
    torch.manual_seed(seed)
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def write_adapter(model: LanguageModel, folder: Path, seed: int, rank: int = 4) -> Path:
    import peft

    torch.manual_seed(seed)
    config = peft.LoraConfig(
        task_type="CAUSAL_LM", r=rank, target_modules=["q_proj", "v_proj", "down_proj"]
    )
    adapted = with_lora(model.base.model, config)
    for name, weights in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weights, std=0.5)
    save_adapter(adapted, folder, model.base.version)
    return folder
