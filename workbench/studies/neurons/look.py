"""The study of one neuron: where it fires, what it writes, what four methods call it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import xarray as xr

from workbench import figures
from workbench.arguments import whole_number
from workbench.neurons import experts, lape, look, plnd, ternary
from workbench.results.files import write_whole
from workbench.studies.analysis import Analysis, Cell, Results, analysis
from workbench.studies.findings.neurons import effects as findings
from workbench.studies.neurons.classes import firing_cell
from workbench.studies.options import DEFAULTS, Options, common_key, open_model, open_texts
from workbench.studies.report import Section
from workbench.studies.runs import Run
from workbench.studies.sections import drawing, section


@analysis("neurons look", positional=("layer", "neuron"))
def run_look(
    model: Any,
    corpus: Any = "parallel",
    *,
    layer: int,
    neuron: int,
    out: str | Path,
    languages: str | Sequence[str] | None = None,
    limit: int | None = None,
    options: Options = DEFAULTS,
) -> Analysis:
    """Look at one neuron, and write its card and a report.

    Args:
        layer: of the neuron.
        neuron: its number in the layer.

    Returns:
        The run folder, with `firing.nc`, `look.nc`, `neuron.html` (the card), `report.html`.
    """
    whole_number("layer", layer)
    whole_number("neuron", neuron)
    texts = open_texts(corpus, options, languages=languages, limit=limit)
    loaded = open_model(model, options)
    key = {**common_key(loaded, options, texts), "method": "look", "layer": layer, "neuron": neuron}

    def measure(results: Results) -> xr.Dataset:
        classes = {
            "ternary": ternary(results["firing"], top_rate=0.05),
            "LAPE": lape(results["firing"], top_rate=0.05),
            "expert": experts(loaded, texts, **options.texts),
            "PLND": plnd(loaded, texts, **options.texts),
        }
        return look(loaded, texts, layer, neuron, classes=classes, **options.texts)

    def write_card(run: Run, results: Results) -> None:
        write_whole(run.folder / "neuron.html", figures.neuron_card(results["look"]).page)

    where = f"neuron {neuron} of layer {layer}"
    return Analysis(
        title=f"{where.capitalize()} of {loaded.name}",
        cells=[firing_cell(loaded, texts, options), Cell("look", key, measure)],
        sections=lambda results: [_look(results["look"], where)],
        beside=write_card,
    )


def _look(result: xr.Dataset, where: str) -> Section:
    return section(
        "look",
        result,
        drawing(figures.neuron, result, question=f"What does {where} do?"),
        reading="Left: the share of tokens at which it fires. Right: tokens whose logits it raises and lowers, read "
        "off its weights past all layers between. Its strongest texts are in neuron.html.",
        finding=findings.look(result),
        control="None: one neuron is described, without a random neuron beside it.",
    )
