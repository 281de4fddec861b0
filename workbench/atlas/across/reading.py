"""Read what a comparison needs from the results of a model, by their names in the atlas."""

from collections.abc import Mapping
from fnmatch import fnmatchcase

import numpy as np
import xarray as xr

from workbench.errors import BadArgument, BadResult
from workbench.results.make import origin

Results = Mapping[str, Mapping[str, xr.Dataset]]
"""Model to its results by name, such as `{"polyglot": {"heads/ablation": ...}}`."""
OfModel = Mapping[str, xr.Dataset]
"""The results of one model, by name."""

ABLATION, FIRING, LAPE, TERNARY = "heads/ablation", "neurons/firing", "neurons/lape", "neurons/ternary"
LENS, CONCEPTS = "lens-*/lens", "concepts-*/last"
_LANGUAGE_NEURON = ("language", "layer", "neuron")
NEEDED = {  # name of a result, or a pattern of names, to the variables that are read, with their axes
    ABLATION: {"delta": ("language", "layer", "head")},
    FIRING: {"fired": _LANGUAGE_NEURON, "tokens": ("language",)},
    LAPE: {"member": _LANGUAGE_NEURON},
    TERNARY: {"member": _LANGUAGE_NEURON, "kind": ("layer", "neuron")},
    LENS: {"concept_probability": ("concept", "language", "layer")},
    CONCEPTS: {"pair_probability": ("pair", "answer", "layer")},
}


def find(results: OfModel, pattern: str) -> dict[str, xr.Dataset]:
    """The results whose name fits, by name, with the variables that are read in the order of their axes.

    Raises:
        BadResult: one of that name is another kind of Result, or has fewer than two layers.
    """
    return {name: _ordered(results[name], name, pattern) for name in sorted(results) if fnmatchcase(name, pattern)}


def check_results(results: Results) -> None:
    """Refuse an empty comparison, and models without any of the results that are compared.

    Raises:
        BadArgument: no models, or a model without any; names it.
    """
    if not results:
        raise BadArgument("results={} has no models; give {model: {name of a result: Dataset}}")
    for model, own in results.items():
        if not any(fnmatchcase(name, pattern) for name in own for pattern in NEEDED):
            raise BadArgument(f"{model!r} has {_listed(own)}; comparing models needs any of {', '.join(NEEDED)}")


def required(results: Results, model: str, pattern: str) -> dict[str, xr.Dataset]:
    """The results of a model whose name fits.

    Raises:
        BadArgument: there are none; names the model.
        BadResult: as `find`.
    """
    if matching := find(results[model], pattern):
        return matching
    raise BadArgument(f"{model!r} has no {pattern} (has: {_listed(results[model])})")


def same_layers(results: Mapping[str, xr.Dataset]) -> int:
    """The number of layers of several results of a model.

    Raises:
        BadResult: they differ.
    """
    sizes = {name: result.sizes["layer"] for name, result in results.items()}
    if len(set(sizes.values())) > 1:
        raise BadResult(f"results of one model differ in their layers: {sizes}")
    return next(iter(sizes.values()))


def route(result: xr.Dataset, name: str) -> tuple[str, str]:
    """The language that a lens's prompts show, and the one that they translate into, from the provenance.

    Raises:
        BadResult: they are not recorded, or not among the result's languages.
    """
    parameters = origin(result).get("parameters") or {}
    languages = [str(code) for code in result.language.values]
    shown, target = (str(parameters.get(end)) for end in ("source", "target"))
    if shown not in languages or target not in languages:
        raise BadResult(f"{name} does not record its languages: source={shown!r}, target={target!r}")
    return shown, target


def lens_values(result: xr.Dataset, language: str) -> np.ndarray:
    """Probability of a language's word, [concept, layer]."""
    return result.concept_probability.sel(language=language).values.astype(float)


def answers(result: xr.Dataset, name: str) -> list[tuple[str, str]]:
    """Whose concept and which language each answer of a concepts result is.

    Raises:
        BadResult: the coordinates do not say.
    """
    if not {"answer_concept", "answer_language"} <= set(result.coords):
        raise BadResult(f"{name} lacks answer_concept and answer_language; `wb.patching.concepts` writes them")
    whose, languages = (map(str, result[key].values) for key in ("answer_concept", "answer_language"))
    return list(zip(whose, languages, strict=True))


def concept_of_pair(result: xr.Dataset) -> list[str]:
    """The source's concept of each pair; its number where it is not recorded."""
    name = "source_concept" if "source_concept" in result.coords else "pair"
    return [str(value) for value in result[name].values]


def _ordered(result: xr.Dataset, name: str, pattern: str) -> xr.Dataset:
    """A result with its axes in order."""
    if not isinstance(result, xr.Dataset):
        raise BadResult(f"{name} is a {type(result).__name__}; give a Dataset")
    for variable, axes in NEEDED[pattern].items():
        if variable not in result.data_vars or set(result[variable].dims) != set(axes):
            has = ", ".join(
                f"{key}[{', '.join(map(str, own.dims))}]" for key, own in list(result.data_vars.items())[:8]
            )
            raise BadResult(f"{name} needs {variable}[{', '.join(axes)}] (has: {has})")
        if variable != "kind" and result[variable].dtype.kind not in "biuf":
            raise BadResult(f"{name} has a {variable} that holds no numbers")
        result = result.assign({variable: result[variable].transpose(*axes)})
    layers = result.get_index("layer").to_numpy()
    if len(layers) < 2:
        raise BadResult(f"{name} has one layer; a depth needs two")
    if not np.array_equal(layers, np.arange(len(layers))):
        raise BadResult(f"{name} lacks layers, or has them in another order: {layers.tolist()[:8]}")
    return result


def _listed(names: Mapping[str, xr.Dataset]) -> str:
    return ", ".join(map(str, names)) or "no results"
