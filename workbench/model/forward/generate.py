"""Generation: continuations of encoded prompts, with heads or neurons scaled, or directions added."""

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


def check_prompt_lengths(model: Model, encoded: Sequence[Encoded], tokens: int) -> None:
    """Refuse prompts that leave no room for `tokens` new tokens in the model's context.

    Raises:
        TooLarge: names the longest prompt that would fit.
    """
    longest = model.n_context - tokens
    if any(len(prompt.ids) > longest for prompt in encoded):
        raise TooLarge(
            f"a prompt of more than {longest} tokens leaves no room for {tokens}; shorten it, or write fewer"
        )


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
    directions: Tensor | None = None,
    draw: Callable[[Sequence[int]], LogitsProcessor] | None = None,
    beams: int = 1,
) -> list[str]:
    """The continuation of each prompt, in the order of the prompts; greedy, unless `draw` or `beams` is given.

    Args:
        model: the model.
        encoded: prompts.
        tokens: most tokens to write; an end-of-sequence ends a text before.
        batch_size: prompts side by side, of about equal length.
        heads: scales of head outputs, [layer, head]; see `edited`.
        neurons: scales of neurons, [layer, neuron].
        directions: what is added after each layer, [layer, d].
        draw: from the numbers of a batch's prompts to a processor of their logits, applied before the highest is taken.
        beams: beginnings that beam search keeps.
    """
    cache = model.abilities.get("generate", True)
    if not cache:
        model.warn_slow("generate")
    order = sorted(range(len(encoded)), key=lambda i: len(encoded[i].ids))
    texts = [""] * len(encoded)
    for start in range(0, len(order), batch_size):
        part = order[start : start + batch_size]
        ids, mask = pad([encoded[i].ids for i in part], model.pad_id, "left")
        with edited(model, heads=heads, neurons=neurons, directions=directions):
            batch = Batch(ids, mask, ("",) * len(part), tuple(part)).to(model.device)
            output = greedy(model, batch, tokens, cache=cache, draw=draw and draw(part), num_beams=beams).sequences
        for i, row in zip(part, output[:, ids.shape[1] :].cpu(), strict=True):
            texts[i] = model.tokenizer.decode(row.tolist(), skip_special_tokens=True)
    return texts


@alone
def greedy(
    model: Model, batch: Batch, tokens: int, *, cache: bool, draw: LogitsProcessor | None = None, **options: Any
) -> Any:
    """The output of transformers' `generate`, greedy, for prompts padded on the left.

    A checkpoint's own settings (penalties, beams, biases, guidance, lengths, stop strings) are ignored, all but its
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
    table = np.full((len(prompts.languages), max(prompts.counts.values())), empty, dtype=kind)
    for prompt, value in zip(encoded, values, strict=True):
        table[prompts.languages.index(prompt.language), prompt.row] = value
    return table


def answered(codes: np.ndarray, answers: Sequence[str]) -> np.ndarray:
    """Share of the prompts answered in each language, [language, answer], from codes [language, sample], "" for none.

    The last of `answers` stands for every code that is not among the others.
    """
    counts = np.stack([(codes == answer).sum(1) for answer in answers], 1).astype(float)
    n_prompts = (codes != "").sum(1)
    counts[:, -1] = n_prompts - counts[:, :-1].sum(1)
    return counts / n_prompts[:, None]
