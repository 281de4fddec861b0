"""Small random models of every supported shape, and a tokenizer for them: built from configs, nothing is downloaded."""

from pathlib import Path

import torch
import transformers as hf
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

VOCABULARY = 300  # 256 bytes, four special tokens, some room
_SMALL = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "max_position_embeddings": 128,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
    "tie_word_embeddings": False,
}


def _small(**changes):
    return {**_SMALL, **changes}


def _config(kind: str):
    """A configuration of the named shape with three layers of four heads."""
    gpt = {"vocab_size": VOCABULARY, "n_embd": 32, "n_layer": 3, "n_head": 4, "n_positions": 128}
    special = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
    return {
        "gpt2": lambda: hf.GPT2Config(**gpt, **special),
        "llama": lambda: hf.LlamaConfig(**_small(num_key_value_heads=2)),
        "qwen2": lambda: hf.Qwen2Config(**_small(num_key_value_heads=2)),
        "qwen3": lambda: hf.Qwen3Config(**_small(num_key_value_heads=2, head_dim=8)),
        "mistral": lambda: hf.MistralConfig(**_small(num_key_value_heads=2, sliding_window=6)),
        "gemma2": lambda: hf.Gemma2Config(
            **_small(num_key_value_heads=2, head_dim=8, query_pre_attn_scalar=8, sliding_window=6)
        ),
        "gemma3": lambda: hf.Gemma3TextConfig(
            **_small(num_key_value_heads=2, head_dim=8, query_pre_attn_scalar=8, sliding_window=6)
        ),
        "bloom": lambda: hf.BloomConfig(
            vocab_size=VOCABULARY, hidden_size=32, n_layer=3, n_head=4, seq_length=128, **special
        ),
        "cohere": lambda: hf.CohereConfig(**_small(num_key_value_heads=2)),
        "cohere2": lambda: hf.Cohere2Config(**_small(num_key_value_heads=2, sliding_window=6)),
        "neox": lambda: hf.GPTNeoXConfig(**_small()),
        "phi3": lambda: hf.Phi3Config(**_small(num_key_value_heads=2)),
        "opt": lambda: hf.OPTConfig(**_small(ffn_dim=48, word_embed_proj_dim=32)),
        "xglm": lambda: hf.XGLMConfig(
            vocab_size=VOCABULARY,
            d_model=32,
            ffn_dim=48,
            num_layers=3,
            attention_heads=4,
            max_position_embeddings=128,
            **special,
        ),
        "qwen3_moe": lambda: hf.Qwen3MoeConfig(
            **_small(num_key_value_heads=2, head_dim=8, moe_intermediate_size=16, num_experts=4, num_experts_per_tok=2)
        ),
        **_mixtures(),
    }[kind]()


def _mixtures():
    """Mixtures of 4 or 8 experts, two of them for each token; some with dense layers, some with shared experts."""
    grouped = {"num_key_value_heads": 2, "num_experts_per_tok": 2}
    latent = {"q_lora_rank": 16, "kv_lora_rank": 16, "qk_rope_head_dim": 4, "qk_nope_head_dim": 8, "v_head_dim": 8}
    return {
        "mixtral": lambda: hf.MixtralConfig(**_small(**grouped, num_local_experts=4)),
        "olmoe": lambda: hf.OlmoeConfig(**_small(**grouped, num_experts=4)),
        "granitemoe": lambda: hf.GraniteMoeConfig(**_small(**grouped, num_local_experts=4)),
        "gpt_oss": lambda: hf.GptOssConfig(**_small(**grouped, num_local_experts=4, head_dim=8, sliding_window=6)),
        "qwen2_moe": lambda: hf.Qwen2MoeConfig(  # layers 0 and 2 are dense, layer 1 has a shared expert
            **_small(
                **grouped,
                num_experts=4,
                moe_intermediate_size=16,
                shared_expert_intermediate_size=16,
                decoder_sparse_step=2,
            )
        ),
        "deepseek_v3": lambda: hf.DeepseekV3Config(  # layer 0 is dense, the others have a shared expert
            **_small(
                **latent,
                num_key_value_heads=4,
                num_experts_per_tok=2,
                n_routed_experts=8,
                n_group=4,
                topk_group=2,
                moe_intermediate_size=16,
                first_k_dense_replace=1,
            )
        ),
    }


def tiny(kind: str, seed: int = 0) -> torch.nn.Module:
    """A random transformers module of the named shape, in float32, in evaluation mode."""
    torch.manual_seed(seed)
    module = hf.AutoModelForCausalLM.from_config(_config(kind)).float()
    for name, parameter in module.named_parameters():  # the default initialisation is so small that nothing matters
        if parameter.dim() > 1 and "embed" not in name:
            torch.nn.init.normal_(parameter, std=0.15)
    return module.eval()


def byte_tokenizer(*, bos: bool = True) -> hf.PreTrainedTokenizerFast:
    """One token per UTF-8 byte, after `<pad> <bos> <eos> <unk>`; adds BOS itself where `bos`."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: i for i, token in enumerate(["<pad>", "<bos>", "<eos>", "<unk>", *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    if bos:
        tokenizer.post_processor = processors.TemplateProcessing("<bos> $A", special_tokens=[("<bos>", 1)])
    return hf.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<bos>", eos_token="<eos>", pad_token="<pad>", unk_token="<unk>"
    )


def save(kind: str, folder: Path, *, seed: int = 0, bos: bool = True) -> Path:
    """Write a tiny model and its tokenizer as a folder in hub format."""
    tiny(kind, seed).save_pretrained(folder)
    byte_tokenizer(bos=bos).save_pretrained(folder)
    return folder
