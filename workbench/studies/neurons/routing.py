"""The study of routing: which experts of a mixture each language's tokens take."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from workbench import figures
from workbench.arguments import whole_number
from workbench.neurons import routing
from workbench.studies.analysis import Analysis, Cell, Results, analysis
from workbench.studies.findings.neurons import routing as findings
from workbench.studies.options import DEFAULTS, Options, common_key, open_model, open_texts
from workbench.studies.report import Section
from workbench.studies.sections import drawing, section


@analysis("neurons routing")
def run_routing(
    model: Any,
    corpus: Any = "parallel",
    *,
    out: str | Path,
    languages: str | Sequence[str] | None = None,
    limit: int | None = None,
    permutations: int = 1000,
    options: Options = DEFAULTS,
) -> Analysis:
    """Count which experts each language's tokens take, test whether languages differ, and write a report.

    Args:
        permutations: exchanges of the texts' languages in each test.

    Returns:
        The run folder, with `routing.nc` and `report.html`.

    Raises:
        UnsupportedSite: the model is dense.
    """
    whole_number("permutations", permutations)
    texts = open_texts(corpus, options, languages=languages, limit=limit)
    loaded = open_model(model, options)
    key = {**common_key(loaded, options, texts), "method": "routing", "permutations": permutations}
    return Analysis(
        title=f"Routing of {loaded.name} on {texts.source}",
        question="Does the router choose experts by language?",
        cells=[Cell("routing", key, lambda _: routing(loaded, texts, permutations=permutations, **options.texts))],
        sections=_sections,
    )


def _sections(results: Results) -> list[Section]:
    result = results["routing"]
    most = int(result.divergence.argmax("layer"))
    question = f"Which languages does layer {most} route apart?"
    chance = findings.exchanged(result)
    return [
        section(
            "routing",
            result,
            drawing(
                figures.curves,
                beside_chance(result),
                "divergence",
                question="In which layers are languages routed apart?",
            ),
            reading="0: all languages take the same experts equally often; the largest possible value is the binary "
            "logarithm of the number of languages. The second line is what is left when texts exchange languages.",
            finding=findings.divergence(result),
            control=chance,
        ),
        section(
            "routing",
            result,
            drawing(figures.matrix, result, "pair_divergence", question=question, select={"layer": most}),
            reading="The layer in which languages lie furthest apart. 0: both take the same experts equally often; 1: "
            "they have no expert in common.",
            finding=findings.pairs(result),
            control=chance,
        ),
        section(
            "routing",
            result,
            drawing(figures.heatmap, result, "share"),
            reading="Each row is a layer, each cell an expert: its share of the places that tokens take. Even use is "
            "1 / number of experts. Grey layers have no router.",
            finding=findings.share(result),
            control=chance,
        ),
    ]


def beside_chance(result: xr.Dataset) -> xr.Dataset:
    """`divergence[labels, layer]`: that of the languages, and the mean that exchanging labels leaves."""
    values = np.stack([result.divergence.values, result.divergence_null.values])
    coords = {"labels": ["languages", "exchanged labels"], "layer": result.layer.values}
    both = xr.DataArray(values, coords, ("labels", "layer"), attrs=result.divergence.attrs)
    return xr.Dataset({"divergence": both}, attrs=result.attrs)
