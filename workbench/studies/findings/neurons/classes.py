"""What the numbers say about neurons."""

from collections import Counter

import xarray as xr

from workbench.studies.findings.finding import Finding, finding
from workbench.studies.findings.words import count, language, listed, number, percent


def firing(result: xr.Dataset) -> Finding:
    """Where neurons fire most, and how many never do. Reads `fired`, `tokens`."""
    rate = result.fired / result.tokens
    by_layer, by_language = rate.mean(("language", "neuron")), rate.mean(("layer", "neuron"))
    dead = int((result.fired.sum("language") == 0).sum())
    parts = [f"On average {percent(float(rate.mean()))} of the neurons fire at a token."]
    if by_layer.size > 1 and float(by_layer.max()) > float(by_layer.min()):
        most, least = int(by_layer.values.argmax()), int(by_layer.values.argmin())
        parts.append(
            f"Most do in layer {int(by_layer.layer[most])} ({percent(float(by_layer.max()))}), fewest in layer "
            f"{int(by_layer.layer[least])} ({percent(float(by_layer.min()))})."
        )
    if float(by_language.max()) > float(by_language.min()):
        high, low = (
            by_language.language.values[int(i)] for i in (by_language.values.argmax(), by_language.values.argmin())
        )
        parts.append(
            f"Of the languages, {language(high)} makes most fire ({percent(float(by_language.max()))}) and "
            f"{language(low)} fewest ({percent(float(by_language.min()))})."
        )
    parts.append(
        f"{count(dead, 'neuron')} of {rate.sizes['layer'] * rate.sizes['neuron']:,} never fired."
        if dead
        else "Every neuron fired at least once."
    )
    return finding(*parts)


def ternary(result: xr.Dataset) -> Finding:
    """How many neurons are specific, related, general. Reads `kind`, `member`."""
    kinds = Counter(result.kind.values.ravel().tolist())
    parts = [
        f"Of {count(result.kind.size, 'neuron')}, {kinds['specific']:,} are specific to one language, "
        f"{kinds['related']:,} related to several and {kinds['general']:,} general "
        f"(lambda {number(result.attrs['lam'])})."
    ]
    if kinds["unassigned"]:
        parts.append(f"{kinds['unassigned']:,} more are selected, but often active in no language.")
    specific = result.kind == "specific"
    if not kinds["specific"]:
        return finding(*parts, "No neuron is specific to one language.")
    own = specific_of(result)
    parts.append(f"Specific ones: {listed(f'{language(code)} {n:,}' for code, n in own.most_common() if n)}.")
    layers = specific.sum("neuron")
    most = layers.layer[layers == layers.max()].values.tolist()
    verb = "has" if len(most) == 1 else "each have"
    place = "Layer" if len(most) == 1 else "Layers"
    parts.append(f"{place} {listed(map(str, most))} {verb} most ({int(layers.max()):,}).")
    return finding(*parts)


def specific_of(result: xr.Dataset) -> Counter:
    """Number of specific neurons of each language."""
    own = (result.member & (result.kind == "specific")).sum(("layer", "neuron"))
    return Counter(dict(zip(own.language.values.tolist(), own.values.tolist(), strict=True)))


def lape(result: xr.Dataset, classes: xr.Dataset) -> Finding:
    """How many neurons each language has, and how many the ternary score selects too. Reads `member`, `selected`."""
    chosen = result.selected.values
    if not chosen.any():
        return Finding("LAPE selects no neuron: none fires often enough in any language.")
    own = result.member.sum(("layer", "neuron"))
    each = dict(zip(own.language.values.tolist(), own.values.tolist(), strict=True))
    high, low = max(each.values()), min(each.values())
    most, least = (listed(language(code) for code, n in each.items() if n == end) for end in (high, low))
    spread = (
        f"most belong to {most} ({high:,}), fewest to {least} ({low:,})"
        if high > low
        else f"every language has {high:,} of them"
    )
    both = int((chosen & classes.selected.values).sum())
    return finding(
        f"LAPE selects {int(chosen.sum()):,} of {count(chosen.size, 'neuron')}; {spread}.",
        f"{both:,} of them are among the {int(classes.selected.sum()):,} that the ternary score selects.",
    )
