"""Roles: which heads serve one language, several, or all, from any score of heads by language."""

import numpy as np
import xarray as xr

from workbench.arguments import checked, finite, whole_number
from workbench.errors import BadArgument, TooFewLanguages
from workbench.heads.groups import AXES
from workbench.heads.score_draws import redrawn
from workbench.results.make import make_result, origin
from workbench.results.scores import read_score

ROLES = ("specific", "shared", "general", "none")


@checked
def roles(result: xr.Dataset, *, quantile: float = 0.96, shared_by: int = 4, seed: int = 0) -> xr.Dataset:
    """Sort heads into language-specific, shared and general ones (arXiv 2511.07498).

    A language's members are the heads whose score lies strictly above the `quantile` of its scores of all heads
    (numpy's linear interpolation). A head that is a member of at least `shared_by` languages is *general* and leaves
    the specific lists (both as in github.com/Linuxin-xxx/LAHIS); of two or more but fewer, *shared*; of one,
    *specific*; of no language, *none*. With fewer languages than `shared_by`, general means: member of all of them.

    Args:
        result: of `importance`, `ablate`, `shapley` or any other score [language, layer, head] (see `HeadScore`). NaN
            cells were not measured: they are not members and do not count for quantiles.
        quantile: from 0 to 1, 1 excluded.
        shared_by: number of languages, from 2.

    Returns:
        `role[layer, head]` in specific, shared, general, none; `member[language, layer, head]` bool (a general head
        stays a member); `specific_to[layer, head]`, the language of a specific head, else ""; `threshold[language]`,
        the quantile, in the score's unit.

        Its certainty, from 400 redrawn scores, each sorted into roles again: `certainty[layer, head]`, the share of
        draws in which the head has the same role; `member_share[language, layer, head]`, in which it serves the
        language. The draws are of whole texts (with `sample_{score}`, or `sample_gradient` of
        `importance(per_sample=True)`); without samples, of each score from a normal distribution with its interval, as
        if the errors of heads were independent; NaN where there is no interval. Attributes: `certainty_from`, which of
        these; `shared_by`, the number of languages that was used.

    Raises:
        BadArgument: no score in `result`, a language without any, or an option out of range.
        TooFewLanguages: fewer than two languages.

    Example:
        >>> import workbench as wb
        >>> result = wb.heads.importance(wb.load_model(), wb.load_corpus(limit=20))        # doctest: +SKIP
        >>> wb.heads.roles(result).role.sel(layer=0)                                       # doctest: +SKIP
    """
    finite("quantile", quantile, at_least=0, below=1)
    whole_number("shared_by", shared_by, at_least=2)
    scores = read_score(result, AXES)
    name = str(scores.name)
    languages = scores["language"].to_numpy().tolist()
    if len(languages) < 2:
        raise TooFewLanguages(f"roles compare languages, at least two; this result has {len(languages)}: {languages}")
    values = scores.to_numpy()
    empty = [str(code) for code, cells in zip(languages, values, strict=True) if np.isnan(cells).all()]
    if empty:
        raise BadArgument(f"{name} holds no number for {', '.join(empty)}; select the other languages first")
    needed = min(shared_by, len(languages))
    member, role, threshold = _sorted(values, quantile, needed)
    drawn, source = redrawn(result, name, seed=seed)
    share, same = np.full(values.shape, np.nan), np.full(values.shape[1:], np.nan)
    if drawn is not None:
        again = [_sorted(draw, quantile, needed)[:2] for draw in drawn]
        share = np.mean([members for members, _ in again], axis=0)
        same = np.mean([drawn_role == role for _, drawn_role in again], axis=0)
    owner = np.array(languages, dtype=object)[member.argmax(0)]
    made = origin(result)
    unit = scores.attrs.get("units")
    how = {"quantile": quantile, "shared_by": shared_by, "score": name}
    return make_result(
        {
            "role": (AXES[1:], role.astype(object), "role of the head among the languages"),
            "member": (AXES, member, "whether the head serves the language"),
            "specific_to": (AXES[1:], np.where(role == "specific", owner, ""), "language of a specific head"),
            "certainty": (AXES[1:], same, "share of redrawn scores in which the role is the same"),
            "member_share": (AXES, share, "share of redrawn scores in which the head serves the language"),
            "threshold": (AXES[:1], threshold, "score above which heads serve" + (f" [{unit}]" if unit else "")),
        },
        {axis: scores[axis].to_numpy().tolist() for axis in AXES if axis in scores.coords},
        method="heads.roles",
        parameters={**how, "from": {part: made.get(part) for part in ("method", "parameters")}},
        model=made.get("model"),
        corpus=made.get("corpus"),
        seed=made.get("seed"),
        attrs={"shared_by": needed, "quantile": quantile, "certainty_from": source},
    )


def _sorted(values: np.ndarray, quantile: float, needed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Members [language, layer, head], roles [layer, head] and thresholds [language] of scores."""
    threshold = np.nanquantile(values, quantile, axis=(1, 2), method="linear")
    member = values > threshold[:, None, None]
    count = member.sum(0)
    role = np.select([count >= needed, count > 1, count == 1], ["general", "shared", "specific"], "none")
    return member, role, threshold
