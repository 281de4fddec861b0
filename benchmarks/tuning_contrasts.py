"""Does tuning on mixed languages lower knowledge barriers, and does tuning on all languages close a gap between them?

    python benchmarks/tuning_contrasts.py {barriers,cypher} [--quick] [--seeds 3] [--jobs 1] [--cache DIR] [--out FILE]

Two contrasts of the papers at a small scale, on the shipped polyglot. Conditions read equally many tokens; all weights
are tuned with the optimizer of the shipped twin. The design was fixed after a look at the base alone, and was not
changed after a result.

barriers: drop of accuracy, and of the margin (log-probability of the right option less that of the likeliest wrong
  one), when the question, the options or the right option alone change their language. Items are shipped words as
  texts (cloze): the base has 1.00 in English and drops of about 0.09 (question), 0.04 (options), 0.38 (right option);
  with letters it is at chance, so that nothing could drop. A document is four neighbouring rows of the train half of
  parallel.tsv, in English alone, or with the language drawn uniformly by document, by sentence, or by 8 words (of the
  English sentence; a translation is cut at the same shares of its characters, at spaces where it has some).
  The measure is the mean drop over question and options: there no option stands out by its language. The right option
  alone is also the odd one out, so it is read beside `onewrong`. The English text is read about 17 times, the others
  less often, as there is more of them: repetition is a part of this contrast, as it would not be in the paper's.
cypher: loss of the right query, whether it is likeliest of four, exact match and execution, by the question's language;
  all other words are English. Tuned on the 48 train questions with their queries, in English alone or each time in a
  language drawn uniformly of twelve; the loss covers the query. The names of the test never fill that kind of question
  in training. The base writes no query that runs. The rate is about three times the twin's, since the base has to
  learn a language that it never saw in a few steps. `gap` is English less the mean of the other languages.

Intervals draw items, each with all its languages, and seeds. Three seeds say little of how seeds vary, so whether the
sign is that of the mean in each of them stands beside.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["HF_HUB_OFFLINE"] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

import workbench as wb
from workbench import shipped
from workbench.results.files import write_whole
from workbench.training.tune import Document, Draw, Tuning, tune

BASE, ENGLISH = "base", "English alone"
VARIANTS = ("question", "options", "gt", "onewrong")
METRICS = ("nll", "ranked", "exact", "executed")
Scores = Mapping[str, np.ndarray]  # by measure, [item]: means over languages


@dataclass(frozen=True)
class Contrast:
    """Conditions, what is measured of a model, and how much is run.

    Attributes:
        conditions: name to the draw of documents.
        measure: a model's scores.
        recipe: of the tuning, but for the seed.
        means: measures of which every condition's mean is shown.
        differences: measures whose difference to the English condition is shown.
    """

    conditions: Mapping[str, Draw]
    measure: Callable[[wb.model.Model], Scores]
    recipe: Mapping[str, float]
    means: Sequence[str]
    differences: Sequence[str]


def barriers(quick: bool) -> Contrast:
    """Text mixed by unit against English text."""
    corpus = wb.load_corpus("parallel", split="train")
    languages, texts = list(corpus.languages), corpus.texts
    measured = ["de", "ja"] if quick else ["de", "es", "ja", "ru"]
    task = wb.load_task("words", languages=["en", *measured], limit=8 if quick else 48)

    def by(unit: str) -> Draw:
        def draw(rng: np.random.Generator) -> str:
            start = int(rng.integers(len(texts["en"]) - 3))
            whole, sentences = str(rng.choice(languages)), []
            for row in range(start, start + 4):
                count = -(-len(texts["en"][row].split()) // 8) if unit == "8 words" else 1
                own = [whole if unit == "document" else str(rng.choice(languages)) for _ in range(count)]
                own = ["en"] * count if unit == "English" else own
                parts = [pieces(texts[language][row], count)[place] for place, language in enumerate(own)]
                sentences.append(" ".join(part for part in parts if part))
            return "\n".join(sentences)

        return draw

    conditions = {ENGLISH: by("English")} | {
        f"mixed by {unit}": by(unit) for unit in ("document", "sentence", "8 words")
    }
    recipe = {"steps": 2 if quick else 24, "batch": 8, "length": 128}
    drops = [f"drop, {name}" for name in VARIANTS]
    differences = ["mean drop", "drop, gt", "mean margin drop", "margin drop, gt"]
    return Contrast(
        conditions,
        lambda model: barrier_scores(model, task, measured),
        recipe,
        ["accuracy in English", *drops, "mean drop", "mean margin drop", "margin drop, gt"],
        differences,
    )


def pieces(text: str, count: int) -> list[str]:
    """A text in `count` parts of about equal length, cut at spaces where it has some."""
    if count <= len(words := text.split(" ")):
        return [" ".join(part) for part in np.array_split(np.array(words, dtype=object), count)]
    ends = np.linspace(0, len(text), count + 1).round().astype(int)
    return [text[begin:end] for begin, end in pairwise(ends)]


def barrier_scores(model, task, languages: Sequence[str]) -> Scores:
    """Drops from English of accuracy and of the margin, by variant: the means over languages of each item."""

    def answers(own) -> tuple[np.ndarray, np.ndarray]:
        result = wb.evaluation.accuracy(model, own, answer_only=False, progress=False)
        score, gold = result["score"].to_numpy(), result["gold"].to_numpy().astype(bool)
        right, wrong = np.where(gold, score, -np.inf).max(-1), np.where(gold, -np.inf, score).max(-1)
        absent = np.isnan(score).any(-1)
        return result["correct"].to_numpy(), np.where(absent, np.nan, right - wrong)

    right, margin = answers(task.select("en"))
    scores = {"accuracy in English": right[0]}
    for name in VARIANTS:
        own_right, own_margin = answers(wb.evaluation.mixed(task, name, languages=languages))
        scores[f"drop, {name}"] = np.nanmean(right - own_right, 0)
        scores[f"margin drop, {name}"] = np.nanmean(margin - own_margin, 0)
    for kind in ("drop", "margin drop"):
        scores[f"mean {kind}"] = (scores[f"{kind}, question"] + scores[f"{kind}, options"]) / 2
    return scores


def cypher(quick: bool) -> Contrast:
    """Questions in all languages against English questions."""
    queries = wb.load_task("cypher", split="train").queries
    test = wb.load_task("cypher", languages=["en", "de"] if quick else ["en", "es", "tr", "zh"])
    test = wb.load_task("cypher", languages=list(test.languages), limit=3) if quick else test
    items, languages = list(queries.gold), list(queries.question)

    def by(codes: Sequence[str]) -> Draw:
        def draw(rng: np.random.Generator) -> Document:
            item = items[int(rng.integers(len(items)))]
            return queries.context("en", str(rng.choice(codes)), item), f" {queries.gold[item]}"

        return draw

    def measure(model) -> Scores:
        result = wb.evaluation.cypher(model, test, prompt_languages="en", rank=True, tokens=64, progress=False)
        scores = {}
        for name in METRICS:
            values = result[name].sel(prompt_language="en")
            others = values.drop_sel(language="en").mean("language").to_numpy()
            english = values.sel(language="en").to_numpy()
            scores |= {f"{name}, en": english, f"{name}, others": others, f"{name}, gap": english - others}
        return scores

    return Contrast(
        {ENGLISH: by(["en"]), "all languages": by(languages)},
        measure,
        {"steps": 2 if quick else 40, "batch": 8, "length": 256, "rate": 1e-3},
        [f"{name}, {where}" for name in METRICS for where in ("en", "others")],
        [f"{name}, gap" for name in METRICS] + ["nll, others", "executed, others"],
    )


def scores_of(kind: str, quick: bool, cache: Path, case: tuple[str, int]) -> Scores:
    """Scores of the model that is tuned in a condition from a seed, or of the base; read where they were stored."""
    contrast, base, (name, seed) = CONTRASTS[kind](quick), shipped.folder("polyglot"), case
    path = cache / f"{'quick-' * quick}{kind}-{name.replace(' ', '_')}-{seed}.json"
    if path.exists():
        return {measure: np.array(values) for measure, values in json.loads(path.read_text(encoding="utf-8")).items()}
    with tempfile.TemporaryDirectory() as folder:
        if name != BASE:
            recipe = Tuning(**contrast.recipe, seed=seed)
            tune(base, contrast.conditions[name], out=folder, recipe=recipe, progress=False)
        scores = contrast.measure(wb.load_model(base if name == BASE else folder))
    write_whole(path, json.dumps({measure: values.tolist() for measure, values in scores.items()}))
    print(f"{name}, seed {seed}", file=sys.stderr, flush=True)
    return scores


CONTRASTS = {"barriers": barriers, "cypher": cypher}


def difference(after: np.ndarray, before: np.ndarray, *, draws: int = 2000) -> tuple[float, float, float, int]:
    """Mean of paired differences of scores [seed, item], 95% interval, and number of seeds with the mean's sign."""
    change, rng = after - before, np.random.default_rng(0)
    change = change[:, ~np.isnan(change).any(0)]
    seeds, items = change.shape
    drawn = [change[rng.integers(seeds, size=seeds)][:, rng.integers(items, size=items)].mean() for _ in range(draws)]
    low, high = np.quantile(drawn, (0.025, 0.975))
    mean = change.mean()
    return float(mean), float(low), float(high), int((change.mean(1) * mean > 0).sum())


def tables(contrast: Contrast, scores: Mapping[str, Sequence[Scores]]) -> list[str]:
    """Means of every condition, then differences to the English one, as lines of Markdown."""
    lines = ["| tuned on | " + " | ".join(contrast.means) + " |", "|---|" + "---|" * len(contrast.means)]
    for name, own in scores.items():
        means = [f"{np.nanmean([each[measure] for each in own]):.3f}" for measure in contrast.means]
        lines.append(f"| {'not tuned' if name == BASE else name} | {' | '.join(means)} |")
    lines += [
        "",
        f"| measure | against {ENGLISH} | difference | 95% interval | seeds of that sign |",
        "|---|---|---|---|---|",
    ]
    for measure in contrast.differences:
        for name in list(contrast.conditions)[1:]:
            stacked = [np.stack([each[measure] for each in scores[own]]) for own in (name, ENGLISH)]
            mean, low, high, agreeing = difference(*stacked)
            seeds = f"{agreeing} of {len(stacked[0])}"
            lines.append(f"| {measure} | {name} | {mean:+.3f} | {low:+.3f} to {high:+.3f} | {seeds} |")
    return lines


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("contrast", choices=("barriers", "cypher"))
    parser.add_argument("--quick", action="store_true", help="one seed, a few steps and items: shows that it runs")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=1, help="models side by side")
    parser.add_argument("--cache", type=Path, help="folder of scores: a run that was stopped goes on from it")
    parser.add_argument("--out", type=Path, help="also write the tables here")
    given = parser.parse_args()
    contrast = CONTRASTS[given.contrast](given.quick)
    seeds = 1 if given.quick else given.seeds
    cases = [(BASE, 0), *((name, seed) for seed in range(seeds) for name in contrast.conditions)]
    scores: dict[str, list[Scores]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        work = partial(scores_of, given.contrast, given.quick, given.cache or Path(temporary))
        with ProcessPoolExecutor(given.jobs, mp_context=get_context("spawn")) as pool:
            for (name, _), own in zip(cases, pool.map(work, cases), strict=True):
                scores.setdefault(name, []).append(own)
    recipe = Tuning(**contrast.recipe)
    items = len(next(iter(scores[BASE][0].values())))
    note = f"{seeds} seeds, {recipe.tokens:,} tokens each, highest rate {recipe.rate:g}, {items} items."
    text = "\n".join([*tables(contrast, scores), "", note]) + "\n"
    print(text, end="")
    if given.out:
        write_whole(given.out, text)


if __name__ == "__main__":
    main()
