"""The text part of a multimodal model: the causal language model of the same weights."""

from typing import Any

import torch
import transformers
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from workbench.errors import BrokenModel, first_line, warn
from workbench.model.checks.probe import TOLERANCE, Probe, try_probe


def is_multimodal(config: Any) -> bool:
    """Whether a configuration describes a model with a text part and others."""
    return hasattr(config, "get_text_config") and config.get_text_config() is not config


@torch.no_grad()
def text_part(whole: Any, name: str) -> Any:
    """The causal language model inside a multimodal one, sharing its backbone's weights and its unembedding.

    The class is transformers' own for the configuration of the text part; where it has none (Qwen2-VL), that of the
    model type whose name it begins with, if all weights have their place and the logits agree.

    Raises:
        BrokenModel: no class gives the whole model's logits on text.
    """
    config = whole.config.get_text_config()
    backbone = next((part for part in _models(whole) if type(part.config) is type(config)), None)
    head = whole.get_output_embeddings()
    if backbone is None or head is None:
        raise BrokenModel(f"{name!r} ({type(whole).__name__}) has no language model inside that gives logits")
    if any(hasattr(part, "base_layer") for part in whole.modules()):
        raise BrokenModel(
            f"{name!r} ({type(whole).__name__}) has adapters, and its text part is taken out of it: load it with "
            "merge=True (in memory: pass model.merge_and_unload())"
        )
    tied = head.weight is backbone.get_input_embeddings().weight
    probe, reasons = try_probe(whole, name), []
    for candidate in _configs(config):
        candidate.tie_word_embeddings = tied
        try:
            part = _filled(candidate, backbone, head)
            gap = probe.gap(_logits(part, probe))
        except Exception as error:  # another model's class may fail in any way; the next one is tried
            reasons.append(f"{type(candidate).__name__}: {first_line(error)}")
            continue
        if gap <= TOLERANCE[head.weight.dtype] * max(probe.scale, 1.0):
            _warn_unused(whole, backbone, head, part, name)
            return part
        reasons.append(f"{type(candidate).__name__}: logits differ by {gap:.2g}")
    raise BrokenModel(
        f"{name!r} ({type(whole).__name__}) has a text part that transformers has no causal language model for "
        f"({'; '.join(reasons) or type(config).__name__})"
    )


def _models(whole: Any) -> list[Any]:
    parts = [part for part in whole.modules() if part is not whole and hasattr(part, "get_input_embeddings")]
    return [part for part in parts if hasattr(part, "config")]


def _configs(config: Any) -> list[Any]:
    """Configurations of causal language models that may be the text part's, its own first."""
    kinds = sorted((kind for kind in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES if config.model_type.startswith(kind)), key=len)
    values = {key: value for key, value in config.to_dict().items() if key not in ("model_type", "architectures")}
    configs = [transformers.AutoConfig.for_model(kind, **values) for kind in reversed(kinds)]
    return [candidate for candidate in configs if not is_multimodal(candidate)]


def _filled(config: Any, backbone: Any, head: Any) -> Any:
    """A causal language model that shares the backbone's and the unembedding's weights."""
    from accelerate import init_empty_weights

    with init_empty_weights(include_buffers=False):
        part = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager")
    unembedding = part.get_output_embeddings()
    place = next(name for name, module in part.named_modules() if module is unembedding)
    weights = {f"{part.base_model_prefix}.{key}": value for key, value in backbone.state_dict().items()}
    weights |= {f"{place}.{key}": value for key, value in head.state_dict().items()}
    part.load_state_dict(weights, assign=True)
    part.tie_weights()
    part.to(head.weight.device)  # buffers
    part.config.architectures = [type(part).__name__]
    return part.eval()


def _logits(part: Any, probe: Probe) -> torch.Tensor:
    batch = probe.batch(next(part.parameters()).device)
    return part(input_ids=batch.ids, attention_mask=batch.mask, use_cache=False).logits


def _warn_unused(whole: Any, backbone: Any, head: Any, part: Any, name: str) -> None:
    used = {id(parameter) for module in (backbone, head) for parameter in module.parameters()}
    rest = [key for key, parameter in whole.named_parameters() if id(parameter) not in used]
    groups = sorted({".".join(key.split(".")[:2]) for key in rest})
    warn(
        f"{name!r} ({type(whole).__name__}): its text part is loaded ({type(part).__name__}); {len(rest)} weights that "
        f"text does not pass are not used ({', '.join(groups[:5])}{' ...' if len(groups) > 5 else ''})"
    )
