"""Teachers among the languages: those that agree with the others' majority vote more than the mean language does."""

import numpy as np
import xarray as xr

from workbench.arguments import checked
from workbench.errors import BadArgument, NotFinite, TooFewLanguages
from workbench.results.interval_ends import interval_ends
from workbench.results.make import make_result
from workbench.results.statistics import interval

AXES = ("language", "item", "option")


@checked
def select_teachers(probabilities: xr.DataArray, *, level: float = 0.95, seed: int = 0) -> xr.Dataset:
    """Select the languages that can teach the others, from their answers to the same items, without labels.

    Every language votes for its likeliest option. A language agrees with an item as far as its vote is the majority's,
    from which its own vote is left out. Teachers are the languages whose agreement is above the mean of all.

    Ties, in which the order of options and languages plays no part: a language with several likeliest options splits
    its vote among them; where several options lead equally, agreeing with one of n counts 1/n; a language exactly at
    the mean is no teacher, so that there are none where all agree equally.

    Args:
        probabilities: [language, item, option], of the same items and options in every language.

    Returns:
        `agreement[language]`, a share of the items, with `agreement_low`, `agreement_high` (bootstrap over items);
        `teacher[language]`; `agrees[language, item]`; `tied[language]`, items without a single leading option. The
        attribute `mean` is the mean agreement, `teachers` lists the teachers' codes.

    Raises:
        BadArgument: other axes, no item, fewer than two options, or negative values, such as log-probabilities.
        TooFewLanguages: fewer than three: of two languages each agrees as much as the other.
        NotFinite: a value is NaN or infinite; names its language and item.

    Source:
        ALSACE (arXiv 2404.08491) takes teachers by their agreement; its released code has a ranking written by hand.

    Example:
        >>> table = [[[0.9, 0.1]], [[0.8, 0.2]], [[0.3, 0.7]]]
        >>> answers = xr.DataArray(table, {"language": ["de", "fr", "tr"]}, ("language", "item", "option"))
        >>> select_teachers(answers).attrs["teachers"]
        'de, fr'
    """
    values = _values(probabilities)
    agrees, tied = agreement_by_item(values)
    agreement = agrees.mean(axis=1)
    mean = float(agreement.mean())
    teacher = (agreement > mean) & ~np.isclose(agreement, mean)
    languages = [str(code) for code in probabilities["language"].values]
    ends = interval(agrees, axis=1, level=level, seed=seed)
    what = "share of items on which the language agrees with the vote of the others"
    coords = {"language": languages}
    if "item" in probabilities.coords:
        coords["item"] = [str(item) for item in probabilities["item"].values]
    return make_result(
        {
            "agreement": (AXES[:1], agreement, what),
            **interval_ends(AXES[:1], ends, "the agreement over items", level=level, name="agreement"),
            "teacher": (AXES[:1], teacher, "whether the agreement is above the mean of all languages"),
            "agrees": (AXES[:2], agrees, "whether the vote is the others'; 1/n where n options lead equally"),
            "tied": (AXES[:1], tied.sum(axis=1), "items in which several options lead equally"),
        },
        coords,
        method="laboratories.select_teachers",
        parameters={"level": level},
        seed=seed,
        attrs={
            "mean": mean,
            "level": level,
            "teachers": ", ".join(code for code, chosen in zip(languages, teacher, strict=True) if chosen),
        },
    )


def agreement_by_item(probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far each language's vote is that of the others, [language, item], and whether several options lead there."""
    cast = votes(probabilities)
    share = leading(cast.sum(axis=0) - cast)
    return (cast * share).sum(axis=-1), (share > 0).sum(axis=-1) > 1


def votes(probabilities: np.ndarray) -> np.ndarray:
    """One vote of each language for each item, split among its likeliest options: [..., option]."""
    best = probabilities == probabilities.max(axis=-1, keepdims=True)
    return best / best.sum(axis=-1, keepdims=True)


def leading(counts: np.ndarray) -> np.ndarray:
    """1/n for each of the n options with most votes, 0 for the others: [..., option]."""
    most = np.isclose(counts, counts.max(axis=-1, keepdims=True))  # split votes, such as three thirds, are rounded
    return most / most.sum(axis=-1, keepdims=True)


def _values(probabilities: xr.DataArray) -> np.ndarray:
    if set(probabilities.dims) != set(AXES) or "language" not in probabilities.coords:
        raise BadArgument(
            f"probabilities has the axes {', '.join(map(str, probabilities.dims)) or 'none'}; give language (with its "
            "codes), item and option"
        )
    values = probabilities.transpose(*AXES).values.astype(float)
    languages, items, options = values.shape
    if languages < 3:
        raise TooFewLanguages(f"a vote of the others needs three languages or more, and there are {languages}")
    if not items or options < 2:
        raise BadArgument(f"{items} items with {options} options; give an item or more, with two options or more")
    if not np.isfinite(values).all():
        row, item, _ = np.argwhere(~np.isfinite(values))[0]
        raise NotFinite(f"a probability of {probabilities['language'].values[row]}, item {item}, is not finite")
    if (values < 0).any():
        raise BadArgument("probabilities has negative values; give probabilities, not their logarithms")
    return values
