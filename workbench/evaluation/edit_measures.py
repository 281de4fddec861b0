"""Measures: what is measured again under every edit, as a number of each item whose mean is that of a language.

A rate that is no mean over items (agreement beyond what accuracies imply; a share of the responses that count) is
linearized: an item's number is the rate plus its influence on it. The mean is exactly the rate, and intervals and
tests over items are those of the delta method.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from workbench.errors import BadArgument, BadCorpus
from workbench.evaluation.accuracy import encoded, golds, lengths, scored
from workbench.evaluation.consistency import comparable
from workbench.evaluation.picks import picked
from workbench.evaluation.responses.passes import WORD_LANGUAGES, Passes, named, passes
from workbench.evaluation.responses.respond import check_options, check_prompts, respond
from workbench.evaluation.rules import right
from workbench.evaluation.scoring.formats import Format
from workbench.model.model import Model
from workbench.text.corpus import digest
from workbench.text.languages import check
from workbench.text.tasks.task import Task
from workbench.text.tokens.segment import Segmenters

OfTask = Literal["accuracy", "agreement", "consistency"]
OfPrompts = Literal["line_pass", "word_pass", "lines_right"]
NOUNS = {
    "accuracy": "accuracy",
    "agreement": "agreement with the other languages",
    "consistency": "agreement with the other languages beyond what the accuracies imply",
    "line_pass": "share of responses all of whose lines are in the language",
    "word_pass": "share of these without an English word",
    "lines_right": "mean share of a response's lines that are in the language",
}


@dataclass(frozen=True)
class Measure:
    """A number of each language that can be measured again.

    Attributes:
        name: of `NOUNS`.
        read: measures the model as it is now: [language, item], NaN where a language has fewer items; the second
            array counts the responses that were skipped, [language], and is None for a task.
        languages: codes.
        items: names of the items.
        corpus: what provenance records of the task or the prompts.
        parameters: what provenance records of the measure.
    """

    name: str
    read: Callable[[], tuple[np.ndarray, np.ndarray | None]]
    languages: list[str]
    items: list[Any]
    corpus: Mapping[str, Any]
    parameters: Mapping[str, Any]


def of_task(
    model: Model, task: Task, name: OfTask, *, format: Format, normalize: str, shots: int, truncate: bool, size: int
) -> Measure:
    """Accuracy of a task, or the agreement of each language's picks with those of the others.

    Args:
        model: the model.
        task: of kind choice; for agreement and consistency aligned, with two languages or more.
        name: of the measure.
        format: as of `accuracy`.
        normalize: as of `choose`.
        shots: as of `accuracy`.
        truncate: as of `accuracy`.
        size: items side by side.

    Raises:
        BadTask: a generated task.
        BadResult, TooFewLanguages: agreement is not defined; see `consistency`.
    """
    shaped, parts = encoded(
        model, task, format=format, shots=shots, answer_only=normalize == "unconditional", truncate=truncate
    )
    parts.pop("blind", None)
    sizes, gold = lengths(shaped, parts["score"]), golds(shaped)
    if name != "accuracy":
        present = ~np.isnan(sizes["tokens"])
        whole, options = comparable(
            np.any(present, -1), present, gold, aligned=shaped.aligned, languages=list(shaped.languages)
        )

    def read() -> tuple[np.ndarray, None]:
        tables = scored(model, parts, shaped, size, progress=False)
        choice = picked({**sizes, **tables}, normalize)
        if name == "accuracy":
            return right(choice, gold), None
        values = np.full(choice.shape, np.nan)
        own = choice[:, whole], gold[whole]
        values[:, whole] = agreement(own[0]) if name == "agreement" else consistency(*own, options)
        return values, None

    parameters = {"format": format, "normalize": normalize, "shots": shots, "truncate": truncate, "batch_size": size}
    return Measure(name, read, list(shaped.languages), list(shaped.ids), shaped.info, parameters)


def agreement(choice: np.ndarray) -> np.ndarray:
    """The share of the other languages that pick the same option, [language, item], from picks [language, item]."""
    same = (choice[:, None] == choice[None]).astype(float)  # [language, other, item]
    return (same.sum(1) - 1) / (len(choice) - 1)


def consistency(choice: np.ndarray, gold: np.ndarray, options: np.ndarray) -> np.ndarray:
    """The agreement of each item beyond what accuracies imply, [language, item]: its mean is that of the excess.

    Independent picks of accuracies a and b agree in ab + (1-a)(1-b)/(k-1) of the items with k options; an item's
    influence on that is its slope in a and b times how far the item's own hit is from a and b.

    Args:
        choice: picks [language, item].
        gold: the right option, [item, option] bool.
        options: of each item, [item].
    """
    hit = right(choice, gold)
    expected = np.zeros_like(hit)
    others = len(choice) - 1
    for k in np.unique(options):
        own = options == k
        accuracy = hit[:, own].mean(1, keepdims=True)
        away, wrong = hit[:, own] - accuracy, max(1, k - 1)
        rest, rest_away = accuracy.sum() - accuracy, away.sum(0) - away  # summed over the other languages
        products = accuracy * rest + (1 - accuracy) * (others - rest) / wrong
        slopes = away * (rest - (others - rest) / wrong) + rest_away * (accuracy - (1 - accuracy) / wrong)
        expected[:, own] = (products + slopes) / others
    return agreement(choice) - expected


def of_prompts(
    model: Model,
    prompts: pd.DataFrame,
    name: OfPrompts,
    *,
    identify: Callable | None,
    words: Collection[str] | None,
    segment: Segmenters | None,
    bar: float,
    responding: Mapping[str, Any],
) -> Measure:
    """A rate of `confusion`: by language, the mean over sources.

    Args:
        model: the model.
        prompts: of one task, as of `respond`.
        name: of the rate.
        identify: as of `confusion`.
        words: as of `confusion`.
        segment: as of `confusion`.
        bar: as of `confusion`.
        responding: options of `respond`.

    Raises:
        BadArgument: no `identify`, no `words` where they are needed, or an option that `respond` does not take.
        BadCorpus: no prompts, or prompts of several tasks.
    """
    check_prompts(prompts)
    check_options(respond, responding, "respond")
    if identify is None or (name == "word_pass" and words is None):
        missing = "identify" if identify is None else "words"
        raise BadArgument(f"{missing}=None; measure={name!r} needs it: see wb.evaluation.confusion")
    tasks = list(dict.fromkeys(prompts["task"])) if "task" in prompts else []
    if len(tasks) > 1:
        names = ", ".join(map(str, tasks))
        raise BadCorpus(f"prompts of several tasks ({names}); give those of one, as prompts[prompts.task == ...]")
    codes = [check(code) for code in prompts["language"]]
    own = {code: np.flatnonzero(np.array(codes) == code) for code in dict.fromkeys(codes)}
    sources = prompts["source"].to_numpy(str) if "source" in prompts else np.full(len(codes), "")
    longest = max(map(len, own.values()))

    def read() -> tuple[np.ndarray, np.ndarray]:
        texts = respond(model, prompts, **responding)["completion"].tolist()
        judged = passes(texts, codes, identify=identify, dictionary=words, segment=segment, bar=bar)
        part, whole = _fraction(judged, name)
        values = np.full((len(own), longest), np.nan)
        for row, (code, places) in enumerate(own.items()):
            if name != "word_pass" or code.split("-")[0] in WORD_LANGUAGES:
                values[row, : len(places)] = linearized(part[places], whole[places], sources[places])
        return values, np.array([(judged.lines[places] == 0).sum() for places in own.values()])

    parameters = {
        "bar": bar,
        "identify": named(identify),
        "words": 0 if words is None else len(words),
        "segmented": sorted(segment or {}),
        "respond": dict(responding),
    }
    corpus = {"source": "prompts", "hash": digest(prompts["prompt"].tolist())}
    return Measure(name, read, list(own), list(range(longest)), corpus, parameters)


def _fraction(judged: Passes, name: OfPrompts) -> tuple[np.ndarray, np.ndarray]:
    """What a rate sums over responses, and what it divides the sum by: each [response]."""
    counted = judged.lines > 0
    passed = counted & (judged.right == judged.lines)
    if name == "word_pass":
        return (passed & ~judged.english).astype(float), passed.astype(float)
    share = np.divide(judged.right, judged.lines, out=np.zeros(len(counted)), where=counted)
    return (passed.astype(float) if name == "line_pass" else share), counted.astype(float)


def linearized(part: np.ndarray, whole: np.ndarray, source: np.ndarray) -> np.ndarray:
    """Numbers [response] whose mean is the mean over sources of sum(part) / sum(whole); NaN where nothing counts."""
    _, place = np.unique(source, return_inverse=True)
    parts, wholes = np.bincount(place, part), np.bincount(place, whole)
    known = wholes > 0
    if not known.any():
        return np.full(len(part), np.nan)
    rate = np.divide(parts, wholes, out=np.zeros(len(wholes)), where=known)
    weight = np.divide(len(part) / known.sum(), wholes, out=np.zeros(len(wholes)), where=known)
    return rate[known].mean() + weight[place] * (part - rate[place] * whole)
