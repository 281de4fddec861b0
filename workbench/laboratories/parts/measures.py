"""Measures: one number of each sample and language, from a model before or after training."""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import permutations
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch.nn.functional import cross_entropy

from workbench.arguments import checked, one_of, whole_number
from workbench.errors import BadArgument
from workbench.evaluation import accuracy
from workbench.laboratories.parts.data import (
    FORMS,
    QUOTE,
    Direction,
    distinct_directions,
    held_out_concepts,
    question_of,
    require_languages,
)
from workbench.laboratories.parts.forward import answered, encoded, logits_from
from workbench.laboratories.recipe import Materials, Measure, of_module
from workbench.text.corpus import Corpus
from workbench.text.tasks.task import Task
from workbench.training.measure import continuations

_BATCH = 64
_LOGITS = 2**28  # numbers of a pass, 1 GB in float32: with 262,144 tokens, four rows of 256


@checked
def exact_match(
    materials: Materials,
    *,
    directions: Sequence[Direction] | None = None,
    form: str = "question",
    shots: int = 0,
    limit: int = 12,
    name: str = "",
    seed: int = 0,
) -> Measure:
    """Whether the model translates held-out words: greedy decoding gives the answer and a closing quotation mark.

    Computed in one pass over prompt and answer, where each answer's token must be the likeliest.

    Args:
        materials: the words, and which directions are held out.
        directions: (source, target); all between the words' languages when None.
        form: of the question, see `questions`.
        shots: solved questions of the same direction before it.
        limit: most concepts of each direction.
        name: of the measure.
        seed: of the concepts' draws.

    Returns:
        A Measure: 1 or 0 by language of the answer; `better` is higher.

    Example:
        >>> measure = exact_match(materials, directions=[("de", "fr")])                          # doctest: +SKIP
    """
    one_of("form", form, FORMS)
    rng, words = np.random.default_rng(seed), materials.words
    items: list[tuple[str, str, str]] = []  # language of the answer, prompt, answer
    columns = list(words.columns)
    ways = list(permutations(columns, 2)) if directions is None else distinct_directions(directions)
    require_languages([code for way in ways for code in way], words)
    for source, target in ways:
        concepts = held_out_concepts(words, materials.held_out, source, target)
        for number in rng.permutation(len(concepts))[:limit]:
            concept = concepts[int(number)]
            others = [index for index in words.index if index != concept]
            solved = [others[int(i)] for i in rng.permutation(len(others))[:shots]]
            asks = {index: question_of(words.at[index, source], source, target, form=form) for index in solved}
            before = "".join(f"{ask}{words.at[index, target]}{QUOTE}\n" for index, ask in asks.items())
            prompt = before + question_of(words.at[concept, source], source, target, form=form)
            items.append((target, prompt, words.at[concept, target]))
    if not items:
        raise BadArgument("no held-out direction is left to measure; give more words or more directions")

    @of_module
    def measure(model: Any) -> xr.DataArray:
        right = matches(model.module, model.tokenizer, [item[1:] for item in items])
        values: dict[str, list[float]] = {}
        for (language, _, _), value in zip(items, right, strict=True):
            values.setdefault(language, []).append(float(value))
        return by_language(values, name or f"exact match, {form}", units="share", better="higher")

    return measure


@checked
def bits_per_byte(corpus: Corpus, *, name: str = "bits per byte") -> Measure:
    """Bits per UTF-8 byte of each text.

    Args:
        corpus: texts that no recipe trains on, such as `materials.test`.
        name: of the measure.

    Returns:
        A Measure, `aligned` where the corpus is; `better` is lower.

    Example:
        >>> measure = bits_per_byte(materials.test)                                              # doctest: +SKIP
    """

    @of_module
    def measure(model: Any) -> xr.DataArray:
        values = {language: bits(model.module, model.tokenizer, texts) for language, texts in corpus.texts.items()}
        return by_language(values, name, units="bits per byte", better="lower", aligned=corpus.aligned)

    return measure


@checked
def choice(task: Task, *, name: str = "", **options: Any) -> Measure:
    """Whether the model gives the right option the highest probability, by `wb.evaluation.accuracy`.

    Args:
        task: of `load_task`.
        name: of the measure.
        **options: of `wb.evaluation.accuracy`.

    Returns:
        A Measure: 1 or 0; `better` is higher.

    Example:
        >>> measure = choice(wb.load_task("words"))                                              # doctest: +SKIP
    """

    def measure(model: Any) -> xr.DataArray:
        right = accuracy(model, task, answer_only=False, progress=False, **options).correct.transpose(
            "language", "item"
        )
        values = {str(code): right.sel(language=code).values.astype(float) for code in right.language.values}
        named = name or f"choice, {task.name}"
        return by_language(values, named, units="share", better="higher", aligned=task.aligned)

    return measure


@checked
def own_language(
    corpus: Corpus,
    identify: Callable[[str], str | None],
    *,
    limit: int = 20,
    name: str = "own language",
) -> Measure:
    """Whether a sampled continuation of a text's first 10 tokens stays in the text's language.

    Args:
        corpus: texts; shorter ones are left out.
        identify: names the language of a text, or None.
        limit: most texts of a language.
        name: of the measure.

    Returns:
        A Measure: 1 or 0; `better` is higher.

    Example:
        >>> measure = own_language(materials.test, identify)                                     # doctest: +SKIP
    """
    whole_number("limit", limit, at_least=1)

    @of_module
    def measure(model: Any) -> xr.DataArray:
        values = {}
        for language, texts in corpus.texts.items():
            made = continuations(model.module, model.tokenizer, list(texts[:limit]))
            values[language] = [float(identify(text) == language) for text in made]
        return by_language(values, name, units="share", better="higher")

    return measure


def by_language(
    values: Mapping[str, Sequence[float] | np.ndarray], name: str, *, units: str, better: str, aligned: bool = False
) -> xr.DataArray:
    """What a Measure returns: [language, sample], NaN where a language has fewer samples."""
    longest = max(map(len, values.values()))
    table = np.full((len(values), longest), np.nan)
    for row, own in enumerate(values.values()):
        table[row, : len(own)] = own
    attributes = {"units": units, "better": better, "aligned": int(aligned)}
    return xr.DataArray(table, {"language": list(values)}, ("language", "sample"), name, attributes)


@torch.no_grad()
def matches(module: Any, tokenizer: Any, items: Sequence[tuple[str, str]]) -> list[bool]:
    """Whether greedy decoding of each prompt gives its answer, and then a token that begins with a quotation mark."""
    opening, results = _quotes(tokenizer), [False] * len(items)
    rows = answered(tokenizer, items)
    # Prompts of one length begin their answers together, so that few positions need logits.
    order = sorted(range(len(items)), key=lambda index: rows[index][1])
    for start in range(0, len(items), _BATCH):
        part = order[start : start + _BATCH]
        first = rows[part[0]][1] - 1
        best = logits_from(module, tokenizer, [rows[index][0] for index in part], first).argmax(-1).cpu()
        for place, index in enumerate(part):
            row, begin = rows[index]
            made = best[place, begin - 1 - first : len(row) - first].tolist()
            results[index] = made[:-1] == row[begin:] and made[-1] in opening
    return results


@torch.no_grad()
def bits(module: Any, tokenizer: Any, texts: Sequence[str]) -> list[float]:
    """Bits per predicted byte of each text; of one longer than the context, of the part that fits."""
    values: list[float] = []
    read = encoded(module, tokenizer, texts)
    rows = together(module, [ids for ids, _ in read])
    for start in range(0, len(read), rows):
        part = read[start : start + rows]
        logits = logits_from(module, tokenizer, [ids for ids, _ in part], 0)
        for row, (ids, count) in enumerate(part):
            wanted = torch.tensor(ids[1:], device=logits.device)
            nats = cross_entropy(logits[row, : len(ids) - 1].float(), wanted, reduction="sum")
            values.append(float(nats) / math.log(2) / count)
    return values


def together(module: Any, rows: Sequence[Sequence[int]]) -> int:
    """How many rows of token ids are read in a pass, so that their logits fit into memory."""
    longest = max(map(len, rows), default=1)
    return max(1, min(_BATCH // 2, _LOGITS // (longest * module.get_input_embeddings().weight.shape[0])))


def _quotes(tokenizer: Any) -> set[int]:
    """The tokens that begin with a quotation mark."""
    pieces = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    return {token for token, piece in enumerate(pieces) if str(piece or "").startswith(QUOTE)}
