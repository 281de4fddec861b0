"""Head scores: functions of a model and a corpus, looked up by name and checked when they return."""

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from workbench.arguments import checked, one_of, shown
from workbench.errors import BadArgument, BadResult
from workbench.heads.groups import AXES
from workbench.heads.score_draws import per_layer, samples_of
from workbench.model.model import Model
from workbench.results import scores
from workbench.results.make import ROLE, SCORE
from workbench.text.corpus import Corpus

HeadScore = Callable[[Model, Corpus], xr.Dataset]
"""How much each language needs each head: a Dataset with one variable [language, layer, head] whose attribute `role` is
"score"; higher means that the language needs the head more. `score_result` makes such a Dataset."""

HeadScores = Sequence[str | HeadScore] | Mapping[str, str | HeadScore]
"""Head scores by name: names of built-in ones and functions, which go by their own names, or a dict of either."""


@checked
def score_result(model: Model, corpus: Corpus, values: Sequence[Any], *, name: str, unit: str = "") -> xr.Dataset:
    """Label your own score of heads, with provenance, so that every function that takes a score takes it.

    Args:
        model: the scored model.
        corpus: the texts it was scored on.
        values: for each language of the corpus, in its order, [layer, head], higher where the language needs the head
            more; or [sample, layer, head] with a table for each of its texts, whose mean is then the score.
        name: of the score and of its variable.
        unit: of its numbers, such as "nats".

    Returns:
        `{name}[language, layer, head]`, marked as the score by its attribute `role`. Where texts were scored one by
        one, `sample_{name}[language, sample, layer, head]`, NaN where a language has fewer texts than another, and
        `low`, `high`, the bootstrap 95 % interval over texts, in the score's unit.

    Raises:
        BadArgument: not a table for each language, one of another shape, or a number that is not finite.

    Example:
        >>> depth = np.repeat(np.arange(model.n_layers)[:, None], model.n_heads, 1)              # doctest: +SKIP
        >>> wb.heads.score_result(model, corpus, [depth] * len(corpus.languages), name="depth")  # doctest: +SKIP
    """
    shape = (model.n_layers, model.n_heads)
    return scores.score_result(values, name, unit, axes=AXES[1:], shape=shape, model=model.info, corpus=corpus)


def named(
    option: str, given: HeadScores, built_in: Mapping[str, HeadScore], *, reserved: Collection[str] = ()
) -> dict[str, HeadScore]:
    """Head scores by name, in the order in which they are given, under names that are not `reserved`.

    Raises:
        BadArgument: no such built-in score, a function without a name or with that of another, or one that does not
            take a model and a corpus.
    """
    pairs = given.items() if isinstance(given, Mapping) else ((_own_name(option, score), score) for score in given)
    by_name: dict[str, HeadScore] = {}
    for name, score in pairs:
        if isinstance(score, str):
            score = built_in[one_of(option, score, built_in)]
        elif name in (*built_in, *reserved):
            raise BadArgument(
                f"{option}: a function is called {name!r}, which is the name of a score that is built in; give a dict "
                f"with another name, such as {{'my_{name}': function}}"
            )
        else:
            try:
                inspect.signature(score).bind(None, None)
            except (TypeError, ValueError) as error:
                raise BadArgument(f"{option}: {name!r} does not take a model and a corpus: {error}") from None
        if by_name.setdefault(name, score) is not score:
            raise BadArgument(f"{option}: two scores are called {name!r}; give a dict of names and functions")
    return by_name


def measured(name: str, score: HeadScore, model: Model, corpus: Corpus) -> tuple[xr.DataArray, np.ndarray | None]:
    """Run a head score: [language, layer, head], and each text's part in it [language, sample, layer, head], or None.

    Raises:
        BadResult: no Dataset, not one score in it, other languages, layers or heads, a number that is not finite, or
            samples whose mean it is not.
    """
    result = score(model, corpus)
    wanted = (
        f"a Dataset with one variable [{', '.join(AXES)}] whose attrs[{ROLE!r}] is {SCORE!r}, as score_result makes"
    )
    if not isinstance(result, xr.Dataset):
        raise BadResult(f"the head score {name!r} returned {shown(result)}; it should return {wanted}")
    stated = [each for each in result.data_vars.values() if each.attrs.get(ROLE) == SCORE and {*each.dims} == {*AXES}]
    if len(stated) != 1:
        raise BadResult(
            f"the head score {name!r} returned {len(stated)} scores (its variables: {scores.listed(result)}); it "
            f"should return {wanted}"
        )
    values = scores.read_score(result, AXES)
    languages = values["language"].values.tolist() if "language" in values.coords else []
    if sorted(map(str, languages)) != sorted(corpus.languages):
        raise BadResult(
            f"the head score {name!r} is of the languages {languages}, the corpus has {list(corpus.languages)}"
        )
    values = values.sel(language=list(corpus.languages))
    shape = (model.n_layers, model.n_heads)
    if values.shape[1:] != shape:
        raise BadResult(
            f"the head score {name!r} has {list(values.shape[1:])} layers and heads, the model {list(shape)}"
        )
    if values.dtype.kind not in "fiu" or not np.isfinite(values.values).all():
        raise BadResult(f"the head score {name!r} is not a finite number for every language, layer and head")
    samples = samples_of(result.sel(language=list(corpus.languages)), str(values.name))
    if samples is not None:
        _check_mean(name, values, samples, max(corpus.counts.values()))
    return values, samples


def _own_name(option: str, score: str | HeadScore) -> str:
    if isinstance(score, str):
        return score
    name = getattr(score, "__name__", "<lambda>")
    if name == "<lambda>":
        raise BadArgument(
            f"{option}: {shown(score)} has no name for the result; define it with def, or give a dict such as "
            "{'my_score': function}"
        )
    return name


def _check_mean(name: str, values: xr.DataArray, samples: np.ndarray, count: int) -> None:
    """Samples must be as many as the corpus's texts and have the score as their mean."""
    if samples.shape[1] != count:
        raise BadResult(f"the head score {name!r} has {samples.shape[1]} samples a language, the corpus up to {count}")
    mean = np.nanmean(samples, 1)
    mean = per_layer(mean) if values.attrs.get(scores.NORMED) == "layer" else mean
    if not np.allclose(mean, values.values, rtol=1e-3, atol=1e-6 * float(np.abs(mean).max())):
        raise BadResult(f"the head score {name!r} is not the mean of its samples, sample_{values.name}")
