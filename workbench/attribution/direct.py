"""Direct logit attribution: what each head and each MLP writes into the logits of an answer against a foil."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
import xarray as xr

from workbench.arguments import checked
from workbench.attribution.parts import parts
from workbench.attribution.questions import Questions, questions
from workbench.errors import warn
from workbench.model.batching import by_length, texts_per_batch
from workbench.model.forward.alone import alone
from workbench.model.model import Model
from workbench.results.make import Variables, make_result
from workbench.results.resuming.stoppable import Stoppable
from workbench.results.statistics import interval
from workbench.text.corpus import Corpus
from workbench.text.pairs import Pairs
from workbench.text.tokens.pieces import token_texts

_AUTO = 16  # prompts in a batch
_TEXTS = {
    "head_effect": "what the head writes, answer less foil [logits]",
    "attention_effect": "what the attention writes, answer less foil [logits]",
    "mlp_effect": "what the MLP writes, answer less foil [logits]",
    "layer_effect": "what the layer writes, answer less foil [logits]",
    "embedding_effect": "what the embedding writes, answer less foil [logits]",
    "constant_effect": "biases of the last norm and the unembedding, answer less foil [logits]",
    "difference": "logit of the answer less that of the foil [logits]",
}
_CELLS: dict[str, tuple[str, ...]] = {
    "head_effect": ("layer", "head"),
    **dict.fromkeys(("attention_effect", "mlp_effect", "layer_effect"), ("layer",)),
    **dict.fromkeys(("embedding_effect", "constant_effect", "difference"), ()),
}
_QUESTIONS = {
    "head_effect": "Which heads write the answer into the logits?",
    "mlp_effect": "Which MLPs write the answer into the logits?",
    "attention_effect": "Which layers' attention writes the answer into the logits?",
    "layer_effect": "Which layers write the answer into the logits?",
}


@checked
@alone
def direct(
    model: Model,
    prompts: str | Sequence[str] | Corpus | Pairs | Mapping[str, Pairs],
    *,
    answer: str | None = None,
    foil: str | None = None,
    level: float = 0.95,
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
) -> xr.Dataset:
    """Divide the logit of an answer, less that of a foil, among the parts that write it: heads, MLPs, the embedding.

    The residual stream is the sum of what the parts write. With the scale of the last norm frozen at its value in this
    run (also of norms after attention, as Gemma has), the logits are linear in that sum, so every part has its share
    and the shares add up: embedding + attention and MLP of every layer + constant = difference. That is checked for
    every prompt. A part's effect through later parts is not included; `patching` and `heads.ablate` measure it.

    Args:
        model: the model.
        prompts: a prompt or several; a Corpus of them by language; pairs, whose source prompts are read with their own
            answers and foils; or pairs by language. The last position is read.
        answer: the word whose first token counts; the model's own first choice when None.
        foil: the word it is compared with; the best other token when None.

    Returns:
        Means over prompts: `head_effect[layer, head]`, `attention_effect[layer]` (its heads and the biases after
        them), `mlp_effect[layer]`, `layer_effect[layer]` (both), `embedding_effect`, `constant_effect` and
        `difference`, in logits, with bootstrap intervals over distinct prompts (`head_effect_low` ...; NaN for one
        prompt), and an axis `language` before the others where there are languages; the same of each prompt,
        `prompt_head_effect[prompt, layer, head]` ..., and its `answer`, `foil`, `text` and `prompt_language`. The
        logits of a model with a soft cap are read before the cap: attribute `capped`.

    Raises:
        BadArgument: words beside pairs, a foil without an answer, words without tokens, or a number out of range.
        BadPairs: answer and foil begin with the same token, or the pairs are of a chat.
        BadCorpus: no prompt, a blank one, or one of a single token.
        TooLarge: a prompt is longer than the model's context.
        UnsupportedSite: the parts do not add up in this architecture; says where.
        Interrupted: `partial` holds the prompts that were finished.

    Source:
        Elhage et al. 2021 (A Mathematical Framework for Transformer Circuits); Wang et al. 2023 (arXiv 2211.00593).

    Example:
        >>> effects = wb.attribution.direct(model, "Le chat", answer=" est", foil=" sont")         # doctest: +SKIP
        >>> wb.figures.heatmap(effects, "head_effect")                                           # doctest: +SKIP
    """
    size = texts_per_batch(batch_size, auto=_AUTO)
    model.require("head")
    prompted = questions(model, prompts, answer, foil)
    count = len(prompted.encoded)
    sizes = {"layer": model.n_layers, "head": model.n_heads}
    values = {name: np.full((count, *(sizes[axis] for axis in _CELLS[name])), np.nan) for name in _TEXTS}
    tokens = prompted.tokens.copy()
    capped = np.zeros((), dtype=bool)
    number = {(prompt.language, prompt.row): place for place, prompt in enumerate(prompted.encoded)}
    state = {**values, "tokens": tokens, "capped": capped}

    def finished() -> str:
        done = int(np.isfinite(values["difference"]).sum())
        return f"interrupted: {done} of {count} prompts are finished; they are in .partial"

    batches = list(by_length(model, prompted.encoded, batch_size=size, side="left", passes=3))
    with Stoppable("direct attribution", count, "prompt", finished, progress=progress) as loop:
        for batch in loop.steps(batches, state):
            rows = [number[key] for key in zip(batch.languages, batch.rows, strict=True)]
            shares, read, has_cap = parts(model, batch, torch.from_numpy(prompted.tokens[rows]))
            for name, share in shares.items():
                values[name][rows] = share.cpu().numpy()
            tokens[rows] = read.cpu().numpy()
            capped |= has_cap
    if capped:
        warn(f"{model.name!r} has a soft cap on its logits; the difference is divided as it is before the cap")
    result = make_result(
        {**_means(prompted, values, level, seed), **_of_prompts(model, prompted, values, tokens)},
        {"language": prompted.languages} if prompted.languages else {},
        method="attribution.direct",
        parameters={"answer": answer, "foil": foil, "level": level},
        model=model.info,
        corpus=prompted.info,
        seed=seed,
        attrs={"capped": "yes" if capped else "no"},
    )
    for name, question in _QUESTIONS.items():
        result[name].attrs["question"] = question
    return loop.result(result)


def _means(prompted: Questions, values: dict[str, np.ndarray], level: float, seed: int) -> Variables:
    """Means over the finished prompts, of each language where there are some, with intervals."""
    codes = np.array([prompt.language for prompt in prompted.encoded])
    groups = [codes == code for code in prompted.languages] or [np.ones(len(codes), dtype=bool)]
    finished, clusters = np.isfinite(values["difference"]), prompted.clusters
    variables: Variables = {}
    for name, text in _TEXTS.items():
        each = [_estimate(values[name][own], finished[own], clusters[own], level, seed) for own in groups]
        words = {"": text, "_low": "lower end of the interval [logits]", "_high": "upper end of the interval [logits]"}
        for (end, described), by_group in zip(words.items(), zip(*each, strict=True), strict=True):
            axes, numbers = _CELLS[name], np.stack(by_group)
            axes, numbers = (("language", *axes), numbers) if prompted.languages else (axes, numbers[0])
            variables[name + end] = (axes, numbers, described)
    return variables


def _estimate(samples: np.ndarray, finished: np.ndarray, clusters: np.ndarray, level: float, seed: int) -> tuple:
    """Mean over the finished prompts, and its interval, of samples [prompt, ...]."""
    mean = samples[finished].mean(0) if finished.any() else np.full(samples.shape[1:], np.nan)
    own = clusters.reshape(-1, *[1] * (samples.ndim - 1))
    return mean, *interval(samples, level=level, seed=seed, clusters=own)


def _of_prompts(model: Model, prompted: Questions, values: dict[str, np.ndarray], tokens: np.ndarray) -> Variables:
    """The same of each prompt, and its answer and foil."""
    variables: Variables = {
        f"prompt_{name}": (("prompt", *_CELLS[name]), array, _TEXTS[name]) for name, array in values.items()
    }
    for column, name in enumerate(("answer", "foil")):
        own = [token_texts(model.tokenizer, [token])[0] if token >= 0 else "" for token in tokens[:, column].tolist()]
        variables[name] = (("prompt",), np.array(own, dtype=object), f"first token of the {name}")
    variables["text"] = (("prompt",), np.array(prompted.prompts, dtype=object), "the prompt")
    if prompted.languages:
        codes = np.array([prompt.language for prompt in prompted.encoded], dtype=object)
        variables["prompt_language"] = (("prompt",), codes, "language of the prompt")
    return variables
