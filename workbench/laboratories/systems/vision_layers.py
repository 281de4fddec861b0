"""Vision layers: a language model learns to see in some languages, then layers are tuned on text, and seen again."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from workbench.arguments import checked, whole_number
from workbench.errors import BadCorpus
from workbench.laboratories.base import materials, read_base
from workbench.laboratories.bench import Plain
from workbench.laboratories.parts.data import distinct_languages, questions
from workbench.laboratories.parts.objectives import answers
from workbench.laboratories.provenance import recorded
from workbench.laboratories.recipe import Control, Materials, Recipe
from workbench.laboratories.run import run
from workbench.laboratories.training.limits import require
from workbench.laboratories.training.loop import train
from workbench.laboratories.vision.measure import picture_choice
from workbench.laboratories.vision.pictures import QUESTIONS, draw_all
from workbench.laboratories.vision.questions import check_words, picture_questions
from workbench.laboratories.vision.seeing import picture_answers, seeing, text_layers, vision_part
from workbench.laboratories.vision.stage import seen, seen_sentence
from workbench.laboratories.windows.plan import named, planned

QUICK = {"seeds": 1, "steps": 2, "vision_steps": 12, "pictures": 6}


# Long: two trainings, each with its own options.
@checked
def vision_layers(
    base: Any = "polyglot",
    *,
    trained: str | Sequence[str] = ("de", "fr", "ja"),
    vision_steps: int = 600,
    vision_batch: int = 4,
    vision_rate: float = 4e-3,
    parameters: float = 0.14,
    score: xr.Dataset | None = None,
    chosen: Sequence[int] | None = None,
    steps: int = 40,
    batch: int = 16,
    rate: float = 3e-4,
    pictures: int = 35,
    controls: Sequence[str] | Mapping[str, Control] = ("shuffled",),
    seeds: int = 3,
    quick: bool = False,
    progress: bool = True,
    seed: int = 0,
    words: Any = "words",
    corpus: Any = "parallel",
    languages: str | Sequence[str] | None = None,
    tokenizer: Any = None,
) -> xr.Dataset:
    """Teach a language model to see in some languages, then tune layers of it on text, and measure seeing in all.

    Stage 1: a small vision tower and a projector are put before the model (LLaVA) and trained on drawn pictures with
    the model frozen: `Français: "` behind a picture is answered by the colour of its squares, and once more by their
    number. Stage 2: the chosen layers of the model are tuned on questions for translations of words between all
    languages, none of which is a word for a colour or a number; no picture is read. Then seeing is measured again.

    Args:
        base: as of `run`.
        trained: languages of stage 1.
        vision_steps: updates of stage 1.
        vision_batch: rows of such an update, of 128 tokens, about 40 questions in all.
        vision_rate: highest learning rate of stage 1.
        parameters: largest share of the model's parameters that stage 2 trains.
        score: of the layers, as `layer_score` gives it; made of the neurons that `ternary` calls specific when None.
        chosen: neighbouring layers to tune instead of those that the score chooses.
        steps: updates of stage 2.
        batch: rows of such an update, of 128 tokens.
        rate: highest learning rate of stage 2.
        pictures: that are measured, of other draws than those trained on; 35 have each colour and count once.
        controls: of stage 2, as of `run`.
        seeds: trainings of stage 2 after one of stage 1.
        quick: few steps and pictures, one seed, to see that it runs; no numbers to believe.
        words: as of `run`; with the seven colours and five numbers.
        corpus: as of `run`.
        languages: as of `run`.
        tokenizer: as of `run`.

    Returns:
        As of `run` for stage 2, with the measures `colour` and `count`: whether the right word has the highest
        probability among the seven, or five, of its language. `before` is after stage 1. Of stage 1: `right[shown,
        measure, language]`, the share of right answers by what was shown (`own` picture; `blank`; `swapped`, another
        picture of another colour and count), with `low`, `high`; `follows[measure, language]`, answers that
        name what the swapped picture shows; `vision_loss[vision_step]`. Attributes `first`, `last`, `trained`,
        `finding`.

    Raises:
        As `run`; UnknownLanguage, BadCorpus: the words lack a language of stage 1, a colour or a number;
            BrokenModel: the tokenizer has no token that can stand for a picture.

    Source:
        After PLAST (arXiv 2508.18381), which tunes vision-language models; this toy, its task and controls are ours.

    Example:
        >>> result = vision_layers(quick=True)                                                   # doctest: +SKIP
        >>> result.right.sel(shown="own", measure="colour").to_series()                          # doctest: +SKIP
    """
    whole_number("pictures", pictures, at_least=6)
    require(steps=steps, batch=batch, rate=rate, seeds=seeds)
    require(vision_steps=vision_steps, vision_batch=vision_batch, vision_rate=vision_rate)
    trained = distinct_languages(trained, name="trained")
    if quick:
        seeds, steps, vision_steps, pictures = (QUICK[name] for name in ("seeds", "steps", "vision_steps", "pictures"))
    read = read_base(base, tokenizer)
    made = materials(read, words=words, corpus=corpus, languages=languages)
    check_words(made.words, [*made.words.columns, *trained])
    plan = planned(read, made.corpus, parameters, score=score, chosen=chosen)
    drawn = draw_all(np.random.default_rng((seed, 1)), limit=pictures)
    look = Recipe("vision", picture_questions(trained), picture_answers(), vision_part(), vision_steps, vision_batch)
    whole = seeing(read.fresh(), read.tokenizer, seed=seed)
    loss = train(whole, look.but(rate=vision_rate), made, seed=seed)
    stage = seen(Plain(whole.requires_grad_(False), read.tokenizer), drawn, made.words, loss)
    result = run(
        Recipe("vision_layers", questions(), answers(), text_layers(plan.layers), steps, batch).but(rate=rate),
        whole,
        measures=[picture_choice(drawn, made.words, question) for question in QUESTIONS],
        controls=controls,
        seeds=seeds,
        words=untested(made),
        corpus=corpus,
        languages=list(made.words.columns),
        tokenizer=read.tokenizer,
        progress=progress,
        seed=seed,
    )
    stage_1 = {"vision_steps": vision_steps, "vision_batch": vision_batch, "vision_rate": vision_rate}
    made_with = {**stage_1, "trained": list(trained), "layers": plan.layers, "pictures": pictures}
    result = recorded(result, made_with, model=read.info)
    result = plan.add_to(result.assign(stage)).assign_attrs(trained=",".join(trained), base=read.name)
    return result.assign_attrs(finding=f"{seen_sentence(result)} {result.attrs['finding']} ({named(plan.layers)})")


def untested(made: Materials) -> pd.DataFrame:
    """The words without those that answer a question about a picture, so that tuning on text does not teach them.

    Raises:
        BadCorpus: no others are left.
    """
    answered = [concept for concepts in QUESTIONS.values() for concept in concepts]
    others = made.words.drop(index=answered)
    if others.empty:
        raise BadCorpus("the words have colours and numbers alone; stage 2 needs others to translate")
    return others
