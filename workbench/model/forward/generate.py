"""Generation: continuations of encoded prompts, with heads or neurons scaled, or directions added."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
import transformers
from torch import Tensor
from tqdm.auto import tqdm
from transformers import LogitsProcessor, LogitsProcessorList, StoppingCriteria, StoppingCriteriaList

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


def generate(model: Model, encoded: Sequence[Encoded], **options: Any) -> list[str]:
    """The continuation of each prompt as text.

    Args:
        model: the model.
        encoded: prompts.
        options: of `generate_ids`.
    """
    rows = generate_ids(model, encoded, **options)
    return [model.tokenizer.decode(row, skip_special_tokens=True) for row in rows]


# Long: a parameter for each kind of edit and each way to stop.
@alone
@torch.no_grad()
def generate_ids(
    model: Model,
    encoded: Sequence[Encoded],
    *,
    tokens: int,
    batch_size: int,
    heads: Tensor | None = None,
    neurons: Tensor | None = None,
    directions: Tensor | None = None,
    positions: str = "all",
    draw: Callable[[Sequence[int]], LogitsProcessor] | None = None,
    beams: int = 1,
    stop: str = "",
    progress: bool = False,
) -> list[list[int]]:
    """The ids that continue each prompt, in the order of the prompts; greedy, unless `draw` or `beams` is given.

    A row that ends before others of its batch is padded.

    Args:
        model: the model.
        encoded: prompts.
        tokens: most tokens to write; an end-of-sequence ends a text before.
        batch_size: prompts side by side, of about equal length.
        heads: scales of head outputs, [layer, head]; see `edited`.
        neurons: scales of neurons, [layer, neuron].
        directions: what is added after each layer, [layer, d].
        positions: where: `"all"`, or at `"generated"` tokens alone.
        draw: from the numbers of a batch's prompts to a processor of their logits, applied before the highest is taken.
        beams: beginnings that beam search keeps.
        stop: a character that ends a text too; nothing when empty.
        progress: show a progress bar.
    """
    cache = model.abilities.get("generate", True)
    if not cache:
        model.warn_slow("generate")
    order = sorted(range(len(encoded)), key=lambda i: len(encoded[i].ids))
    ends = _Ends(model.tokenizer, stop) if stop else None
    written: list[list[int]] = [[] for _ in encoded]
    with tqdm(total=len(order), desc="generate", unit="prompt", disable=not progress) as bar:
        for start in range(0, len(order), batch_size):
            part = order[start : start + batch_size]
            ids, mask = pad([encoded[i].ids for i in part], model.pad_id, "left")
            batch = Batch(ids, mask, ("",) * len(part), tuple(part)).to(model.device)
            start = ids.shape[1] if positions == "generated" else 0
            with edited(model, heads=heads, neurons=neurons, directions=directions, first_position=start):
                output = greedy(
                    model, batch, tokens, cache=cache, draw=draw and draw(part), ends=ends, num_beams=beams
                ).sequences
            for i, row in zip(part, output[:, ids.shape[1] :].tolist(), strict=True):
                written[i] = row
            bar.update(len(part))
    return written


class _Ends(StoppingCriteria):
    """Ends a row whose newest token holds a character, also where the tokenizer merges it with others."""

    def __init__(self, tokenizer: Any, character: str):
        self.tokenizer, self.character = tokenizer, character

    def __call__(self, input_ids: Tensor, scores: Any, **_: Any) -> Tensor:
        """Whether each row [row] of ids ends here."""
        ended = [self.character in self.tokenizer.decode([token]) for token in input_ids[:, -1].tolist()]
        return torch.tensor(ended, device=input_ids.device)


@alone
def greedy(
    model: Model,
    batch: Batch,
    tokens: int,
    *,
    cache: bool,
    draw: LogitsProcessor | None = None,
    ends: StoppingCriteria | None = None,
    **options: Any,
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
        ends: which rows end, beside those at an end-of-sequence token.
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
            return module.generate(
                batch.ids,
                attention_mask=batch.mask,
                generation_config=settings,
                logits_processor=LogitsProcessorList([draw] if draw else []),
                stopping_criteria=StoppingCriteriaList([ends] if ends else []),
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
