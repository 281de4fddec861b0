"""Swap: one language's features off and another's on, and which language and concept the model then answers with."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch
import xarray as xr

from workbench.arguments import checked, whole_number
from workbench.circuits.features.groups import matched_groups, read_feature_groups, read_feature_rates
from workbench.circuits.features.intervene import intervene
from workbench.circuits.features.questions import Questions, read_questions
from workbench.circuits.features.reading import fitting
from workbench.circuits.transcoders.transcoder import Transcoder
from workbench.errors import BadArgument
from workbench.model.batching import texts_per_batch
from workbench.model.edits import edited
from workbench.model.forward.alone import alone
from workbench.model.model import Model
from workbench.neurons.counts.strength import means
from workbench.neurons.effects.steer import steering
from workbench.results.controls import OWNERS, beyond_controls
from workbench.results.groups import Groups
from workbench.results.interval_ends import interval_ends
from workbench.results.make import Variables, make_result
from workbench.results.resuming.stoppable import Stoppable
from workbench.results.statistics import interval
from workbench.text.languages import required

_Edit = Callable[[], AbstractContextManager[Any]]


# Long: the parameters are the method's own options.
@checked
@alone
@torch.no_grad()
def swap_language(
    transcoder: Transcoder,
    model: Model,
    words: pd.DataFrame | str,
    *,
    source: str,
    target: str,
    to: str,
    members: Groups,
    firing: xr.Dataset,
    neurons: Groups | None = None,
    neuron_firing: xr.Dataset | None = None,
    shots: int = 5,
    limit: int | None = None,
    controls: int = 20,
    level: float = 0.95,
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
) -> xr.Dataset:
    """Switch the features of the language of the answer off and another language's on, in word translation prompts.

    The prompts ask for words in `target`: `English: "dog" - Deutsch: "`. The edit sets the features of `target` to 0
    and those of `to` to their mean in texts of `to`, at every token but those that the tokenizer puts before a text; a
    feature of both is one of `to`. Measured is the probability of the first tokens of the concept's word in either
    language, with and without the edit, and whether the concept stays: among the words of all concepts in `to`, is the
    likeliest that of the concept asked for? The controls do the same with random features: each in the layer and the
    decile of rates (in `target` for those to switch off, in `to` for the others) of one of the group's, outside it, set
    to its own mean in `to`. With `neurons` the same is done with groups of neurons, as `wb.neurons.steer` does.

    Args:
        transcoder: the features.
        model: the model that it was made for.
        words: frame of `load_words`, or a source for it.
        source: language of the words shown.
        target: language asked for, whose features are switched off.
        to: language whose features are switched on.
        members: groups of features by language, such as `wb.neurons.lape(firing)`.
        firing: counts of features with moments, better of other texts than the words.
        neurons: groups of neurons by language, such as LAPE's, to compare with.
        neuron_firing: counts of neurons with moments, for `neurons`.
        shots: translations shown before the question.
        limit: most concepts; all when None.
        controls: random sets of features, and of neurons.

    Returns:
        With groups `features` and `neurons`, and the answer's `language`, `target` or `to`: `delta[group, language]`,
        the change of the probability of its word; `low`, `high`, bootstrap intervals over concepts; `control_mean`,
        `control_low`, `control_high`, `control_delta[group, control, language]`, of random sets; `excess`, with
        `excess_low`, `excess_high` and `p_value`, t-test over concepts, corrected. `before[language]`,
        `after[group, language]`, the probabilities. `concept_before`, `concept[group]`, `concept_low`, `concept_high`,
        `concept_control[group]`, the share of concepts that stay. `size[group]`, how many features or neurons.
        Attributes `concepts` and `dropped`, those whose words begin alike in both languages.

    Raises:
        UnknownLanguage: a language is not among the words, the groups or the counts.
        BadArgument: an option out of range, the same language twice, no feature to change, `neurons` without
            `neuron_firing`.
        BadCounts: the counts have no moments, or are of another transcoder or model.
        BadPairs: the words of every concept begin alike in both languages.
        Interrupted: `partial` holds the cells that were finished, NaN elsewhere.

    Source:
        After arXiv 2511.10840; the controls and the concept's share are ours.

    Example:
        >>> counts = wb.circuits.firing(transcoder, model, corpus, moments=True)                 # doctest: +SKIP
        >>> swapped = wb.circuits.swap_language(
        ...     transcoder, model, "words", source="en", target="de", to="fr",
        ...     members=wb.neurons.lape(counts), firing=counts,
        ... )                                                                                    # doctest: +SKIP
        >>> swapped.excess, swapped.concept                                                      # doctest: +SKIP
    """
    whole_number("controls", controls)
    if (neurons is None) != (neuron_firing is None):
        raise BadArgument("neurons and neuron_firing belong together: give both or neither")
    size = texts_per_batch(batch_size)
    moved = fitting(transcoder, model)
    questions = read_questions(model, words, source, target, to, shots, limit, seed)
    draw = {"controls": controls, "seed": seed}
    groups = {"features": _feature_edits(moved, model, members, firing, questions.languages, **draw)}
    if neurons is not None and neuron_firing is not None:
        off, on = questions.languages
        pairs = steering(model, neurons, neuron_firing, off=off, on=on, **draw)
        edits: list[_Edit] = [partial(edited, model, neurons=scale, neuron_fill=fill) for scale, fill in pairs]
        groups["neurons"] = int((pairs[0][0] != 1).sum()), edits
    answers = np.full((1 + len(groups), 1 + controls, 3, len(questions.prompts)), np.nan)
    cells = [(0, 0, nullcontext)]
    cells += [(g + 1, c, edit) for g, (_, each) in enumerate(groups.values()) for c, edit in enumerate(each)]

    def finished() -> str:
        done = ~np.isnan(answers[:, :, 0]).any(-1)
        return f"interrupted; {int(done.sum())} of {len(cells)} passes over the concepts are finished"

    with Stoppable("swap", len(cells), "edit", finished, progress=progress) as loop:
        for group, control, edit in loop.steps(cells, {"answers": answers}, size=lambda _: 1):
            with edit():
                answers[group, control] = questions.ask(model, size)
    result = make_result(
        {
            **_variables(answers, questions, controls, level, seed),
            "size": (("group",), [count for count, _ in groups.values()], "features or neurons that change"),
        },
        {"group": list(groups), "language": list(questions.languages)},
        method="circuits.swap_language",
        owners=OWNERS,
        parameters={
            "transcoder": transcoder.info,
            "source": source,
            "target": target,
            "to": to,
            "members": members.attrs.get("provenance") if isinstance(members, xr.Dataset) else dict(members),
            "neurons": neurons is not None,
            "shots": shots,
            "limit": limit,
            "controls": controls,
            "level": level,
        },
        model=model.info,
        seed=seed,
        attrs={"concepts": len(questions.prompts), "dropped": questions.dropped},
    )
    return loop.result(result)


def _feature_edits(
    transcoder: Transcoder,
    model: Model,
    members: Groups,
    firing: xr.Dataset,
    languages: Sequence[str],
    *,
    controls: int,
    seed: int,
) -> tuple[int, list[_Edit]]:
    """How many features change, and the edit and its controls.

    Raises:
        UnknownLanguage, BadArgument, BadCounts: as `swap_language`.
    """
    groups, rate = read_feature_groups(transcoder, members), read_feature_rates(transcoder, firing)
    mean = means(firing)[0].transpose("language", "layer", "feature").values
    off, on = [groups[required(code, list(groups), "is not a group")] for code in languages]
    counted = [str(code) for code in rate["language"].values]
    first, second = (counted.index(required(code, counted, "was not counted")) for code in languages)
    off = off & ~on
    if not (off | on).any():
        raise BadArgument(f"neither {languages[0]!r} nor {languages[1]!r} has a feature; use larger groups")
    random_off = matched_groups(f"off {languages[0]}", off, rate.values[first], controls, seed=seed, beside=on)
    random_on = matched_groups(f"on {languages[1]}", on, rate.values[second], controls, seed=seed, beside=off)
    pairs = [(off, on), *zip(random_off, random_on, strict=True)]
    edits: list[_Edit] = [
        partial(intervene, transcoder, model, _values(transcoder, less, more, mean[second])) for less, more in pairs
    ]
    return int((off | on).sum()), edits


def _values(transcoder: Transcoder, off: np.ndarray, on: np.ndarray, mean: np.ndarray) -> dict[tuple[int, int], float]:
    """Activations of features [layer, feature] that are switched off and on."""
    return {
        (transcoder.layers[place], feature): float(mean[place, feature]) if on[place, feature] else 0.0
        for place, feature in np.argwhere(off | on).tolist()
    }


def _variables(answers: np.ndarray, questions: Questions, controls: int, level: float, seed: int) -> Variables:
    """Of answers [1 + group, 1 + control, 3, concept], the first being those without an edit."""
    before, edits = answers[0, 0], answers[1:]
    whole = np.asarray(~np.isnan(edits[:, :, 0]).any((1, 2)))
    changes = np.where(whole[:, None, None, None], edits[:, :, :2] - before[:2], np.nan)
    counts = np.where(whole[:, None], len(questions.prompts), np.nan) * np.ones(2)
    clusters = questions.clusters
    stays = np.where(whole[:, None, None], edits[:, :, 2], np.nan)
    ends = interval(stays[:, 0], axis=1, level=level, seed=seed, clusters=clusters[None])
    random = stays[:, 1:].mean((1, 2)) if controls else np.full(len(edits), np.nan)
    concept = "share of concepts whose word is the likeliest of all concepts'"
    return {
        **beyond_controls(
            changes,
            counts,
            axis="group",
            changed="features or neurons",
            noun="probability",
            unit="probability",
            level=level,
            seed=seed,
            clusters=np.broadcast_to(clusters, (2, len(clusters))),
        ),
        "before": (("language",), before[:2].mean(1), "probability of the word in this language, unchanged"),
        "after": (("group", "language"), edits[:, 0, :2].mean(2), "probability of the word in this language, changed"),
        "concept": (("group",), stays[:, 0].mean(1), f"{concept}, changed"),
        **interval_ends(("group",), ends, "concept over concepts", level=level, name="concept"),
        "concept_control": (("group",), random, f"{concept}, with random sets"),
        "concept_before": ((), before[2].mean(), f"{concept}, unchanged"),
    }
