"""The study of neurons: how often they fire, and which languages they serve."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import xarray as xr

from workbench import figures
from workbench.model.model import Model
from workbench.neurons import firing, lape, merge, ternary
from workbench.neurons.counts.rates import unit_of
from workbench.studies.analysis import Analysis, Cell, Parts, Results, analysis
from workbench.studies.findings import controls
from workbench.studies.findings.neurons import classes as findings
from workbench.studies.forecast import Work
from workbench.studies.options import DEFAULTS, Options, common_key, open_model, open_texts
from workbench.studies.report import Section
from workbench.studies.sections import drawing, section
from workbench.text.corpus import Corpus

_CELLS = {"heatmap": ", each cell a neuron", "bar": ": how many of its neurons are of each class"}  # kind of figure


@analysis("neurons classify")
def run_neurons(
    model: Any,
    corpus: Any = "parallel",
    *,
    out: str | Path,
    languages: str | Sequence[str] | None = None,
    limit: int | None = None,
    options: Options = DEFAULTS,
) -> Analysis:
    """Count how often every neuron fires in every language, sort the neurons, and write a report.

    Returns:
        The run folder, with `firing.nc`, `ternary.nc`, `lape.nc`, `report.html`.
    """
    texts = open_texts(corpus, options, languages=languages, limit=limit)
    return neurons_analysis(open_model(model, options), texts, options)


def neurons_analysis(model: Model, corpus: Corpus, options: Options) -> Analysis:
    """How often neurons fire, and their classes by two methods."""
    key = common_key(model, options, corpus)
    return Analysis(
        title=f"Neurons of {model.name} on {corpus.source}",
        question="Which neurons serve which language?",
        cells=[
            firing_cell(model, corpus, options),
            Cell("ternary", {**key, "method": "ternary"}, lambda results: ternary(results["firing"]), []),
            Cell("lape", {**key, "method": "lape"}, lambda results: lape(results["firing"]), []),
        ],
        sections=_sections,
        main=("ternary", "lape"),
    )


def firing_cell(model: Model, corpus: Corpus, options: Options) -> Cell:
    """How often neurons fire: what the classes are made of; workers may count a language each."""
    key = {**common_key(model, options, corpus), "method": "firing"}
    of_language = Parts(
        corpus.languages, lambda language: firing_cell(model, corpus.select([language]), options), merge
    )
    return Cell(
        "firing", key, lambda _: firing(model, corpus, **options.texts), [Work(model, corpus, 1, 0)], of_language
    )


def _sections(results: Results) -> list[Section]:
    counts, classes, members = results["firing"], results["ternary"], results["lape"]
    rates, layers = firing_rates(counts), per_layer(members)
    shown = drawing(figures.heatmap, classes, "kind")
    figure: Any = shown.figure
    traces = figure.data
    return [
        section(
            "firing",
            counts,
            drawing(figures.curves, rates, "rate", question="How many neurons fire at a token, layer by layer?"),
            reading="Each line is a language: the share of a layer's neurons whose activation is above zero at a "
            "token.",
            finding=findings.firing(counts),
        ),
        section(
            "ternary",
            classes,
            shown,
            reading=f"Each row is a layer{_CELLS.get(traces[0].type, '')}. Specific: selected, and often "
            "active in one language; related: in several; general: often active in all; unassigned: selected, often "
            "active in none. Click an entry of the legend to hide a class.",
            finding=findings.ternary(classes),
            control=controls.beforehand(classes),
        ),
        section(
            "lape",
            members,
            drawing(figures.heatmap, layers, "neurons", question="In which layers are the neurons of each language?"),
            reading="Each cell counts the neurons of a layer that LAPE gives to a language: lowest entropy over "
            "languages, and often active in this one. A neuron may belong to several languages.",
            finding=findings.lape(members, classes),
            control=f"{controls.beforehand(members)} {controls.overlap(members.selected, classes.selected)}",
        ),
    ]


def firing_rates(counts: xr.Dataset) -> xr.Dataset:
    """`rate[language, layer]`: mean share of tokens at which a layer's neurons fire."""
    rate = (counts.fired / counts.tokens).mean("neuron")
    rate.attrs = {"long_name": "share of neurons that fire at a token"}
    return xr.Dataset({"rate": rate}, attrs=counts.attrs)


def per_layer(members: xr.Dataset) -> xr.Dataset:
    """`neurons[language, layer]`, or `features`: how many of each layer belong to each language."""
    unit = unit_of(members)
    number = members.member.sum(unit).transpose("language", "layer")
    number.attrs = {"long_name": f"{unit}s of the language", "units": f"{unit}s"}
    return xr.Dataset({f"{unit}s": number}, attrs=members.attrs)
