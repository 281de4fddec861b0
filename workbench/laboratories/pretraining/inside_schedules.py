"""What differs inside models that were trained on other schedules."""

from collections.abc import Mapping

import xarray as xr

from workbench.laboratories.inside.inside import Inside

_PREFIX = "inside_"


def with_inside(result: xr.Dataset, inside: Inside, states: Mapping[str, xr.Dataset]) -> xr.Dataset:
    """A Result with what each schedule with pairs differs in, inside, from the first control.

    Args:
        result: of the laboratory.
        inside: what `wb.laboratories.inside` gave.
        states: condition to what was seen in its model.

    Returns:
        The Result with variables that begin with `inside_`; the other control, where there is one, is that of
        `Inside.compare`. Sentences are in the attribute `finding_inside`.
    """
    base, *others = [str(name) for name in result.control.values]
    parts, sentences = [], []
    for name in [name for name in states if name not in (base, *others)]:
        seen = inside.compare(states[base], {name: states[name], **{other: states[other] for other in others}})
        own = {
            str(key) if str(key).startswith(_PREFIX) else f"{_PREFIX}{key}": (
                values.sel(condition=[name]) if "condition" in values.dims else values.expand_dims(condition=[name])
            )
            for key, values in seen.data_vars.items()
        }
        parts.append(xr.Dataset(own))
        sentences.append(f"Against {base}: {seen.attrs['finding']}")
    if not parts:
        return result
    merged = xr.concat(parts, "condition")
    return result.assign({str(key): values for key, values in merged.data_vars.items()}).assign_attrs(
        finding_inside=" ".join(sentences)
    )
