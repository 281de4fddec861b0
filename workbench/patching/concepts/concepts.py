"""Concepts and languages: which concept the model gives, and in which language, after patching each layer."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
import xarray as xr
from einops import rearrange
from torch import Tensor

from workbench.arguments import checked
from workbench.errors import BadArgument
from workbench.model.batching import texts_per_batch
from workbench.model.forward.alone import alone
from workbench.model.forward.record import record
from workbench.model.forward.rerun import replace_positions
from workbench.model.metrics import unembed
from workbench.model.model import Model
from workbench.patching.concepts.concept_pairs import ConceptPair, ConceptPairs, make_pairs
from workbench.patching.concepts.onset import LEVEL, leads, onset
from workbench.patching.concepts.patch_onwards import patch_from_layer_on
from workbench.results.interval_ends import interval_ends
from workbench.results.make import make_result
from workbench.results.resuming.stoppable import Stoppable
from workbench.results.statistics import interval
from workbench.text.batches import Batch, pad
from workbench.text.corpus import Corpus
from workbench.text.tokens.spans import last_token

AT = ("last", "concept")
AUTO = 16  # pairs in a batch
_BUDGET = 2**25  # logits in memory at once


# Long: the parameters are the method's own options.
@checked
@alone
@torch.no_grad()
def concepts(
    model: Model,
    words: pd.DataFrame | str = "words",
    *,
    source: str | Sequence[str],
    target: str | Sequence[str],
    mean_over: Sequence[str | Sequence[str]] = (),
    at: str = "auto",
    shots: int = 5,
    limit: int | None = None,
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
) -> xr.Dataset:
    """Patch translation prompts of a concept with another concept's states; read which concept and language result.

    A source prompt translates the source concept into the source language, a target prompt another concept into the
    target language. Experiment 1 (`at="last"`) puts the source's state of one layer in place of the target's at the
    last token: early layers change nothing, later ones bring the source's language, the last ones its concept too (or
    in the other order). Experiment 2 (`at="concept"`) puts the state of the last token of the shown
    word in place of the target's, from one layer on to the last: early layers make the target run give the source
    concept in the target's language, until it has read the word. With `mean_over` that state is the mean over
    several source prompts of the same concept; where concepts are the same direction in all languages, the mean works
    as well as a single prompt or better.

    Args:
        model: the model.
        words: frame of `load_words`, or what it reads.
        source: route of the source prompts, "de-fr" or ("de", "fr") for words shown in German and asked for in French;
            a code alone is the language asked for, shown in English or the first other language.
        target: route of the target prompts.
        mean_over: routes of the source prompts to average over, in place of a single one; a code alone is the language
            in which words are shown, asked for in the source's language.
        at: `last` (experiment 1), `concept` (experiment 2), or `auto`: `concept` where `mean_over` is given.
        shots: translations shown before the question.
        limit: most pairs of concepts; all when None.

    Returns:
        `probability[answer, layer]`, the mean over pairs of concepts of the probability of the answer's distinct first
        tokens, with its 95 % bootstrap interval `low` and `high`. Answers are the source and the target concept in the
        source and the target language, in that order (`answer_concept`, `answer_language` name them); in the target
        language alone where both are the same. Layer i is the state before layer i: 0 is the embedding, n_layers
        is after the last. `control`, `control_low`, `control_high`: the same with the states of concepts drawn at
        random, one per source prompt. `unpatched[answer]` and `source_run[answer]`: the two runs as they are (the mean
        over the source prompts). `pair_probability[pair, answer, layer]` and `pair_control`, with the coordinates
        `source_concept` and `target_concept`. `onset[aspect]` in layers, for `concept` and `language`, with
        `onset_low` and `onset_high`: at `last`, the first layer from which on the source's outweighs the target's; at
        `concept`, the first layer from which on the target's outweighs the source's, when the run has already read it;
        n_layers + 1 where that never happens, and 0 where it always holds. Attributes: `pairs`, `collided`, the
        concepts left out because first tokens collide.

    Raises:
        UnsupportedSite: the model cannot be run from a layer on.
        UnknownLanguage: a language is not among the words.
        BadArgument: not a route, too few concepts, or an option outside its range.
        BadPairs: first tokens collide in every concept.
        Interrupted: `partial` holds the pairs that were finished.

    Source:
        Dumas et al. 2024 (arXiv 2411.08745), sections 3 and 4.

    Example:
        >>> concepts(model, words, source="de-fr", target="it-zh").onset                       # doctest: +SKIP
        >>> concepts(model, words, source="de-fr", target="it-zh", mean_over=["de", "es"])     # doctest: +SKIP
    """
    where = checked_at(("concept" if mean_over else "last") if at == "auto" else at)
    model.require("restart")
    size = texts_per_batch(batch_size, auto=AUTO)
    pairs = make_pairs(
        model.tokenizer, words, source=source, target=target, mean_over=mean_over, shots=shots, seed=seed, limit=limit
    )
    shape = (2, len(pairs), len(pairs.answers), model.n_layers + 1)  # patched and control
    values, runs = np.full(shape, np.nan), np.full(shape[:3], np.nan)  # runs: as they are, target and source
    done = np.zeros((), dtype=np.int64)  # pairs
    state = {"values": values, "runs": runs, "done": done}

    def finished() -> str:
        return f"interrupted: {done} of {len(pairs)} pairs are finished; they are in .partial"

    what = f"patching concepts {pairs.routes[0]} into {pairs.target}"
    with Stoppable(what, len(pairs), "pair", finished, progress=progress) as loop:
        for start in loop.steps(range(0, len(pairs), size), state, size=lambda start: len(pairs.items[start:][:size])):
            part = slice(start, start + size)
            values[:, part], runs[:, part] = measure(model, pairs.items[part], where)
            done += len(pairs.items[part])
    result = _result(model, pairs, values, runs, where, shots, seed)
    return loop.result(result)


def checked_at(at: str) -> str:
    """The place to patch, checked."""
    if at not in AT:
        raise BadArgument(f"at={at!r} is not a place to patch (has: auto, {', '.join(AT)})")
    return at


@torch.no_grad()
def measure(model: Model, items: Sequence[ConceptPair], where: str) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of some pairs: [patched or control, pair, answer, layer], and as they are [run, pair, answer]."""
    given, own = [], None
    for control in (False, True):
        routes = list(zip(*(item.random if control else item.sources for item in items), strict=True))
        recorded = [_states(model, prompts, where) for prompts in routes]
        given.append(sum(states for states, _ in recorded) / len(recorded))
        if not control:
            finals = torch.stack([final for _, final in recorded])
            own = _read(model, finals, items).mean(0)
    target, columns = _record(model, [item.prompt for item in items], keys=True)
    stacked = torch.stack(given)  # [copy, layer, sample, d_model]
    if where == "concept":
        finals = patch_from_layer_on(target, columns, stacked)
    else:
        last = [target.n_positions - 1] * 2
        rows = [replace_positions(target, i, last, stacked[:, i], last=True) for i in range(model.n_layers + 1)]
        finals = torch.stack(rows)  # [layer, copy, sample, 1, d_model]
    read = _read(model, finals.flatten(0, 1), items).reshape(*finals.shape[:3], -1)
    assert own is not None
    as_is = np.stack([_read(model, target.residual[-1][None, :, -1:], items)[0], own])
    return rearrange(read, "layer copy pair answer -> copy pair answer layer"), as_is


def _states(model: Model, prompts: Sequence[tuple[str, str]], where: str) -> tuple[Tensor, Tensor]:
    """States of source prompts at the patched token, [layer, sample, d_model], and the final one at the last token."""
    recording, columns = _record(model, prompts)
    rows = range(len(prompts))
    at = columns if where == "concept" else [-1] * len(prompts)
    states = torch.stack([states[rows, at] for states in recording.residual])
    return states, recording.residual[-1][:, -1:]


def _record(model: Model, prompts: Sequence[tuple[str, str]], *, keys: bool = False) -> tuple[Any, list[int]]:
    """A recorded pass over left-padded prompts, and the column of each shown word's last token."""
    texts = tuple(prompt for prompt, _ in prompts)
    ids = [text.ids for text in model.encode(Corpus({"": texts}, aligned=False, source="translation prompts"))]
    padded, mask = pad(ids, model.pad_id, "left")
    width = padded.shape[1]
    columns = [
        width - len(prompt_ids) + word_position(model.tokenizer, text, word)
        for prompt_ids, (text, word) in zip(ids, prompts, strict=True)
    ]
    batch = Batch(padded, mask, ("",) * len(ids), tuple(range(len(ids))))
    return record(model, batch, keys=keys), columns


def word_position(tokenizer: Any, prompt: str, word: str) -> int:
    """The position of the last token of the last quoted `word` in a prompt."""
    return last_token(tokenizer, prompt, prompt.rindex(f'"{word}"') + 1 + len(word))


def _read(model: Model, states: Tensor, items: Sequence[ConceptPair]) -> np.ndarray:
    """Probability of every answer after final states [cell, sample, 1, d_model]: [cell, sample, answer]."""
    cells, samples = states.shape[:2]
    hidden = model.bridge.ln_final(states[:, :, -1]).flatten(0, 1)
    answers = np.empty((cells * samples, len(items[0].tokens)))
    for row, probabilities in _rows(model, hidden):
        tokens = items[row % samples].tokens
        answers[row] = [float(probabilities[list(answer)].sum()) for answer in tokens]
    return answers.reshape(cells, samples, -1)


def _rows(model: Model, hidden: Tensor) -> Iterator[tuple[int, Tensor]]:
    size = max(1, _BUDGET // model.n_vocabulary)
    for start in range(0, len(hidden), size):
        probabilities = unembed(model, hidden[start : start + size]).float().softmax(-1).cpu()
        yield from enumerate(probabilities, start)


def _result(
    model: Model, pairs: ConceptPairs, values: np.ndarray, runs: np.ndarray, where: str, shots: int, seed: int
) -> xr.Dataset:
    patched, control = values
    done = ~np.isnan(patched).any((1, 2))
    mean = [part[done].mean(0) if done.any() else part[0] for part in (*values, *runs)]
    own = pairs.clusters
    bounds = [interval(part, seed=seed, clusters=own[:, None, None]) for part in (patched, control)]
    ahead = leads(patched, pairs.answers, where)
    onsets = {aspect: onset(lead, seed=seed, clusters=own) for aspect, lead in ahead.items()}
    axes, unit = ("answer", "layer"), "[probability]"
    table = np.array(list(onsets.values()))
    labels = [f"{whose} concept in {language}" for whose, language in pairs.answers]
    result = make_result(
        {
            "probability": (axes, mean[0], f"mean probability of the answer after the patch {unit}"),
            **interval_ends(axes, bounds[0], f"probability over pairs of concepts {unit}", level=LEVEL),
            "control": (axes, mean[1], f"mean probability after a patch with random concepts {unit}"),
            **interval_ends(axes, bounds[1], f"control over pairs of concepts {unit}", level=LEVEL, name="control"),
            "unpatched": (("answer",), mean[2], f"mean probability in the target run as it is {unit}"),
            "source_run": (("answer",), mean[3], f"mean probability in the source runs as they are {unit}"),
            "pair_probability": (("pair", *axes), patched, f"probability of the answer after the patch {unit}"),
            "pair_control": (("pair", *axes), control, f"probability after a patch with random concepts {unit}"),
            "onset": (("aspect",), table[:, 0], _ONSET[where]),
            **interval_ends(("aspect",), table.T[1:], "onset over pairs [layers]", level=LEVEL, name="onset"),
        },
        {"answer": labels, "aspect": list(onsets)},
        method="patching.concepts",
        owners={"probability": ["low", "high"]},
        parameters={
            "source": [str(route) for route in pairs.routes],
            "target": str(pairs.target),
            "at": where,
            "shots": shots,
            "prompt": pairs.items[0].prompt[0],
            "level": LEVEL,
            "source_prompt": pairs.items[0].sources[0][0],
        },
        model=model.info,
        corpus={
            "source": pairs.frame.attrs.get("source", "frame"),
            "hash": pairs.frame.attrs.get("hash"),
            "counts": {"pairs": len(pairs), "collided": pairs.collided},
        },
        seed=seed,
        attrs={"at": where, "pairs": int(done.sum()), "collided": pairs.collided},
    )
    names = {
        "answer_concept": ("answer", np.array([whose for whose, _ in pairs.answers], dtype=object)),
        "answer_language": ("answer", np.array([language for _, language in pairs.answers], dtype=object)),
        "source_concept": ("pair", np.array([pair.source for pair in pairs.items], dtype=object)),
        "target_concept": ("pair", np.array([pair.target for pair in pairs.items], dtype=object)),
    }
    result = result.assign_coords(names)
    result.layer.attrs["long_name"] = f"patched layer (0 the embedding, {model.n_layers} after the last layer)"
    return result


_ONSET = {
    "last": "first layer from which on the source's outweighs the target's [layers]",
    "concept": "first layer from which on the target's outweighs the source's [layers]",
}
