"""Score: how well a method's result agrees with the planted ground truth."""

import numpy as np
import xarray as xr

from workbench.arguments import checked
from workbench.errors import BadArgument
from workbench.results.average_precision import average_precision
from workbench.results.make import make_result, origin
from workbench.results.scores import is_lowest, listed, score_name

_UNITS = ("layer", "head", "neuron")


@checked
def score(result: xr.Dataset, truth: xr.Dataset, *, variable: str | None = None) -> xr.Dataset:
    """Compare a method's result with the truth of a planted model, per language and in the mean.

    What is compared depends on the result's variables. A member set (`member`, as of `roles`, `lape`, `ternary`) is
    taken as it is, and so is `onset[aspect]`, which names a layer. A score for each language and head or neuron
    (`importance`, `delta`, `effect` ...) ranks the cells: precision and recall are then of as many top cells as are
    true (where ties cross that rank, their expectation with ties broken at random), so the two are equal; NaN, not
    measured, ranks last. A score without languages beside a member set (`entropy` of `lape`, `score` of `ternary`,
    where lower is more specific) orders the members, and all others come last, tied; alone, it is compared with the
    union of all languages, as the group `any`.

    Average precision is sum_n (R_n - R_(n-1)) P_n over the distinct scores from the highest down, ties entering
    together (scikit-learn's definition). A method that gives every cell the same score gets the share of true cells:
    `chance`. Random order gets slightly more in the mean, the more so the fewer cells there are.

    Args:
        result: what a method returned.
        truth: `truth` of a planted model.
        variable: the score to read; by default the one that the result marks.
            Give it to rank by a score where the result also has members.

    Returns:
        `precision[language]`, `recall[language]`, `average_precision[language]`, `chance[language]`, `true[language]`
        and `found[language]`, counts; for models of concepts the axis is `aspect`. Attributes: `macro_precision`,
        `macro_recall` and `macro_average_precision`, the means over languages (an empty member set counts as
        precision 0), and `read`, what was read.

    Raises:
        BadArgument: nothing in `result` can be compared with `truth`, or their axes differ.

    Source:
        Average precision as in scikit-learn's `average_precision_score`.

    Example:
        >>> made = planted.heads()                                            # doctest: +SKIP
        >>> result = wb.heads.importance(made.model, made.corpus)             # doctest: +SKIP
        >>> planted.score(result, made.truth).average_precision               # doctest: +SKIP
    """
    if "member" not in truth:
        raise BadArgument("this truth has no 'member'; give the .truth of a planted model")
    group = next((str(axis) for axis in truth.member.dims if axis not in _UNITS), "language")
    units = [axis for axis in truth.member.dims if axis in _UNITS]
    if group not in truth.member.dims or not units:
        raise BadArgument(
            f"a truth has member[group, unit ...]; this one has [{', '.join(map(str, truth.member.dims))}]"
        )
    real = truth.member.transpose(group, *units)
    values, members, read = _read(result, real, group, variable)
    if values is not None and group not in values.dims:
        real = real.any(group).expand_dims({group: ["any"]})
        values = values.expand_dims({group: ["any"]})
    for array in (values, members):
        if array is not None:
            _check(array, real, group, units)
    labels = real[group].to_numpy().tolist()
    flat = [
        [None] * len(labels)
        if array is None
        else [array.sel({group: label}).transpose(*units).to_numpy().ravel() for label in labels]
        for array in (real, values, members)
    ]
    rows = [_row(true, ranking, chosen) for true, ranking, chosen in zip(*flat, strict=True)]
    precision, recall, area, chance, count, selected = np.array(rows, dtype=float).T
    made = origin(result)
    return make_result(
        {
            "precision": ((group,), precision, "share of what was found that is true"),
            "recall": ((group,), recall, "share of what is true that was found"),
            "average_precision": ((group,), area, "mean precision over the ranking of all cells"),
            "chance": ((group,), chance, "share of true cells, the average precision of a constant score"),
            "true": ((group,), count.astype(int), "number of true cells"),
            "found": ((group,), selected.astype(int), "number of cells found"),
        },
        {group: labels},
        method="planted.score",
        parameters={"read": read, "from": {"method": made.get("method"), "parameters": made.get("parameters")}},
        model=made.get("model"),
        corpus=made.get("corpus"),
        seed=made.get("seed"),
        attrs={
            "read": read,
            "macro_precision": _mean(np.where(np.isnan(precision) & (count > 0), 0.0, precision)),
            "macro_recall": _mean(recall),
            "macro_average_precision": _mean(area),
        },
    )


def _read(
    result: xr.Dataset, real: xr.DataArray, group: str, variable: str | None
) -> tuple[xr.DataArray | None, xr.DataArray | None, str]:
    """The score and the members that a result has, higher being better, and their names."""
    units = [str(axis) for axis in real.dims if axis != group]
    if variable is not None:
        if variable not in result:
            raise BadArgument(f"variable={variable!r} is not in this result (has: {', '.join(map(str, result))})")
        return _ascending(result[variable]), None, variable
    if "onset" in result and result.onset.dims == (group,):
        layers = real["layer"].to_numpy()
        hit = result.onset.to_numpy()[:, None] == layers
        return None, xr.DataArray(hit, {group: result[group].values, "layer": layers}, (group, "layer")), "onset"
    name = score_name(result, units, group=group)
    ranking = _ascending(result[name]) if name else None
    if "member" in result and set(result.member.dims) == set(real.dims):
        members = result.member.astype(bool)
        if ranking is not None and group not in ranking.dims:
            worst = float(ranking.min()) - 1
            return ranking.where(members, worst).fillna(worst), members, f"member, {name}"
        return ranking, members, f"member, {name}" if name else "member"
    if ranking is None:
        raise BadArgument(
            f"member or a score over [{', '.join(map(str, real.dims))}] is needed (attrs['role'] of its variable is "
            f"'score'); this result has {listed(result)}"
        )
    return ranking, None, str(name)


def _ascending(values: xr.DataArray) -> xr.DataArray:
    return -values if is_lowest(values) else values


def _row(true: np.ndarray, ranking: np.ndarray | None, chosen: np.ndarray | None) -> tuple[float, ...]:
    """Precision, recall, average precision, chance, number true, number found; all [cell]."""
    count, chance = int(true.sum()), float(true.mean())
    if ranking is not None:
        ranking = np.where(np.isnan(ranking), -np.inf, ranking)
    if chosen is not None:
        chosen = chosen.astype(bool)
        hits, selected = int((true & chosen).sum()), int(chosen.sum())
        area = _area(true, chosen.astype(float) if ranking is None else ranking)
        precision, recall = hits / selected if selected else np.nan, hits / count if count else np.nan
        return precision, recall, area, chance, count, selected
    assert ranking is not None
    if not count:
        return np.nan, np.nan, np.nan, chance, 0, 0
    share = float(in_top(ranking, count)[true].sum()) / count
    return share, share, _area(true, ranking), chance, count, count


def in_top(score: np.ndarray, count: int) -> np.ndarray:
    """Each cell's share in the `count` highest scores, [cell]: 1 above the lowest of them, at which ties share."""
    bar = np.sort(score)[-count]
    above, on = score > bar, score == bar
    return above + on * ((count - int(above.sum())) / int(on.sum()))


def _area(true: np.ndarray, ranking: np.ndarray) -> float:
    """Average precision of one ranking of all cells, both [cell]."""
    return float(average_precision(ranking[:, None], true[None])[0, 0])


def _check(values: xr.DataArray, real: xr.DataArray, group: str, units: list) -> None:
    for axis in (group, *units):
        if axis not in values.dims or axis not in real.coords:
            raise BadArgument(f"{values.name or 'the result'} has no axis {axis!r}, which the truth has")
        mine = values[axis].to_numpy().tolist() if axis in values.coords else list(range(values.sizes[axis]))
        lacking = [label for label in real[axis].to_numpy().tolist() if label not in mine]
        if lacking or (axis != group and len(mine) != real.sizes[axis]):
            raise BadArgument(
                f"the result's {axis} axis does not fit the truth's: {len(mine)} of it against {real.sizes[axis]}"
                + (f", without {lacking[0]!r}" if lacking else "")
            )


def _mean(values: np.ndarray) -> float:
    """The mean of the languages that have a number; -1 where none has, because attributes are numbers."""
    return float(np.nanmean(values)) if not np.isnan(values).all() else -1.0
