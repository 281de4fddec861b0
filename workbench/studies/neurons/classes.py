"""The study of neurons: how often they fire, and which languages they serve."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import xarray as xr

from workbench import figures
from workbench.model.model import Model
from workbench.neurons import firing, lape, ternary
from workbench.studies.findings import controls
from workbench.studies.findings import neurons as findings
from workbench.studies.options import Options, at_least_two, common_key
from workbench.studies.report import Section, recipe, write_report
from workbench.studies.runs import Run, locks_folder, open_run
from workbench.studies.sections import section
from workbench.text.corpus import Corpus


@locks_folder
def run_neurons(
    model: Any,
    corpus: Any = "parallel",
    *,
    out: str | Path,
    languages: str | Sequence[str] | None = None,
    limit: int | None = None,
    options: Options | None = None,
) -> Path:
    """Count how often every neuron fires in every language, sort the neurons, and write a report.

    Args:
        model: what `load_model` takes, or a Model.
        corpus: what `load_corpus` takes.
        out: the run folder; cells that are there already with the same key are not computed again.
        languages: to keep; all when None.
        limit: first texts to keep of each language.
        options: how to compute.

    Returns:
        The run folder, with `firing.nc`, `ternary.nc`, `lape.nc`, `report.html`.

    Raises:
        CannotWrite: the folder cannot be written; before anything is computed.
        TooFewLanguages: fewer than two languages.
        Interrupted: Ctrl-C; the line says what is finished and where.
    """
    options = options or Options()
    run = open_run(out)
    texts = at_least_two(options.corpus(corpus, languages=languages, limit=limit))
    loaded = options.load(model)
    sections = study_neurons(run, loaded, texts, options)
    asked = {"languages": languages, "limit": limit}
    write_report(
        run.folder,
        title=f"Neurons of {loaded.name} on {texts.source}",
        question="Which neurons serve which language?",
        sections=sections,
        main=("ternary", "lape"),
        recipe=recipe(run_neurons, "neurons classify", model, corpus, out=out, options=options, **asked),
    )
    return run.folder


def study_neurons(run: Run, model: Model, corpus: Corpus, options: Options) -> list[Section]:
    """Compute the cells of this study into a run, and write their sections."""
    key = common_key(model, options, corpus)
    counts = run.cell("firing", {**key, "method": "firing"}, lambda: firing(model, corpus, **options.texts))
    classes = run.cell("ternary", {**key, "method": "ternary"}, lambda: ternary(counts))
    members = run.cell("lape", {**key, "method": "lape"}, lambda: lape(counts))
    return [
        section(
            "firing",
            counts,
            figures.curves(firing_rates(counts), "rate", title="How many neurons fire at a token, layer by layer?"),
            reading="A line a language: the share of a layer's neurons whose activation is above zero at a token.",
            finding=findings.firing(counts),
        ),
        section(
            "ternary",
            classes,
            figures.heatmap(classes, "kind"),
            reading="A row a layer, a cell a neuron. Specific: selected, and often active in one language; related: in "
            "several; general: often active in all; unassigned: selected, often active in none. Click an entry of the "
            "legend to hide a class.",
            finding=findings.ternary(classes),
            control=controls.beforehand(classes),
        ),
        section(
            "lape",
            members,
            figures.heatmap(per_layer(members), "neurons", title="In which layers are the neurons of each language?"),
            reading="A cell counts the neurons of a layer that LAPE gives to a language: lowest entropy over "
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
    """`neurons[language, layer]`: how many neurons of each layer belong to each language."""
    number = members.member.sum("neuron").transpose("language", "layer")
    number.attrs = {"long_name": "neurons of the language", "units": "neurons"}
    return xr.Dataset({"neurons": number}, attrs=members.attrs)
