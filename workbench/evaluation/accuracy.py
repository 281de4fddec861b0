"""Accuracy: which option a model gives the highest probability, by language."""

from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Literal

import numpy as np
import xarray as xr

from workbench.arguments import checked, one_of
from workbench.errors import BadTask
from workbench.evaluation.generated.measure import check_options, written_accuracy
from workbench.evaluation.picks import NORMALIZE, choose
from workbench.evaluation.scoring.encode import Option, Seam, encode_options
from workbench.evaluation.scoring.formats import Format, formatted, without_question
from workbench.evaluation.scoring.scales import recorded, scales_of
from workbench.evaluation.scoring.shared import log_probabilities
from workbench.model.batching import texts_per_batch
from workbench.model.edits import edited
from workbench.model.forward.alone import alone
from workbench.model.model import Model
from workbench.results.make import Variables, make_result
from workbench.text.tasks.task import Task

CELLS = ("language", "item", "option")


# Long: the options are those of the scoring, of the edit and of the statistics.
@checked
@alone
def accuracy(
    model: Model,
    task: Task,
    *,
    format: Format = "cloze",
    normalize: str = "none",
    shots: int = 0,
    seam: Seam = "lm_eval",
    variant: Literal["paper", "released"] = "paper",
    tokens: int | None = None,
    heads: Any = None,
    neurons: Any = None,
    directions: xr.Dataset | None = None,
    answer_only: bool = True,
    truncate: bool = False,
    level: float = 0.95,
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
) -> xr.Dataset:
    """Count how often a model answers right: of options, equal to lm-eval 0.4.13, or in its own words.

    The score of an option is the summed log-probability of its tokens after the context, in float32, without an end
    token; ties go to the first option, and any of several right options counts. The model computes what the options of
    an item share once, and logits only where an option is read.

    Of a generated task the answer is written greedily, up to the end of a line. Where all right answers are numbers,
    the last number of the line is compared, without `,` and `$` and by value; it is the number that lm-eval's filter
    flexible-extract of MGSM takes. Other answers are equal in NFKC and lower case, without punctuation around them.

    Args:
        model: the model; inside `wb.model.edited` with its edits, such as a mean ablation.
        task: of `load_task`.
        format: `"cloze"` scores the options' texts, unseen before, after the context as it is; `"question"` the same
            after `Question: context` and a line with `Answer:`, in English in every language; `"letters"` shows the
            options as `A. text` lines, and scores the letters.
        normalize: see `choose`.
        shots: so many first items stand, solved, before each of the others.
        seam: where the tokenizer merges the end of a context with the option, what is scored: `"lm_eval"`, what
            lm-eval scores, or `"answer"`, the option encoded alone. `merged` counts these.
        variant: of letters: `"released"` compares the logits of the bare letters' last id, as the code of several
            papers does.
        tokens: of a generated task: most tokens of an answer, 64 when None.
        heads: scales of head outputs, [layer, head]; or (layer, head) pairs to switch off.
        neurons: scales of neurons, [layer, neuron]; or (layer, neuron) pairs to switch off.
        answer_only: score the options with the question left out too; written answers have no such baseline.
        directions: a Result with `direction[layer, d]`, added to the residual stream; see `wb.model.edited`.
        truncate: drop the first tokens of items that are longer than the context instead of refusing them.
        batch_size: items side by side; `"auto"` is 64, of written answers 32. Results differ by rounding alone.

    Returns:
        `score[language, item, option]`, nats; `characters`, `bytes` (of the option) and `tokens`; `gold[item, option]`;
        `unconditional`, the score after an empty context, and `blind`, with the question left out, unless
        `answer_only` is off; `choice`, `correct[language, item]`; and by language `accuracy`, with `low`, `high`
        (Wilson); `chance`; `null`, what the label prior of the picks earns; `majority`; `answer_only`; `above`
        chance (of fixed labels: above `null`), in points, with `p_value`, exact and corrected over the languages;
        `items`; `merged`, `truncated`, counts of items. As attributes the `mean` over languages with `mean_low`,
        `mean_high` (bootstrap over rows; an aligned item is drawn once with all its languages) and `mean_of_items`.

        Of a generated task `answer[language, item]`, as written, `parsed`, what is compared, `gold` and `correct`; by
        language the same numbers, of which `chance` is 0 and `null`, `majority`, `answer_only` and `p_value` NaN, and
        counts: `unparsed` (no number, or nothing at all), `unfinished` (cut at `tokens`) and `truncated`. The
        attribute `reads` says whether numbers or texts are compared.

    Raises:
        BadTask: an option of the other kind of task, more options than letters, or shots that leave nothing.
        TooLarge: an option, or an item without `truncate`, is longer than the model's context; names it.
        NotFinite: a score is NaN or infinite.

    Source:
        EleutherAI lm-evaluation-harness 0.4.13: api/model.py, api/task.py, models/huggingface.py.

    Example:
        >>> result = wb.evaluation.accuracy(model, wb.load_task("words", languages="de,fr"))      # doctest: +SKIP
        >>> wb.figures.bars(result, "accuracy")                                                  # doctest: +SKIP
    """
    one_of("normalize", normalize, NORMALIZE)
    check_options(task, format=format, tokens=tokens, normalize=normalize, seam=seam, variant=variant)
    if task.kind == "generate":
        own = {"format": format, "shots": shots, "tokens": tokens}
        own |= {"heads": heads, "neurons": neurons, "directions": directions}
        common = {"truncate": truncate, "level": level, "progress": progress, "batch_size": batch_size, "seed": seed}
        return written_accuracy(model, task, **own, **common)
    if variant == "released" and format != "letters":
        raise BadTask("variant='released' compares letters; use it with format='letters'")
    size = texts_per_batch(batch_size, auto=64)
    scales = scales_of(model, heads=heads, neurons=neurons, directions=directions)
    how = {"seam": seam, "truncate": truncate, "bare_letters": variant == "released"}
    shaped, parts = encoded(model, task, format=format, shots=shots, answer_only=answer_only, **how)
    with edited(model, **scales) if scales else nullcontext():
        values = scored(model, parts, shaped, size, progress)
    return _result(
        model,
        shaped,
        parts["score"],
        values,
        normalize=normalize,
        level=level,
        seed=seed,
        parameters={
            "format": format,
            "shots": shots,
            "variant": variant,
            "answer_only": answer_only,
            "batch_size": size,
            **how,
            **recorded(scales),
        },
    )


def encoded(
    model: Model, task: Task, *, format: Format, shots: int, answer_only: bool, **how: Any
) -> tuple[Task, dict[str, list[Option]]]:
    """The task as the model reads it, and the options of each variable of scores that is measured.

    Args:
        model: the model.
        task: of kind choice.
        format: as of `accuracy`.
        shots: as of `accuracy`.
        answer_only: score options after an empty context and with the question left out, too.
        how: of `encode_options`.

    Raises:
        BadTask: a generated task.
    """
    if task.kind != "choice":
        raise BadTask(f"{task.name} is of kind {task.kind!r}; this compares options, which kind 'choice' has")
    shaped = formatted(task, format, shots)
    parts = {"score": encode_options(model, shaped, **how)}
    if answer_only:
        parts["unconditional"] = encode_options(model, without_question(shaped, "cloze"), **how)
        blind = without_question(task.without_first(shots) if shots else task, format)
        parts["blind"] = parts["unconditional"] if format == "cloze" else encode_options(model, blind, **how)
    return shaped, parts


def scored(
    model: Model, parts: dict[str, list[Option]], task: Task, size: int, progress: bool
) -> dict[str, np.ndarray]:
    """The scores of each part as [language, item, option]; all parts in one pass over the model."""
    distinct = {id(options): options for options in parts.values()}
    flat: list[Option] = [option for options in distinct.values() for option in options]
    scores = log_probabilities(model, flat, batch_size=size, progress=progress, label=Path(task.name).name)
    tables, start = {}, 0
    for key, options in distinct.items():
        tables[key] = _table(task, options, scores[start : start + len(options)])
        start += len(options)
    return {name: tables[id(options)] for name, options in parts.items()}


def _table(task: Task, options: Sequence[Option], values: Iterable[float]) -> np.ndarray:
    table = np.full((len(task.languages), len(task), task.n_options), np.nan)
    for option, value in zip(options, values, strict=True):
        table[option.place] = value
    return table


def _result(
    model: Model,
    task: Task,
    options: list[Option],
    values: dict[str, np.ndarray],
    *,
    normalize: str,
    level: float,
    seed: int,
    parameters: dict[str, Any],
) -> xr.Dataset:
    """The Result of scores: measured variables, then `choose`."""
    sizes = lengths(task, options)
    words = {
        "score": "log-probability of the option [nats]",
        "unconditional": "log-probability of the option after an empty context [nats]",
        "blind": "log-probability of the option with the question left out [nats]",
    }
    variables: Variables = {name: (CELLS, table, words[name]) for name, table in values.items()}
    variables |= {
        "characters": (CELLS, sizes["characters"], "code points of the option"),
        "bytes": (CELLS, sizes["bytes"], "UTF-8 bytes of the option"),
        "tokens": (CELLS, sizes["tokens"], "tokens that are scored"),
        "gold": (("item", "option"), golds(task), "whether the option is right"),
        "merged": (("language",), _items(task, options, "merged"), "items with a token across the seam"),
        "truncated": (("language",), _items(task, options, "cut"), "items whose first tokens were dropped"),
    }
    measured = make_result(
        variables,
        {"language": list(task.languages), "item": list(task.ids), "option": list(range(task.n_options))},
        method="evaluation.accuracy",
        parameters=parameters,
        model=model.info,
        corpus=task.info,
        seed=seed,
        attrs={
            "aligned": int(task.aligned),
            "fixed_labels": int(task.fixed_labels and parameters["format"] == "cloze"),
            "item_format": parameters["format"],
        },
    )
    return choose(measured, normalize=normalize, level=level, seed=seed)


def lengths(task: Task, options: Sequence[Option]) -> dict[str, np.ndarray]:
    """Characters and bytes of each option, and its tokens that are scored, [language, item, option]."""
    texts = [task.options[task.languages[k]][row][number] for k, row, number in (o.place for o in options)]
    return {
        "characters": _table(task, options, map(len, texts)),
        "bytes": _table(task, options, (len(text.encode()) for text in texts)),
        "tokens": _table(task, options, (len(option.tail) for option in options)),
    }


def golds(task: Task) -> np.ndarray:
    """Whether each option is right, [item, option] bool."""
    table = np.zeros((len(task), task.n_options), dtype=bool)
    for row, places in enumerate(task.gold):
        table[row, list(places)] = True
    return table


def _items(task: Task, options: Sequence[Option], name: str) -> np.ndarray:
    """Items of each language of which an option has this property."""
    rows = {option.place[:2] for option in options if getattr(option, name)}
    return np.array([sum(k == language for k, _ in rows) for language in range(len(task.languages))])
