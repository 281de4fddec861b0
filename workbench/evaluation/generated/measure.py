"""Accuracy of answers that a model writes: greedily, up to the end of a line."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from workbench.arguments import whole_number
from workbench.errors import BadTask, TooLarge
from workbench.evaluation.generated.extract import are_numbers, is_right, last_number, normalized
from workbench.evaluation.rules import written_summary
from workbench.evaluation.scoring.formats import Format, formatted
from workbench.evaluation.scoring.scales import recorded, scales_of
from workbench.model.batching import texts_per_batch
from workbench.model.edits import edited
from workbench.model.forward.generate import generate_ids
from workbench.model.model import Model
from workbench.results.make import Variables, make_result
from workbench.text.batches import Encoded, encode
from workbench.text.corpus import Corpus
from workbench.text.tasks.task import Task

TOKENS = 64  # most of an answer, by default
_STOP = "\n"
_CELLS = ("language", "item")
_OF_CHOICE = {"normalize": "none", "seam": "lm_eval", "variant": "paper"}  # what asks nothing of options


def check_options(task: Task, *, format: Format, tokens: int | None, **of_choice: Any) -> None:
    """Refuse options of tasks of the other kind.

    Raises:
        BadTask: letters, or another normalization, seam or variant, of a generated task; `tokens` of a choice task; or
            queries, which another function compares.
        BadArgument: `tokens` is out of range.
    """
    if task.kind == "choice":
        if tokens is not None:
            raise BadTask(f"tokens={tokens}: in {task.name} options are compared and nothing is written; leave it out")
        return
    if task.queries is not None:
        raise BadTask(f"the answers of {task.name} are Cypher queries; wb.evaluation.cypher compares and executes them")
    whole_number("tokens", TOKENS if tokens is None else tokens, at_least=1)
    given = {name: value for name, value in of_choice.items() if value != _OF_CHOICE[name]}
    given |= {"format": format} if format == "letters" else {}
    if given:
        name, value = next(iter(given.items()))
        raise BadTask(
            f"{name}={value!r} compares options, and {task.name} is of kind 'generate': its answers are written; "
            f"leave {name} out"
        )


# Long: the options of accuracy that written answers have.
def written_accuracy(
    model: Model,
    task: Task,
    *,
    format: Format,
    shots: int,
    tokens: int | None,
    heads: Any,
    neurons: Any,
    truncate: bool,
    level: float,
    progress: bool,
    batch_size: int | str,
    seed: int,
) -> xr.Dataset:
    """The Result of a generated task; see `accuracy`.

    Raises:
        TooLarge: a prompt leaves no room for `tokens`, without `truncate`; names it.
    """
    size, most = texts_per_batch(batch_size), TOKENS if tokens is None else tokens
    scales = scales_of(model, heads=heads, neurons=neurons)
    shaped = formatted(task, format, shots)
    encoded, cut = _prompts(model, shaped, most, truncate)
    with edited(model, **scales):
        rows = generate_ids(model, encoded, tokens=most, batch_size=size, stop=_STOP, progress=progress)
    answers = _read(model, shaped, encoded, rows)
    numbers, attrs = written_summary(answers.correct, aligned=shaped.aligned, level=level, seed=seed)
    present = ~np.isnan(answers.correct)
    variables: Variables = {
        "answer": (_CELLS, answers.text, "what was written, up to the end of the line"),
        "parsed": (_CELLS, answers.parsed, "what is compared with the right answer"),
        "gold": (_CELLS, answers.gold, "the right answers, one a line"),
        "unparsed": (("language",), ((answers.parsed == "") & present).sum(1), "answers from which nothing is read"),
        "unfinished": (("language",), answers.unfinished, "answers that were cut at the most tokens"),
        "truncated": (("language",), cut, "items whose first tokens were dropped"),
    }
    return make_result(
        variables | numbers,
        {"language": list(shaped.languages), "item": list(shaped.ids)},
        method="evaluation.accuracy",
        parameters={
            "format": format,
            "shots": shots,
            "tokens": most,
            "truncate": truncate,
            "batch_size": size,
            "level": level,
            **recorded(scales),
        },
        model=model.info,
        corpus=shaped.info,
        seed=seed,
        attrs={
            "aligned": int(shaped.aligned),
            "fixed_labels": 0,
            "item_kind": "generate",
            "item_format": format,
            "reads": answers.reads,
            **attrs,
        },
        owners={"accuracy": ("low", "high")},
    )


@dataclass(frozen=True)
class _Answers:
    """What was written, as tables [language, item]; and the counts [language] of answers that did not end."""

    text: np.ndarray
    parsed: np.ndarray
    gold: np.ndarray
    correct: np.ndarray
    unfinished: np.ndarray
    reads: str


def _prompts(model: Model, task: Task, tokens: int, truncate: bool) -> tuple[list[Encoded], np.ndarray]:
    """The prompts of all items, cut on the left where they leave no room; and how many were cut, [language]."""
    texts = {
        language: tuple(str(contexts[row]) for row in task.present(language))
        for language, contexts in task.context.items()
    }
    corpus = Corpus({code: rows for code, rows in texts.items() if rows}, aligned=False, source=task.name)
    encoded = encode(model.tokenizer, corpus, max_length=10**9, n_embedded=model.n_embedded)
    longest = model.n_context - tokens
    if longest < 1:
        raise TooLarge(f"tokens={tokens} leaves no room for a prompt; {model.name!r} takes {model.n_context} in all")
    prompts, cut = [], np.zeros(len(task.languages), dtype=int)
    for text in encoded:
        item = task.ids[task.present(text.language)[text.row]]
        if len(text.ids) > longest and not truncate:
            raise TooLarge(
                f"{task.name}, {text.language}, item {item!r} has {len(text.ids)} tokens; {model.name!r} has room for "
                f"{longest} beside {tokens} of the answer; truncate=True drops the first ones"
            )
        cut[task.languages.index(text.language)] += len(text.ids) > longest
        prompts.append(Encoded(text.ids[-longest:], text.language, text.row))
    return prompts, cut


def _read(model: Model, task: Task, encoded: list[Encoded], rows: list[list[int]]) -> _Answers:
    """What is read from the ids that were written, and whether it is right."""
    shape = (len(task.languages), len(task))
    counted = {
        language: [
            [options[place] for place in sorted(gold)] if options else []
            for options, gold in zip(own, task.gold, strict=True)
        ]
        for language, own in task.options.items()
    }
    numbers = are_numbers([answer for own in counted.values() for answers in own for answer in answers])
    text, parsed, gold = (np.full(shape, "", dtype=object) for _ in range(3))
    correct, unfinished = np.full(shape, np.nan), np.zeros(shape[0], dtype=int)
    ends = _end_ids(model)
    for prompt, ids in zip(encoded, rows, strict=True):
        item, k = task.present(prompt.language)[prompt.row], task.languages.index(prompt.language)
        whole = model.tokenizer.decode(ids, skip_special_tokens=True)
        line = whole.split(_STOP)[0]
        answers = counted[prompt.language][item]
        text[k, item], gold[k, item] = line, "\n".join(answers)
        parsed[k, item] = last_number(line) if numbers else normalized(line)
        correct[k, item] = is_right(parsed[k, item], answers, numbers=numbers)
        unfinished[k] += _STOP not in whole and ends.isdisjoint(ids)
    reads = "numbers" if numbers else "texts"
    return _Answers(text.astype(str), parsed.astype(str), gold.astype(str), correct, unfinished, reads)


def _end_ids(model: Model) -> set[int]:
    """The ids that end a text."""
    ids = model.module.generation_config.eos_token_id
    return set() if ids is None else {ids} if isinstance(ids, int) else set(ids)
