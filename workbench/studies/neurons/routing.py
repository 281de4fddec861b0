"""The study of routing: which experts of a mixture each language's tokens take."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from workbench import figures
from workbench.neurons import routing
from workbench.studies.findings import routing as findings
from workbench.studies.options import Options, at_least_two, common_key
from workbench.studies.report import recipe, write_report
from workbench.studies.runs import locks_folder, open_run
from workbench.studies.sections import section


@locks_folder
def run_routing(
    model: Any,
    corpus: Any = "parallel",
    *,
    out: str | Path,
    languages: str | Sequence[str] | None = None,
    limit: int | None = None,
    permutations: int = 1000,
    options: Options | None = None,
) -> Path:
    """Count which experts each language's tokens take, test whether languages differ, and write a report.

    Args:
        model: what `load_model` takes, or a Model; a mixture of experts.
        corpus: what `load_corpus` takes.
        out: the run folder; cells that are there already with the same key are not computed again.
        languages: to keep; all when None.
        limit: first texts to keep of each language.
        permutations: exchanges of the texts' languages in each test.
        options: how to compute.

    Returns:
        The run folder, with `routing.nc` and `report.html`.

    Raises:
        UnsupportedSite: the model is dense.
    """
    options = options or Options()
    run = open_run(out)
    texts = at_least_two(options.corpus(corpus, languages=languages, limit=limit))
    loaded = options.load(model)
    key = {**common_key(loaded, options, texts), "method": "routing", "permutations": permutations}
    found = run.cell("routing", key, lambda: routing(loaded, texts, permutations=permutations, **options.texts))
    most = int(found.divergence.argmax("layer"))
    chance = findings.exchanged(found)
    parts = [
        section(
            "routing",
            found,
            figures.curves(beside_chance(found), "divergence", title="In which layers are languages routed apart?"),
            reading="0 is: all languages take the same experts as often; the highest possible number is the binary "
            "logarithm of the number of languages. The second line is what is left when texts exchange languages.",
            finding=findings.divergence(found),
            control=chance,
        ),
        section(
            "routing",
            found,
            figures.matrix(
                found, "pair_divergence", layer=most, title=f"Which languages does layer {most} route apart?"
            ),
            reading="The layer in which languages lie furthest apart. 0 is: both take the same experts as often; 1 is: "
            "they have no expert in common.",
            finding=findings.pairs(found),
            control=chance,
        ),
        section(
            "routing",
            found,
            figures.heatmap(found, "share"),
            reading="A row a layer, a cell an expert: its share of the places that tokens take. Even use is the number "
            "one divided by the number of experts. Grey layers have no router.",
            finding=findings.share(found),
            control=chance,
        ),
    ]
    chosen = {"languages": languages, "limit": limit, "permutations": permutations}
    write_report(
        run.folder,
        title=f"Routing of {loaded.name} on {texts.source}",
        question="Does the router choose experts by language?",
        sections=parts,
        recipe=recipe(run_routing, "neurons routing", model, corpus, out=out, options=options, **chosen),
    )
    return run.folder


def beside_chance(found: xr.Dataset) -> xr.Dataset:
    """`divergence[labels, layer]`: that of the languages, and the mean that exchanging labels leaves."""
    values = np.stack([found.divergence.values, found.divergence_null.values])
    coords = {"labels": ["languages", "exchanged labels"], "layer": found.layer.values}
    both = xr.DataArray(values, coords, ("labels", "layer"), attrs=found.divergence.attrs)
    return xr.Dataset({"divergence": both}, attrs=found.attrs)
