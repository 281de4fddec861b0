"""Generate: what the model writes after each prompt, with heads or neurons scaled."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
import transformers
from torch import Tensor
from transformers import LogitsProcessor, LogitsProcessorList

from workbench.errors import TooLarge
from workbench.model.edits import edited
from workbench.model.forward.alone import alone
from workbench.model.forward.evaluation_mode import evaluating
from workbench.model.model import Model
from workbench.text.batches import Batch, Encoded, pad
from workbench.text.corpus import Corpus


def check_room(model: Model, encoded: Sequence[Encoded], tokens: int) -> None:
    """Refuse prompts that leave no room in the model's context.

    Raises:
        TooLarge: names the longest prompt that would do.
    """
    room = model.n_context - tokens
    if any(len(one.ids) > room for one in encoded):
        raise TooLarge(f"a prompt of more than {room} tokens leaves no room for {tokens}; shorten it, or ask for fewer")


@alone
@torch.no_grad()
def generate(
    model: Model,
    encoded: Sequence[Encoded],
    *,
    tokens: int,
    batch_size: int,
    heads: Tensor | None = None,
    neurons: Tensor | None = None,
    draw: Callable[[Sequence[int]], LogitsProcessor] | None = None,
) -> list[str]:
    """What the model writes after each prompt, in the order of the prompts; greedy, unless something is to be drawn.

    Args:
        model: the model.
        encoded: prompts.
        tokens: most tokens to write; an end-of-sequence ends a text before.
        batch_size: prompts side by side, of about equal length.
        heads: scales of head outputs, [layer, head]; see `edited`.
        neurons: scales of neurons, [layer, neuron].
        draw: numbers of the prompts in a batch to what changes their logits before the highest is taken.
    """
    cache = model.abilities.get("generate", True)
    if not cache:
        model.warn_slow("generate")
    order = sorted(range(len(encoded)), key=lambda i: len(encoded[i].ids))
    found = [""] * len(encoded)
    for start in range(0, len(order), batch_size):
        part = order[start : start + batch_size]
        ids, mask = pad([encoded[i].ids for i in part], model.pad_id, "left")
        with edited(model, heads=heads, neurons=neurons):
            batch = Batch(ids, mask, ("",) * len(part), tuple(part)).to(model.device)
            output = greedy(model, batch, tokens, cache=cache, draw=draw and draw(part)).sequences
        for i, row in zip(part, output[:, ids.shape[1] :].cpu(), strict=True):
            found[i] = model.tokenizer.decode(row.tolist(), skip_special_tokens=True)
    return found


@alone
def greedy(
    model: Model, batch: Batch, tokens: int, *, cache: bool, draw: LogitsProcessor | None = None, **options: Any
) -> Any:
    """What transformers' `generate` gives for prompts padded on the left, greedily, whatever a checkpoint ships.

    A checkpoint's own settings (penalties, beams, biases, guidance, lengths, stop strings) are set aside, all but its
    end-of-sequence tokens.

    Args:
        model: the model.
        batch: prompts, padded on the left.
        tokens: most tokens to write.
        cache: keep keys and values of earlier tokens.
        draw: changes the logits before the highest is taken.
        options: passed on to `generate`.
    """
    module, own = model.module, model.module.generation_config
    settings = transformers.GenerationConfig(
        max_new_tokens=tokens,
        do_sample=False,
        use_cache=cache,
        eos_token_id=own.eos_token_id,
        bos_token_id=own.bos_token_id,
        pad_token_id=model.pad_id,
        return_dict_in_generate=True,
        **options,
    )
    module.generation_config = settings  # else unset fields are filled from the checkpoint's
    try:
        with evaluating(model.parts):
            changes = LogitsProcessorList([draw] if draw else [])
            return module.generate(
                batch.ids, attention_mask=batch.mask, generation_config=settings, logits_processor=changes
            )
    finally:
        module.generation_config = own


def by_row(prompts: Corpus, encoded: Sequence[Encoded], values: Sequence[Any], empty: Any) -> np.ndarray:
    """A value of each prompt as a table [language, sample], `empty` where a language has fewer prompts."""
    kind = object if isinstance(empty, str) else float
    found = np.full((len(prompts.languages), max(prompts.counts.values())), empty, dtype=kind)
    for one, value in zip(encoded, values, strict=True):
        found[prompts.languages.index(one.language), one.row] = value
    return found


def answered(codes: np.ndarray, answers: Sequence[str]) -> np.ndarray:
    """Share of the prompts answered in each language, [language, answer], from codes [language, sample], "" for none.

    The last of `answers` stands for whatever is not among the others.
    """
    found = np.stack([(codes == answer).sum(1) for answer in answers], 1).astype(float)
    asked = (codes != "").sum(1)
    found[:, -1] = asked - found[:, :-1].sum(1)
    return found / asked[:, None]
