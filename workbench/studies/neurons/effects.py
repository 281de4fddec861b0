"""Studies beyond the classes: stages of a model, knock-outs, two checkpoints."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import xarray as xr

from workbench import figures
from workbench.arguments import whole_number
from workbench.errors import BadArgument
from workbench.model.model import Model
from workbench.neurons import compare, firing, knockout, lape, stages, ternary
from workbench.neurons.classes.ranking import check_share
from workbench.neurons.compare import trained_languages
from workbench.studies.analysis import Analysis, Cell, Results, analysis
from workbench.studies.findings.neurons import effects as findings
from workbench.studies.forecast import Work
from workbench.studies.neurons.classes import firing_cell
from workbench.studies.options import DEFAULTS, Options, common_key, open_model, open_texts
from workbench.studies.report import Section
from workbench.studies.sections import drawing, section

_METHODS = {"lape": lape, "ternary": ternary}


@analysis("neurons stages")
def run_stages(
    model: Any,
    corpus: Any = "parallel",
    *,
    out: str | Path,
    languages: str | Sequence[str] | None = None,
    limit: int | None = None,
    top_rate: float = 0.05,
    options: Options = DEFAULTS,
) -> Analysis:
    """Fit the stages of a model, and write a report.

    Args:
        top_rate: share of the neurons that are selected.

    Returns:
        The run folder, with `firing.nc`, `ternary.nc`, `stages.nc`, `report.html`.
    """
    check_share("top_rate", top_rate, closed=True)
    texts = open_texts(corpus, options, languages=languages, limit=limit)
    loaded = open_model(model, options)
    key = {**common_key(loaded, options, texts), "top_rate": top_rate}
    return Analysis(
        title=f"Stages of {loaded.name} on {texts.source}",
        cells=[
            firing_cell(loaded, texts, options),
            Cell(
                "ternary",
                {**key, "method": "ternary"},
                lambda results: ternary(results["firing"], top_rate=top_rate),
                [],
            ),
            Cell(
                "stages",
                {**key, "method": "stages"},
                lambda results: stages(results["ternary"], seed=options.seed),
                [],
            ),
        ],
        sections=lambda results: [_stages(results["stages"])],
    )


def _stages(result: xr.Dataset) -> Section:
    return section(
        "stages",
        result,
        drawing(figures.curves, result, "share"),
        reading="Each line is a class: its share of each layer's neurons. The parts are the best flat description of "
        "all three lines; in brackets each boundary's interval over neurons.",
        finding=findings.stages(result),
        control="The test shuffles what a description leaves unexplained over the layers: its p-value is the share of "
        "shuffles in which more parts gain as much.",
        table=result[["unexplained", "p_value"]].to_dataframe().round(3),
    )


@analysis("neurons knockout")
def run_neuron_knockout(
    model: Any,
    corpus: Any = "parallel",
    *,
    out: str | Path,
    languages: str | Sequence[str] | None = None,
    limit: int | None = None,
    method: str = "lape",
    top_rate: float = 0.05,
    controls: int = 20,
    options: Options = DEFAULTS,
) -> Analysis:
    """Switch off each language's neurons and measure every language, and write a report.

    The neurons are chosen on one half of the texts and switched off on the other.

    Args:
        limit: first texts to keep of each language, two or more.
        method: `lape` or `ternary`.
        top_rate: share of the neurons that are selected.
        controls: random groups for each group.

    Returns:
        The run folder, with `firing.nc`, `members.nc`, `knockout.nc`, `report.html`.

    Raises:
        BadArgument: no such method.
    """
    if method not in _METHODS:
        raise BadArgument(f"there is no method {method!r} to choose neurons by (has: {', '.join(_METHODS)})")
    whole_number("controls", controls)
    check_share("top_rate", top_rate, closed=True)
    texts = open_texts(corpus, options, languages=languages, limit=limit)
    train, test = texts.split("train"), texts.split("test")
    loaded = open_model(model, options)
    runs = 1 + len(test.languages) * (1 + controls)
    key = {**common_key(loaded, options, test), "choose": method, "top_rate": top_rate, "train": train.info}
    return Analysis(
        title=f"Knock-outs of {loaded.name} on {texts.source}",
        cells=[
            firing_cell(loaded, train, options),
            Cell(
                "members",
                {**key, "method": method},
                lambda results: _METHODS[method](results["firing"], top_rate=top_rate),
                [],
            ),
            Cell(
                "knockout",
                {**key, "method": "knockout", "controls": controls},
                lambda results: knockout(loaded, test, results["members"], controls=controls, **options.texts),
                [Work(loaded, test, runs, runs)],
            ),
        ],
        sections=_knockout,
    )


def _knockout(results: Results) -> list[Section]:
    every = results["knockout"]
    own = findings.own(every)
    return [
        section(
            "knockout",
            every,
            drawing(
                figures.matrix, every, "excess", question="What does each language lose without a language's neurons?"
            ),
            reading="Each row is a language whose neurons are off, each column a language that is measured, on texts "
            "that chose no neuron. The number is the rise of the loss beyond that without random neurons of the same "
            "layers.",
            finding=findings.knockout(every),
        ),
        section(
            "knockout",
            own,
            drawing(figures.bars, own, "delta", question="Does a language need its own neurons more than random ones?"),
            reading="A bar is the rise of a language's loss without its own neurons, its whisker the interval over "
            "texts. The grey band is what random groups of the same size and layers cost.",
            finding=findings.beyond(own),
        ),
    ]


@analysis("neurons compare")
def run_compare(
    before: Any,
    after: Any,
    corpus: Any = "parallel",
    *,
    out: str | Path,
    languages: str | Sequence[str] | None = None,
    limit: int | None = None,
    trained: str | None = None,
    top_rate: float = 0.05,
    options: Options = DEFAULTS,
) -> Analysis:
    """Compare the classes of two checkpoints, and write a report.

    Args:
        before: what `load_model` takes, or a Model.
        after: the same, of the second checkpoint.
        trained: languages that the training between them used, with commas.
        top_rate: share of the neurons that are selected.

    Returns:
        The run folder, with `ternary_before.nc`, `ternary_after.nc`, `compare.nc`, `report.html`.
    """
    check_share("top_rate", top_rate, closed=True)
    texts = open_texts(corpus, options, languages=languages, limit=limit)
    trained_languages(trained, texts.languages)
    models = {"before": open_model(before, options), "after": open_model(after, options)}
    keys = {when: {**common_key(model, options, texts), "top_rate": top_rate} for when, model in models.items()}

    def classes(model: Model) -> xr.Dataset:
        return ternary(firing(model, texts, **options.texts), top_rate=top_rate)

    def both(results: Results) -> xr.Dataset:
        return compare(results["ternary_before"], results["ternary_after"], trained=trained, seed=options.seed)

    return Analysis(
        title=f"{models['before'].name} and {models['after'].name} on {texts.source}",
        cells=[
            *(
                Cell(f"ternary_{when}", {**keys[when], "method": "ternary"}, lambda _, model=model: classes(model))
                for when, model in models.items()
            ),
            Cell("compare", {**keys, "method": "compare", "trained": trained}, both),
        ],
        sections=lambda results: [compared("compare", results["compare"])],
    )


def compared(name: str, result: xr.Dataset) -> Section:
    """The section of a comparison of classes, stored as `<name>.nc`."""
    return section(
        name,
        result,
        drawing(figures.before_after, result, question="Which neurons changed class between the checkpoints?"),
        reading="Left: each language's specific and related neurons, a ring before and a point after. Right: neurons "
        "by their class before and after; the diagonal stays.",
        finding=findings.compare(result),
        control="Pointing at a cell on the right names the number that is expected where the neurons of a layer change "
        "places at random; p-values are those of exchanging before and after.",
    )
