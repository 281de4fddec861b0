"""Prompts inside a model: its passes read texts with them, and return the original positions."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from workbench.errors import BadArgument, TooLarge, UnsupportedSite
from workbench.laboratories.parts.pool import PromptPool, mean_embeddings
from workbench.laboratories.recipe import Module
from workbench.model.hooks import with_forward

_CACHES = ("cache", "past_key_values")  # the name of the argument in newer and older versions of transformers


def install(module: Module, pool: PromptPool) -> None:
    """From now on, every pass through the module reads its texts with prompts of this pool.

    Raises:
        BadArgument: the module already has prompts.
        UnsupportedSite: the module does not compute the same from embeddings as from tokens.
    """
    if hasattr(module, "prompt_pool"):
        raise BadArgument("this model has prompts already; remove them first, or load the model again")
    base = module.get_decoder()
    _check(module, base)
    module.prompt_pool = pool
    base.forward = partial(_prompted, base, module.get_input_embeddings(), pool, base.forward)
    module.prompted = module.generation_config.use_cache, module.config.use_cache  # for `remove`
    module.generation_config.use_cache = module.config.use_cache = False


def remove(module: Module) -> None:
    """Take the prompts out again: the module computes, bit for bit, what it did before `install`."""
    if not hasattr(module, "prompt_pool"):
        return
    base = module.get_decoder()
    original = base.__dict__.pop("forward").args[3]
    if getattr(original, "__func__", None) is not type(base).forward:
        base.forward = original  # another wrapper was on the instance before
    module.generation_config.use_cache, module.config.use_cache = module.prompted
    del module.prompt_pool, module.prompted


@torch.no_grad()
def retrieved(module: Module, ids: Tensor, mask: Tensor) -> Tensor:
    """How much of each prompt every text receives, [row, pool]; ids and mask: [row, token]."""
    table = module.get_input_embeddings()
    return module.prompt_pool.shares(mean_embeddings(table(ids), _content(module.config, ids, mask)))


def _check(module: Module, base: Any) -> None:
    """Refuse a module for which embeddings are not all that it reads of a text, or which reads them elsewhere."""
    ids, calls = torch.tensor([[0, 1, 0]], device=module.device), []
    forward, was_training = base.forward, module.training

    def counted(*args: Any, **named: Any) -> Any:
        calls.append(1)
        return forward(*args, **named)

    module.eval()
    with torch.no_grad(), with_forward(base, counted):
        from_tokens = module(input_ids=ids, use_cache=False).logits
        from_embeddings = module(inputs_embeds=module.get_input_embeddings()(ids), use_cache=False).logits
    module.train(was_training)
    if len(calls) != 2 or not torch.equal(from_tokens, from_embeddings):
        name = type(module).__name__
        raise UnsupportedSite(f"{name} computes something else from embeddings than from tokens: prompts do not fit in")


def _content(config: Any, ids: Tensor, mask: Tensor | None) -> Tensor:
    """Which tokens are the text: [row, token] bool, without BOS and padding."""
    real = ids != config.pad_token_id if mask is None else mask.bool()
    begins = torch.zeros_like(real)
    begins[:, 0] = ids[:, 0] == config.bos_token_id if config.bos_token_id is not None else False
    return real & ~begins


def _prompted(
    base: Any, table: Any, pool: PromptPool, original: Callable[..., Any], input_ids: Any = None, **named: Any
) -> Any:
    """The base's forward pass over texts with their prompts; what it returns has the original positions."""
    mask = _mask(input_ids, named)
    behind = _begin(base.config, input_ids)
    embedded, length = table(input_ids), pool.prompts.shape[1]
    _fits(base.config, input_ids.shape[1] + length)
    prompt = pool(mean_embeddings(embedded, _content(base.config, input_ids, mask))).to(embedded.dtype)
    changed = {**named, "inputs_embeds": torch.cat([embedded[:, :behind], prompt, embedded[:, behind:]], 1)}
    if mask is not None:
        added = mask.new_ones(len(mask), length)
        changed["attention_mask"] = torch.cat([mask[:, :behind], added, mask[:, behind:]], 1)
    if (places := named.get("position_ids")) is not None:
        added = torch.arange(behind, behind + length, device=places.device).expand(len(places), -1)
        changed["position_ids"] = torch.cat([places[:, :behind], added, places[:, behind:] + length], 1)
    output = original(**{**changed, "use_cache": False})

    def cut(states: Tensor) -> Tensor:
        return torch.cat([states[:, :behind], states[:, behind + length :]], 1)

    output.last_hidden_state = cut(output.last_hidden_state)
    if output.get("hidden_states") is not None:
        output.hidden_states = tuple(cut(states) for states in output.hidden_states)
    return output


def _mask(ids: Any, named: dict[str, Any]) -> Tensor | None:
    """The mask of the real tokens, [row, token], if any.

    Raises:
        BadArgument: texts that prompts cannot be put in.
    """
    if ids is None:
        raise BadArgument("a model with prompts reads input_ids, [row, token]; it was given embeddings")
    if any(named.get(name) is not None for name in _CACHES):
        raise BadArgument("a model with prompts reads whole texts; call it, or its generate, with use_cache=False")
    if named.get("output_attentions"):
        raise BadArgument("the attention of a model with prompts has positions of its own; remove the prompts first")
    mask = named.get("attention_mask")
    if mask is not None and mask.shape != ids.shape:
        raise BadArgument(f"attention_mask has the shape {tuple(mask.shape)}; with prompts give that of the input_ids")
    if mask is not None and not mask[:, 0].all():
        raise BadArgument("attention_mask begins with padding; with prompts, fill texts up on the right")
    return mask


def _begin(config: Any, ids: Tensor) -> int:
    """Where the prompt stands: 1, behind BOS, or 0.

    Raises:
        BadArgument: some texts of the batch begin with BOS, and others do not.
    """
    begins = ids[:, 0] == config.bos_token_id if config.bos_token_id is not None else ids.new_zeros(1).bool()
    if begins.any() and not begins.all():
        raise BadArgument("some texts of a batch begin with BOS and others do not; with prompts, all or none must")
    return int(begins.all())


def _fits(config: Any, length: int) -> None:
    """Refuse texts that are longer than the model's context together with their prompts."""
    longest = getattr(config, "max_position_embeddings", None)
    if longest is not None and length > longest:
        raise TooLarge(f"texts with their prompts have up to {length} tokens; this model's context has {longest}")
