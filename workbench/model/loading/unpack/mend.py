"""What transformers leaves out when it reads GGUF: corrected where the file states it, else refused."""

from typing import Any

import torch
import transformers
from tokenizers import pre_tokenizers, processors

from workbench.errors import BrokenModel, warn
from workbench.model.loading.unpack.header import Header

# Names of `tokenizer.ggml.pre`, as llama.cpp groups them.
_SINGLE_DIGITS = {"smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b"}
_WHOLE_WORDS = {"llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2", "tekken"}
_AS_GPT2 = {"gpt-2", "gpt2", "phi-2", "mpt", "olmo", "jais", "trillion", "roberta-bpe", "gigachat"}
_LARGEST_GEMMA = (46, 62)  # layers of Gemma 2 27B and Gemma 3 27B
_READER, _INSTEAD = f"transformers {transformers.__version__}", "the same model in hub format would load"
_SAME = ("attn_logit_softcapping", "final_logit_softcapping", "logit_scale", "sliding_window")


def mend_config(config: Any, header: Header) -> None:
    """Set what llama.cpp derives from the size of a model, and the file does not state.

    Gemma 2 and 3 scale queries by the width of a head, their largest by hidden size over heads; the default of
    transformers is the width of one published size.
    """
    if hasattr(config, "query_pre_attn_scalar"):
        largest = config.num_hidden_layers in _LARGEST_GEMMA
        config.query_pre_attn_scalar = (
            config.hidden_size // config.num_attention_heads if largest else header.get("attention.key_length")
        ) or config.query_pre_attn_scalar


def check_config(module: Any, header: Header, name: str) -> None:
    """Refuse a file that states what transformers did not take over.

    Raises:
        BrokenModel: scaled positions, soft caps, a window or a scale that differ, weights of another shape than the
            settings say, or tensors that nothing uses.
    """
    config = module.config
    with torch.device("meta"):
        shapes = {key: weight.shape for key, weight in type(module)(config).named_parameters()}
    wrong = [key for key, weight in module.named_parameters() if weight.shape != shapes.get(key)]
    if wrong:
        raise BrokenModel(f"{name!r} has {len(wrong)} weights of another shape than its settings say, first {wrong[0]}")
    scaling = header.get("rope.scaling.type", "none")
    if scaling != "none" and scaling not in str(getattr(config, "rope_parameters", "")):
        raise BrokenModel(f"{name!r} scales its positions ({scaling}), which {_READER} leaves out; {_INSTEAD}")
    for setting in _SAME:
        stated = header.get(setting, header.get(f"attention.{setting}"))
        used = getattr(config, setting, None)
        if stated and (used is None or abs(used - stated) > 1e-3 * abs(stated)):
            raise BrokenModel(f"{name!r} states {setting} {stated}; {_READER} uses {used}; {_INSTEAD}")
    tied = {"output.weight"} if config.tie_word_embeddings else set()
    stored = sum(tensor.elements for tensor in header.tensors if tensor.name not in tied)
    used = sum(weight.numel() for weight in module.parameters())
    if stored != used:
        extra = [tensor.name for tensor in header.tensors if tensor.name.startswith("rope_")]
        first = f" (such as {extra[0]}, which scales positions)" if extra else ""
        raise BrokenModel(f"{name!r} holds {stored:,} numbers{first}; {_READER} uses {used:,}; {_INSTEAD}")


def mend_tokenizer(tokenizer: Any, config: Any, header: Header, name: str) -> None:
    """Split digits as the vocabulary was trained to, and add begin and end tokens where the file states them.

    Raises:
        BrokenModel: more tokens than embeddings, or no begin token where one belongs.
    """
    settings, backend = header.settings, tokenizer.backend_tokenizer
    kind, pre = settings.get("tokenizer.ggml.model"), settings.get("tokenizer.ggml.pre", "default")
    if kind == "gpt2" and pre in _SINGLE_DIGITS:
        backend.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
        )
    elif kind == "gpt2" and pre in _WHOLE_WORDS:
        backend.model.ignore_merges = True
    elif kind == "gpt2" and pre not in _AS_GPT2 and isinstance(backend.pre_tokenizer, pre_tokenizers.ByteLevel):
        warn(
            f"{name!r} splits text by rules named {pre!r}, which {_READER} does not know; it is split as for GPT-2, "
            "so tokens may differ from those of the original"
        )
    begins = settings.get("tokenizer.ggml.add_bos_token", kind == "llama" or pre in _WHOLE_WORDS)
    ends = settings.get("tokenizer.ggml.add_eos_token", False)
    _set_template(tokenizer, tokenizer.bos_token if begins else None, tokenizer.eos_token if ends else None)
    tokenizer.model_max_length = getattr(config, "max_position_embeddings", None) or tokenizer.model_max_length
    if len(tokenizer) > config.vocab_size:
        raise BrokenModel(f"{name!r} has {len(tokenizer)} tokens but {config.vocab_size} embeddings")
    if begins and tokenizer("a").input_ids.count(tokenizer.bos_token_id) != 1:
        raise BrokenModel(f"{name!r} begins texts with a token that its vocabulary lacks")


def _set_template(tokenizer: Any, begin: str | None, end: str | None) -> None:
    special = [(token, tokenizer.convert_tokens_to_ids(token)) for token in dict.fromkeys((begin, end)) if token]
    single = " ".join(part for part in (begin, "$A", end) if part)
    pair = " ".join(part for part in (begin, "$A", end, begin and f"{begin}:1", "$B:1", end and f"{end}:1") if part)
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(single, pair, special)
    for setting, token in (("add_bos_token", begin), ("add_eos_token", end)):
        tokenizer.init_kwargs[setting] = token is not None
