"""Just Go Parallel: when, and how, should pairs of translations be read in pretraining?"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import xarray as xr

from workbench.arguments import checked, one_of
from workbench.errors import BadArgument, NotFinite
from workbench.laboratories.bench import Axes, Plain
from workbench.laboratories.inside.inside import Inside
from workbench.laboratories.inside.states import packed, unpacked
from workbench.laboratories.parts.measures import bits, by_language
from workbench.laboratories.pretraining.documents import Sources, shipped_sources
from workbench.laboratories.pretraining.excess import excesses
from workbench.laboratories.pretraining.inside_schedules import with_inside
from workbench.laboratories.pretraining.order import CONDITIONS
from workbench.laboratories.pretraining.plan import FILES, TEXT, Schedule, make_schedule
from workbench.laboratories.pretraining.toy import pretrain, toy_recipe, toy_tokenizer
from workbench.laboratories.pretraining.translation import directions, label, translates
from workbench.laboratories.pretraining.verdicts import BITS, HELD_OUT, TRAINED, finding
from workbench.laboratories.training.limits import require
from workbench.model.load import load_model
from workbench.results.make import make_result
from workbench.results.resuming.stoppable import Stoppable
from workbench.training.pretrain import make_model

BEFORE = "before"
CONTROLS = ("none", "monolingual")
QUICK = {"conditions": ("none", "last", "last_one_way"), "seeds": 1, "tokens": 40_000}
_SCORES = ("condition", "seed", "measure", "language", "sample")


# Long: languages, order, amount and what is looked at are independent choices.
@checked
def parallel_schedule(
    *,
    languages: Sequence[str] = ("de", "en", "fr"),
    conditions: Sequence[str] = CONDITIONS,
    tokens: int = 200_000,
    share: float = 0.4,
    variant: Literal["ours", "released"] = "ours",
    seeds: int = 2,
    inside: Inside | None = None,
    quick: bool = False,
    level: float = 0.95,
    progress: bool = True,
    seed: int = 0,
) -> xr.Dataset:
    """Train toy models from scratch, which read pairs of translations first, last, spread out, or not at all.

    All conditions have the same model, tokenizer and number of tokens, and read equally many from the files of pairs:
    documents such as `de: Hund`, `en: dog`. Each file lacks some words, and the first and last language have no file
    in common. A stop loses at most the training that was running.

    Args:
        languages: at least two; neighbours have a file of pairs.
        conditions: of `none` (plain text instead of files), `monolingual` (every item in one language only),
            `non_adjacent` (in both, in separate documents), `first`, `spread`, `last`, and `last_one_way` (the
            language with the earlier code always first) or `last_one_way_back`. `none` or `monolingual` must be there.
        tokens: tokens of each training.
        share: share of them that is read from the files of pairs.
        variant: `released` has the rates of the released code, which hardly fall, lets `last` start them anew, and
            shuffles the last file only.
        seeds: trainings of each condition, from `seed` on.
        inside: what `wb.laboratories.inside` gives, to look inside the models of the first seed, compared with the
            first control's.
        quick: three conditions, one seed, few tokens, to see that it runs; no numbers to believe.

    Returns:
        As `wb.laboratories.run`, with two differences: directions such as `de-en` stand on the axis `language`, and
        `excess[condition, control, measure, language]` and its companions are of every condition over `none` and
        `monolingual`. Measures: exact match of trained words (in a file of that pair), of held-out words (all, for
        languages without a file), and bits per byte. `read[condition, kind]`, tokens of plain text and of files.

    Raises:
        BadArgument: an unknown condition, one alone or no control, too few tokens, or a share that is less than a row.
        TooFewLanguages: fewer than two languages.
        UnknownLanguage: a language without shipped data.
        Interrupted: Ctrl-C, or a loss that is not finite; `partial` holds what was finished.

    Source:
        Qorib et al. 2025 (arXiv 2506.13044), its released code; a toy of 0.56 M weights, see the page.

    Example:
        >>> result = parallel_schedule(conditions=("none", "spread", "last"), seeds=1)           # doctest: +SKIP
        >>> print(result.attrs["finding"])                                                       # doctest: +SKIP
    """
    require(seeds=seeds, tokens=tokens)
    if quick:
        conditions, seeds, tokens = QUICK["conditions"], QUICK["seeds"], min(tokens, QUICK["tokens"])
    names = [one_of("conditions", name, CONDITIONS) for name in dict.fromkeys(conditions)]
    if len(names) < 2 or not set(names) & set(CONTROLS):
        raise BadArgument(f"conditions={names} has nothing to compare; give none or monolingual, and another")
    sources = shipped_sources(languages)
    options = {"tokens": tokens, "share": share, "released": variant == "released"}
    toy = Toy(sources, options, inside)
    make_schedule(names[0], sources, toy.tokenizer, **options)  # wrong options are refused before anything is trained
    rows, numbers = [BEFORE, *names], list(range(seed, seed + seeds))
    axes = Axes(toy.measured(toy.untrained(seed)))
    state: dict[str, Any] = {
        "score": np.full((len(rows), seeds, *axes.shape), np.nan),
        "loss": np.full((len(rows), seeds, toy.steps), np.nan),
        "read": np.zeros((len(rows), 2)),
        "inside": [""] * len(rows),
    }
    cells = [f"{name}/{number}" for name in rows for number in range(seeds)]
    with Stoppable("schedules", len(cells), "training", lambda: "schedules were stopped", progress=progress) as loop:
        for cell in loop.steps(cells, state, size=lambda _: 1):
            name, number = cell.rsplit("/", 1)
            try:
                toy.fill(state, axes, rows.index(name), int(number), name, numbers[int(number)], progress)
            except NotFinite as error:
                loop.stopped = f"{name}, seed {numbers[int(number)]}: {error}"
                break
    result = _result(toy, rows, numbers, axes, state, level, {**options, "variant": variant})
    if inside is not None and all(state["inside"][1:]):
        states = {name: unpacked(state["inside"][place]) for place, name in enumerate(rows) if place}
        result = with_inside(result, inside, states)
    return loop.result(result)


class Toy:
    """Makes, trains and measures the toy models of some sources."""

    def __init__(self, sources: Sources, options: Mapping[str, Any], inside: Inside | None) -> None:
        self.sources, self.options, self.inside = sources, options, inside
        self.tokenizer = toy_tokenizer(sources)
        self.steps = make_schedule("none", sources, self.tokenizer, **options).steps

    def plan(self, name: str, seed: int) -> Schedule:
        """The schedule of a condition."""
        return make_schedule(name, self.sources, self.tokenizer, **self.options, seed=seed)

    def untrained(self, seed: int) -> Any:
        """The model before any training."""
        return make_model(toy_recipe(self.steps, seed, self.tokenizer), self.tokenizer).eval()

    def fill(
        self, state: dict[str, Any], axes: Axes, place: int, row: int, name: str, seed: int, progress: bool
    ) -> None:
        """Train and measure a condition in a seed, and write what came out to its place."""
        if name == BEFORE:
            module = self.untrained(seed)
        else:
            plan = self.plan(name, seed)
            module, losses = pretrain(
                plan, self.tokenizer, seed=seed, released=self.options["released"], progress=progress
            )
            state["loss"][place, row] = losses
            state["read"][place] = [plan.tokens[TEXT], plan.tokens[FILES]]
        state["score"][place, row] = axes.table(self.measured(module))
        if self.inside is not None and row == 0 and name != BEFORE:
            state["inside"][place] = packed(self.inside.look(load_model(module, tokenizer=self.tokenizer)))

    def measured(self, module: Any) -> list[xr.DataArray]:
        """Exact match of trained and of held-out words by direction, and bits per byte by language."""
        model = Plain(module.requires_grad_(False), self.tokenizer)
        words: dict[str, dict[str, np.ndarray]] = {TRAINED: {}, HELD_OUT: {}}
        for way in directions(self.sources):
            right = translates(model.module, model.tokenizer, self.sources, *way).astype(float)
            trained = np.array([self.sources.trained(number, *way) for number in range(len(right))])
            for name, chosen in ((TRAINED, trained), (HELD_OUT, ~trained)):
                if chosen.any():
                    words[name][label(*way)] = np.where(chosen, right, np.nan)
        scores = [
            by_language(values, name, units="share", better="higher", aligned=True) for name, values in words.items()
        ]
        texts = {code: bits(model.module, model.tokenizer, texts) for code, texts in self.sources.test.texts.items()}
        return [*scores, by_language(texts, BITS, units="bits per byte", better="lower", aligned=True)]


# Long: what a result is made of.
def _result(
    toy: Toy,
    rows: list[str],
    numbers: list[int],
    axes: Axes,
    state: Mapping[str, Any],
    level: float,
    options: Mapping[str, Any],
) -> xr.Dataset:
    controls = [name for name in CONTROLS if name in rows]
    places = [rows.index(name) for name in controls]
    variables = excesses(state["score"], places, axes.better, axes.aligned, level=level, seed=numbers[0])
    result = make_result(
        {
            "score": (_SCORES, state["score"], "score of each sample before and after training [unit of the measure]"),
            **variables,
            "loss": (("condition", "seed", "step"), state["loss"], "loss of each step [nats per token]"),
            "read": (("condition", "kind"), state["read"], "what a training reads [tokens]"),
            "units": (("measure",), np.array(axes.units), "unit of each measure"),
            "better": (("measure",), axes.better, "1: a higher score is better; -1: a lower one"),
            "aligned": (("measure",), axes.aligned.astype(int), "1: sample i is the same item in every language"),
        },
        {
            "condition": rows,
            "control": controls,
            "seed": numbers,
            "measure": axes.names,
            "language": axes.languages,
            "kind": [TEXT, FILES],
        },
        method="laboratories.parallel_schedule",
        parameters={"languages": list(toy.sources.languages), "conditions": rows[1:], "seeds": len(numbers), **options},
        corpus=toy.sources.test.info,
        seed=numbers[0],
        attrs={"recipe": "parallel_schedule", "level": level},
        owners={"excess": ["p_value"]},
    )
    return result.assign_attrs(finding=finding(result))
