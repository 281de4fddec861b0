"""Depth: the entropy of the lens at each layer, and the rank of the right answer in it."""

from typing import Any

import numpy as np
import pandas as pd
import torch
import xarray as xr
from torch import Tensor

from workbench.arguments import checked
from workbench.lens.read import last_position
from workbench.lens.translations import LEVEL, Translations, name_states
from workbench.model.forward.alone import alone
from workbench.model.model import Model
from workbench.results.interval_ends import interval_ends
from workbench.results.make import Variables, make_result
from workbench.results.statistics import interval
from workbench.text.batches import Batch


@checked
@alone
def depth(
    model: Model,
    words: pd.DataFrame | str = "words",
    *,
    source: str,
    target: str,
    shots: int = 5,
    limit: int | None = None,
    tuned: xr.Dataset | None = None,
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
) -> xr.Dataset:
    """Read every layer at the last token of translation prompts: its entropy, and the rank of the answer.

    Args:
        model: the model.
        words: frame of `load_words`, or what it reads.
        source: language to translate from.
        target: language to translate into.
        shots: translations shown before the question.
        limit: most concepts; all when None.
        tuned: what `tune` returned, to read with the tuned lens; the logit lens when None.

    Returns:
        `entropy[layer]` of the lens's distribution in nats, and `rank[layer]`, the geometric mean over concepts of the
        rank of the answer's best first token (1 is the model's choice), each with its 95 % bootstrap interval
        (`entropy_low` ...); `concept_entropy[concept, layer]`, `concept_rank[concept, layer]`. Layer i is the state
        before layer i; n_layers is the model's output.

    Raises:
        UnknownLanguage: a language is not among the words.
        BadArgument: too few concepts for `shots`, or a number outside its range.
        Interrupted: `partial` holds the concepts that were finished.

    Source:
        nostalgebraist 2020 (logit lens); Belrose et al. 2023 (arXiv 2303.08112); Wendler et al. 2024
        (arXiv 2402.10588) for entropy over depth.

    Example:
        >>> wb.figures.curves(depth(model, source="de", target="fr"), "entropy")               # doctest: +SKIP
    """
    how = {"source": source, "target": target, "shots": shots}
    made = Translations.make(model, words, **how, seed=seed, limit=limit, batch_size=batch_size)
    answers = made.answers(model)
    values = np.full((2, len(answers), model.n_layers + 1), np.nan)

    def run(batch: Batch) -> None:
        entropies_and_ranks = np.full((2, len(batch), model.n_layers + 1), np.nan)
        for layer, probabilities in last_position(model, batch, tuned):
            entropies_and_ranks[:, :, layer] = entropy_and_rank(probabilities, [answers[row] for row in batch.rows])
        values[:, list(batch.rows)] = entropies_and_ranks

    loop = made.read(model, run, {"values": values}, what="lens depth", progress=progress)
    result = make_result(
        depth_variables(values, seed, made.clusters),
        {"concept": list(made.prompts)},
        method="lens.depth",
        parameters={"source": made.source, "target": made.target, "shots": shots, "level": LEVEL},
        model=model.info,
        corpus=made.info(languages=False),
        seed=seed,
        attrs={"lens": "logit" if tuned is None else "tuned"},
    )
    return loop.result(name_states(result, model))


def entropy_and_rank(probabilities: Tensor, answers: list[list[int]]) -> np.ndarray:
    """Of the lens of some prompts [sample, vocabulary]: its entropy in nats, and the rank of the best answer token.

    Returns:
        [2, sample].
    """
    entropy = torch.special.entr(probabilities.double()).sum(-1).cpu().numpy()
    best = torch.stack([row[tokens].max() for row, tokens in zip(probabilities, answers, strict=True)])
    return np.stack([entropy, 1 + (probabilities > best[:, None]).sum(-1).cpu().numpy()])


def depth_variables(values: np.ndarray, seed: int, clusters: np.ndarray) -> Variables:
    """Variables of a Result from entropy and rank, [2, concept, layer]: means over concepts with their intervals.

    Concepts of one cluster are drawn together; `clusters` [concept].
    """
    entropy, rank = values
    known = ~np.isnan(entropy[:, 0])
    logs = np.log(rank)
    how: dict[str, Any] = {"seed": seed, "level": LEVEL, "clusters": clusters[:, None]}
    bounds = {"entropy": interval(entropy, **how), "rank": tuple(map(np.exp, interval(logs, **how)))}
    with np.errstate(invalid="ignore", divide="ignore"):
        means = {"entropy": entropy[known].sum(0) / known.sum(), "rank": np.exp(logs[known].sum(0) / known.sum())}
    texts = {
        "entropy": ("entropy of the lens at the last token", "nats"),
        "rank": ("rank of the answer (geometric mean)", "rank"),
    }
    variables: Variables = {}
    for name, (text, unit) in texts.items():
        variables[name] = (("layer",), means[name], f"{text} [{unit}]")
        of = f"{name} over concepts [{unit}]"
        variables |= interval_ends(("layer",), bounds[name], of, level=LEVEL, name=name)
    variables["concept_entropy"] = (("concept", "layer"), entropy, "entropy of the lens [nats]")
    variables["concept_rank"] = (("concept", "layer"), rank, "rank of the answer's best first token")
    return variables
