"""Wrap a transformers module in TransformerLens, in place, or refuse it and name what would work."""

from typing import Any

import torch

from workbench.errors import BrokenModel, first_line
from workbench.model.loading.cache_argument import accept_both_names

_BRIDGE = "_workbench_bridge"  # in the module's __dict__: the wrapping changes it in place, so it is done once
PARITY = "_workbench_parity"  # in the bridge's __dict__: figures of the checks before and after wrapping


def refuse_wrong_object(module: Any, tokenizer: Any) -> None:
    """Refuse what is not a causal language model of transformers with a tokenizer, before anything is changed.

    Raises:
        BrokenModel: names what was passed and what would work.
    """
    kind = type(module).__name__
    if hasattr(module, "original_model") and hasattr(module, "blocks"):
        raise BrokenModel(f"a {kind} is wrapped already; pass the transformers module that it was made of")
    inner = getattr(module, "module", None)
    if isinstance(inner, torch.nn.Module) and hasattr(inner, "config") and not hasattr(module, "config"):
        raise BrokenModel(f"a {kind} holds the model for several processes; pass its .module ({type(inner).__name__})")
    if hasattr(module, "peft_config") and hasattr(module, "get_base_model"):
        raise BrokenModel(
            f"a {kind} is a PEFT wrapper; pass model.get_base_model() (adapters stay as they are) or "
            "model.merge_and_unload()"
        )
    if any("alora" in type(own).__name__.lower() for part in module.modules() for own in _variants(part)):
        raise BrokenModel(
            f"a {kind} with an activated LoRA (alora_invocation_tokens) computes what its base does unless PEFT's "
            "wrapper switches the adapter on in each text; pass its base"
        )
    config = getattr(module, "config", None)
    if config is None or not hasattr(module, "set_attn_implementation"):
        raise BrokenModel(f"a {kind} is not a transformers model; pass one of AutoModelForCausalLM's, or a name")
    if getattr(config, "is_encoder_decoder", False):
        raise BrokenModel(f"a {kind} is an encoder with a decoder; the workbench reads causal language models")
    if module.get_output_embeddings() is None:
        raise BrokenModel(
            f"a {kind} has no unembedding, so it gives no logits; the workbench reads causal language models, which "
            "AutoModelForCausalLM loads"
        )
    packed = next((part for part in module.modules() if callable(getattr(part, "weight", None))), None)
    if packed is not None:
        raise BrokenModel(
            f"a {kind} with parts of the class {type(packed).__module__}.{type(packed).__name__} has no weights that "
            "can be read; quantise it with quantization= when it is loaded, or pass it as it was before"
        )
    _refuse_weights(module)
    if not callable(tokenizer) or isinstance(tokenizer, type) or not hasattr(tokenizer, "decode"):
        raise BrokenModel(
            f"a {kind} in memory came without a tokenizer; pass tokenizer= a tokenizer of transformers"
            if tokenizer is None
            else f"tokenizer={_described(tokenizer)} is not a tokenizer; pass one that AutoTokenizer gives"
        )


def _variants(part: torch.nn.Module) -> list[Any]:
    """What PEFT's layer does instead of plain LoRA, for each of its adapters."""
    variants = getattr(part, "lora_variant", None)
    return [*variants.values()] if isinstance(variants, dict) else []


def _refuse_weights(module: Any) -> None:
    """Refuse weights on the meta device and weights in float64."""
    kind = type(module).__name__
    empty = next((name for name, parameter in module.named_parameters() if parameter.is_meta), None)
    if empty and getattr(module, "hf_device_map", None) is None:
        raise BrokenModel(f"a {kind} on the meta device has no weights ({empty}); load it with from_pretrained")
    kinds = {parameter.dtype for parameter in module.parameters() if parameter.dtype.is_floating_point}
    if torch.float64 in kinds:
        raise BrokenModel(f"a {kind} in float64 cannot be checked; pass it with dtype='float32'")


def _described(tokenizer: Any) -> str:
    if isinstance(tokenizer, str | type):
        return repr(tokenizer) if isinstance(tokenizer, str) else f"the class {tokenizer.__name__}"
    return type(tokenizer).__name__


def wrapped_before(module: torch.nn.Module) -> Any | None:
    """The bridge that this module was wrapped in by an earlier call, None for a module as transformers made it.

    Raises:
        BrokenModel: it was wrapped elsewhere, so what it computes is unknown.
    """
    bridge = module.__dict__.get(_BRIDGE)
    if bridge is None and any(hasattr(part, "original_component") for part in module.modules()):
        raise BrokenModel(
            f"this {type(module).__name__} was wrapped by TransformerLens before, which changes it in place; load a "
            "fresh one"
        )
    return bridge


def wrap(module: torch.nn.Module, name: str) -> Any:
    """The module as a raw `TransformerBridge`; a module that was wrapped before gives the bridge that it has.

    Raises:
        BrokenModel: TransformerLens does not know the architecture, or fails on it.
    """
    if (bridge := wrapped_before(module)) is not None:
        return bridge
    from transformer_lens.model_bridge.sources import build_bridge_from_module

    try:
        bridge = build_bridge_from_module(
            module,
            type(module).__name__,
            hf_config=module.config,
            model_name=name,
        )
        _ = bridge.blocks[0].attn, bridge.ln_final
        accept_both_names(bridge)
    except Exception as error:  # a foreign wrapper fails in as many ways as there are architectures
        raise BrokenModel(
            f"{name!r} ({type(module).__name__}) cannot be wrapped by TransformerLens: {first_line(error)}"
        ) from error
    module.__dict__[_BRIDGE] = bridge
    return bridge
