"""Teachers: languages in which a model answers well teach those in which it does not, without labels."""

from collections.abc import Sequence
from typing import Any, Literal

import xarray as xr

from workbench.arguments import checked, one_of
from workbench.laboratories.inside.inside import Inside
from workbench.laboratories.parts.data import distinct_languages
from workbench.laboratories.parts.options.items import option_items
from workbench.laboratories.parts.options.lesson import Lesson, probabilities
from workbench.laboratories.parts.options.match import match_options
from workbench.laboratories.parts.options.vote import select_teachers
from workbench.laboratories.parts.trainables import everything
from workbench.laboratories.provenance import recorded
from workbench.laboratories.recipe import Recipe, Trainable
from workbench.laboratories.run import run
from workbench.laboratories.training.limits import require
from workbench.laboratories.training.planting import planted
from workbench.text.tasks.words import words_task

CONTROLS = ("shuffled", "random_teachers", "vote", "released")
QUICK = {"seeds": 1, "steps": 2, "batch": 4, "planting": 4, "items": 4, "unlabelled": 24}


# Long: the base's planting, the recipe and what is measured have options of their own.
@checked
def teachers(
    base: Any = "polyglot",
    *,
    weak: str | Sequence[str] = ("fi", "tr"),
    planting: int = 60,
    variant: Literal["paper", "released"] = "paper",
    trainable: Trainable | None = None,
    steps: int = 40,
    batch: int = 16,
    rate: float = 3e-4,
    items: int = 48,
    unlabelled: int | None = None,
    controls: Sequence[str] = CONTROLS[:3],
    seeds: int = 3,
    quick: bool = False,
    inside: Inside | None = None,
    progress: bool = True,
    seed: int = 0,
    **materials: Any,
) -> xr.Dataset:
    """Select languages by agreement, and let them teach the others.

    First, unless `planting` is 0, the base is trained on questions for translations (`(Hund) = Suomi? "`) between all
    languages but the weak ones; so it is known which ones a selection should leave out. Then the base chooses among
    four words in every language, `select_teachers` selects the teachers, and the other languages are trained so that
    their probabilities of the four words become the teachers' mean. No label is used.

    Args:
        base: as of `run`.
        weak: languages left out of the planting.
        planting: updates of the planting; 0 takes the base as it is.
        variant: `"released"` trains pairs of languages with the loss of the paper's code, see `match_options`.
        trainable: what is trained; everything when None.
        steps: updates.
        batch: rows of an update, of 128 tokens.
        rate: highest learning rate.
        items: held-out items of each language that are measured.
        unlabelled: most items that are voted on and trained with; all words when None.
        controls: `"shuffled"`, each item with the teachers' answer to another; `"random_teachers"`, as many teachers
            drawn at random, anew in each seed, and the rest taught; `"vote"`, cross-entropy on the majority's answer;
            `"released"`, the other variant's data and loss.
        seeds: trainings of each condition.
        quick: one seed, few steps and items, to see that it runs; no numbers to believe.
        inside: as of `run`.
        **materials: `words`, `corpus`, `languages`, `tokenizer` of `run`.

    Returns:
        As of `run`, with the measures choice (of four words) and exact match, each into the taught languages and into
        the teachers; and `agreement[language]`, `teacher[language]` of `select_teachers`. The attributes `taught` and
        `planted_weak` list languages; `selection` is 1 where they are the same, 0 where not, -1 without planting.

    Raises:
        As `run`; BadArgument: an unknown control, or all languages agree equally, so that there is no teacher.

    Source:
        ALSACE (arXiv 2404.08491); its tasks and model are replaced by words, see the page.

    Example:
        >>> result = teachers(weak=["fi", "tr"])                                                 # doctest: +SKIP
        >>> result.attrs["finding"]                                                              # doctest: +SKIP
    """
    names = [one_of("controls", name, CONTROLS) for name in controls]
    weak = distinct_languages(weak, name="weak", least=0)
    require(planting=planting, steps=steps, batch=batch, items=items, seeds=seeds, unlabelled=unlabelled, rate=rate)
    if quick:
        seeds, steps, batch, items = (QUICK[name] for name in ("seeds", "steps", "batch", "items"))
        planting, unlabelled = min(planting, QUICK["planting"]), QUICK["unlabelled"]
    made, info = planted(base, weak, steps=planting, seed=seed, **materials)
    words = words_task(made.words)
    task = option_items(made, words.limit(unlabelled))
    answers = probabilities(made, task, progress=progress)
    selection = select_teachers(answers, seed=seed)
    lesson = Lesson(words, task, answers, selection)
    recipe = Recipe("teachers", lesson.data(), match_options(), trainable or everything(), steps, batch, rate=rate)
    result = run(
        lesson.released(recipe, made) if variant == "released" else recipe,
        made.base,
        measures=lambda materials: lesson.measures(materials, items),
        controls={control: getattr(lesson, control) for control in names},
        seeds=seeds,
        inside=inside,
        progress=progress,
        seed=seed,
        **{**materials, "tokenizer": made.tokenizer, "words": made.words},
    )
    result = recorded(result, {"variant": variant, "items": items, "unlabelled": unlabelled}, model=info)
    return described(result, selection, weak if planting else ())


def described(result: xr.Dataset, selection: xr.Dataset, weak: Sequence[str]) -> xr.Dataset:
    """The Result with the selection, and whether it left out exactly the languages that were planted as weak."""
    chosen = {str(code): bool(value) for code, value in selection.teacher.to_series().items()}
    students = [code for code, own in chosen.items() if not own]
    names = ["agreement", "agreement_low", "agreement_high", "teacher"]
    exact = int(set(students) == set(weak)) if weak else -1
    sentence = f"Taught: {', '.join(students)}, which agree with the vote no more than the mean language"
    planted_so = {1: ", exactly those that were planted as weak.", 0: f"; planted as weak: {', '.join(weak)}.", -1: "."}
    attributes = {"taught": ", ".join(students), "planted_weak": ", ".join(weak), "selection": exact}
    finding = f"{sentence}{planted_so[exact]} {result.attrs['finding']}"
    merged = result.assign(selection[names].reindex(language=result.language))
    return merged.assign_attrs(**attributes, finding=finding)
