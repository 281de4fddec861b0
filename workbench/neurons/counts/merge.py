"""Merge: add up counts of pieces of a corpus, from one machine or several."""

from collections.abc import Sequence

import xarray as xr

from workbench.arguments import checked
from workbench.errors import BadCounts, BadResult
from workbench.neurons.counts.rates import AXES, axes, read_counts, unit_of
from workbench.results.make import Variables, make_result, provenance


@checked
def merge(parts: Sequence[xr.Dataset]) -> xr.Dataset:
    """Add up firing counts: the same bits as counting all texts in one pass.

    A language that a part does not have counts as zero tokens there, so corpora can be divided by languages too. The
    order of the languages is that in which they first appear.

    Args:
        parts: Results of `firing` of one model, with the same options.

    Returns:
        The same variables, summed; the provenance holds that of every part.

    Raises:
        BadCounts: no part, parts whose axes or variables differ, or that come from different models; counts that cannot
            be what they claim to be.

    Example:
        >>> halves = [firing(model, corpus.split(half)) for half in ("train", "test")]           # doctest: +SKIP
        >>> counts = merge(halves)                                                               # doctest: +SKIP
    """
    parts = list(parts)
    if not parts:
        raise BadCounts("merge adds up at least one Result of firing; it was given none")
    for number, part in enumerate(parts):
        if not {"fired", "tokens"} <= set(part.data_vars):
            raise BadCounts(f"part {number} has no `fired` and `tokens`; give Results of firing")
        read_counts(part, empty=True)
    names, unit = sorted(set(map(str, parts[0].data_vars))), unit_of(parts[0])
    known = {prefix + name for prefix in ("", "prefix_") for name in AXES}
    for number, part in enumerate(parts):
        if sorted(set(map(str, part.data_vars))) != names or not set(names) <= known:
            raise BadCounts(
                f"part {number} has {', '.join(map(str, part.data_vars))}, part 0 {', '.join(names)}; count all parts "
                "with the same options"
            )
        for axis in ("layer", unit, "bin"):
            if part.sizes.get(axis) != parts[0].sizes.get(axis):
                raise BadCounts(
                    f"part {number} has {part.sizes.get(axis)} along {axis!r}, part 0 {parts[0].sizes.get(axis)}: "
                    "counts of different models cannot be added"
                )
    origins = [_origin(part) for part in parts]
    hashes = {made["model"].get("hash") for made in origins if made.get("model")} - {None}
    if len(hashes) > 1:
        raise BadCounts(f"the parts come from {len(hashes)} different models; their neurons are not the same")
    named = [part.assign_coords(language=part["language"].values) for part in parts]
    languages = list(dict.fromkeys(code for part in named for code in part["language"].values.tolist()))
    variables: Variables = {}
    for name in map(str, parts[0].data_vars):
        order, about = axes(name, unit), parts[0][name].attrs
        each = (part[[name]].reindex(language=languages, fill_value=0)[name].transpose(*order).values for part in named)
        units = f" [{about['units']}]" if "units" in about else ""
        variables[name] = (order, sum(each), f"{about.get('long_name', name)}{units}")
    corpora = [made.get("corpus") for made in origins]
    return make_result(
        variables,
        {"language": languages, "layer": parts[0]["layer"].values.tolist()},
        method="neurons.merge",
        parameters={"parts": origins},
        model=next((made["model"] for made in origins if made.get("model")), None),
        corpus={"source": " + ".join(dict.fromkeys(c["source"] for c in corpora if c)) or "unknown", "parts": corpora},
    )


def _origin(part: xr.Dataset) -> dict:
    """The record of a part; empty where it has none or a broken one."""
    try:
        return provenance(part)
    except BadResult:
        return {}
