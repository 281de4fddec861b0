"""What the numbers say about neurons."""

from collections import Counter

import xarray as xr

from workbench.neurons.counts.rates import unit_of
from workbench.studies.findings.finding import Finding, finding
from workbench.studies.findings.rank import BY_VALUE
from workbench.text.display.words import count, language, listed, number, percent


def firing(result: xr.Dataset) -> Finding:
    """Where neurons fire most, and how many never do. Reads `fired`, `tokens`."""
    rate = result.fired / result.tokens
    layers, languages = (_extremes(rate.mean(others)) for others in (("language", "neuron"), ("layer", "neuron")))
    dead = int((result.fired.sum("language") == 0).sum())
    parts = [f"On average {percent(float(rate.mean()))} of the neurons fire at a token."]
    if layers:
        (most, high), (least, low) = layers
        parts.append(
            f"Most do in {_layers(most)} ({percent(high)}), fewest in {_layers(least)} ({percent(low)}), {BY_VALUE}."
        )
    if languages:
        (most, high), (least, low) = languages
        parts.append(
            f"Of the languages, most fire in {listed(map(language, most))} ({percent(high)}) and fewest in "
            f"{listed(map(language, least))} ({percent(low)}), {BY_VALUE}."
        )
    parts.append(
        f"{count(dead, 'neuron')} of {rate.sizes['layer'] * rate.sizes['neuron']:,} never fired."
        if dead
        else "Every neuron fired at least once."
    )
    return finding(*parts)


def ternary(result: xr.Dataset) -> Finding:
    """How many neurons or features are specific, related, general. Reads `kind`, `member`."""
    unit = unit_of(result)
    kinds = Counter(result.kind.values.ravel().tolist())
    parts = [
        f"Of {count(result.kind.size, unit)}, {kinds['specific']:,} are specific to one language, "
        f"{kinds['related']:,} related to several and {kinds['general']:,} general "
        f"(lambda {number(result.attrs['lam'])})."
    ]
    if kinds["unassigned"]:
        parts.append(f"{kinds['unassigned']:,} more are selected, but often active in no language.")
    specific = result.kind == "specific"
    if not kinds["specific"]:
        return finding(*parts, f"No {unit} is specific to one language.")
    own = specific_of(result)
    parts.append(f"Specific ones: {listed(f'{language(code)} {n:,}' for code, n in own.most_common() if n)}.")
    layers = _extremes(specific.sum(unit))
    if layers:
        most, high = layers[0]
        verb = "has" if len(most) == 1 else "each have"
        parts.append(f"{_layers(most).capitalize()} {verb} most ({high:,.0f}), {BY_VALUE}.")
    return finding(*parts)


def specific_of(result: xr.Dataset) -> Counter:
    """Number of specific neurons or features of each language."""
    own = (result.member & (result.kind == "specific")).sum(("layer", unit_of(result)))
    return Counter(dict(zip(own.language.values.tolist(), own.values.tolist(), strict=True)))


def lape(result: xr.Dataset, classes: xr.Dataset) -> Finding:
    """How many neurons or features each language has, and how many the ternary score selects too.

    Reads `member`, `selected`.
    """
    chosen, unit = result.selected.values, unit_of(result)
    if not chosen.any():
        return Finding(f"LAPE selects no {unit}: none fires often enough in any language.")
    own = result.member.sum(("layer", unit))
    spread = f"every language has {int(own[0]):,} of them"
    if extremes := _extremes(own):
        (most, high), (least, low) = extremes
        spread = (
            f"most belong to {listed(map(language, most))} ({high:,.0f}), fewest to {listed(map(language, least))} "
            f"({low:,.0f}), {BY_VALUE}"
        )
    both = int((chosen & classes.selected.values).sum())
    return finding(
        f"LAPE selects {int(chosen.sum()):,} of {count(chosen.size, unit)}; {spread}.",
        f"{both:,} of them are among the {int(classes.selected.sum()):,} that the ternary score selects.",
    )


_End = tuple[list, float]


def _extremes(values: xr.DataArray) -> tuple[_End, _End] | None:
    """Labels of the largest and of the smallest values of one axis, each with the value; None if all are equal."""
    high, low = float(values.max()), float(values.min())
    labels = values.get_index(values.dims[0])
    most, least = (labels[(values == end).values].tolist() for end in (high, low))
    return ((most, high), (least, low)) if high > low else None


def _layers(numbers: list[int]) -> str:
    """Such as: layer 3; layers 1 and 2."""
    return f"layer{'s' * (len(numbers) > 1)} {listed(map(str, numbers))}"
