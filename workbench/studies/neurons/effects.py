"""Studies beyond the classes: stages of a model, knock-outs, two checkpoints, one neuron."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workbench import figures
from workbench.errors import BadArgument
from workbench.neurons import compare, experts, firing, knockout, lape, look, plnd, stages, ternary
from workbench.results.files import write_whole
from workbench.studies.findings import neuron_effects as findings
from workbench.studies.options import Options, at_least_two, common_key
from workbench.studies.report import recipe, write_report
from workbench.studies.runs import locks_folder, open_run
from workbench.studies.sections import section

_METHODS = {"lape": lape, "ternary": ternary}


@locks_folder
def run_stages(
    model: Any,
    corpus: Any = "parallel",
    *,
    out: str | Path,
    languages: str | Sequence[str] | None = None,
    limit: int | None = None,
    top_rate: float = 0.05,
    options: Options | None = None,
) -> Path:
    """Fit the stages of a model, and write a report.

    Args:
        model: what `load_model` takes, or a Model.
        corpus: what `load_corpus` takes.
        out: the run folder; cells that are there already with the same key are not computed again.
        languages: to keep; all when None.
        limit: first texts to keep of each language.
        top_rate: share of the neurons that are selected.
        options: how to compute.

    Returns:
        The run folder, with `firing.nc`, `ternary.nc`, `stages.nc`, `report.html`.
    """
    options = options or Options()
    run = open_run(out)
    texts = at_least_two(options.corpus(corpus, languages=languages, limit=limit))
    loaded = options.load(model)
    key = common_key(loaded, options, texts)
    counts = run.cell("firing", {**key, "method": "firing"}, lambda: firing(loaded, texts, **options.texts))
    key |= {"top_rate": top_rate}
    classes = run.cell("ternary", {**key, "method": "ternary"}, lambda: ternary(counts, top_rate=top_rate))
    found = run.cell("stages", {**key, "method": "stages"}, lambda: stages(classes, seed=options.seed))
    part = section(
        "stages",
        found,
        figures.curves(found, "share"),
        reading="A line a class: its share of each layer's neurons. The parts are the best flat description of all "
        "three lines; in brackets each boundary's interval over neurons.",
        finding=findings.stages(found),
        control="The test shuffles what a description leaves unexplained over the layers: its p-value is the share of "
        "shuffles in which more parts gain as much.",
        table=found[["unexplained", "p_value"]].to_dataframe().round(3),
    )
    asked = {"languages": languages, "limit": limit, "top_rate": top_rate}
    write_report(
        run.folder,
        title=f"Stages of {loaded.name} on {texts.source}",
        sections=[part],
        recipe=recipe(run_stages, "neurons stages", model, corpus, out=out, options=options, **asked),
    )
    return run.folder


@locks_folder
def run_knockout(
    model: Any,
    corpus: Any = "parallel",
    *,
    out: str | Path,
    languages: str | Sequence[str] | None = None,
    limit: int | None = None,
    method: str = "lape",
    top_rate: float = 0.05,
    controls: int = 20,
    options: Options | None = None,
) -> Path:
    """Switch off each language's neurons and measure every language, and write a report.

    The neurons are chosen on one half of the texts and switched off on the other.

    Args:
        model: what `load_model` takes, or a Model.
        corpus: what `load_corpus` takes.
        out: the run folder; cells that are there already with the same key are not computed again.
        languages: to keep; all when None.
        limit: first texts to keep of each language, two or more.
        method: `lape` or `ternary`.
        top_rate: share of the neurons that are selected.
        controls: random groups for each group.
        options: how to compute.

    Returns:
        The run folder, with `firing.nc`, `members.nc`, `knockout.nc`, `report.html`.

    Raises:
        BadArgument: no such method.
    """
    if method not in _METHODS:
        raise BadArgument(f"there is no method {method!r} to choose neurons by (has: {', '.join(_METHODS)})")
    options = options or Options()
    run = open_run(out)
    texts = at_least_two(options.corpus(corpus, languages=languages, limit=limit))
    train, test = texts.split("train"), texts.split("test")
    loaded = options.load(model)
    counts = run.cell(
        "firing",
        {**common_key(loaded, options, train), "method": "firing"},
        lambda: firing(loaded, train, **options.texts),
    )
    key = {**common_key(loaded, options, test), "choose": method, "top_rate": top_rate, "train": train.info}
    members = run.cell("members", {**key, "method": method}, lambda: _METHODS[method](counts, top_rate=top_rate))
    found = run.cell(
        "knockout",
        {**key, "method": "knockout", "controls": controls},
        lambda: knockout(loaded, test, members, controls=controls, **options.texts),
    )
    own = findings.own(found)
    parts = [
        section(
            "knockout",
            found,
            figures.matrix(found, "excess", title="What does each language lose without a language's neurons?"),
            reading="A row a language whose neurons are off, a column a language that is measured, on texts that chose "
            "no neuron. The number is the rise of the loss beyond that without random neurons of the same layers.",
            finding=findings.knockout(found),
        ),
        section(
            "knockout",
            own,
            figures.bars(own, "delta", title="Does a language need its own neurons more than random ones?"),
            reading="A bar is the rise of a language's loss without its own neurons, its whisker the interval over "
            "texts. The grey band is what random groups of the same size and layers cost.",
            finding=findings.beyond(own),
        ),
    ]
    asked = {"languages": languages, "limit": limit, "method": method, "top_rate": top_rate, "controls": controls}
    write_report(
        run.folder,
        title=f"Knock-outs of {loaded.name} on {texts.source}",
        sections=parts,
        recipe=recipe(run_knockout, "neurons knockout", model, corpus, out=out, options=options, **asked),
    )
    return run.folder


@locks_folder
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
    options: Options | None = None,
) -> Path:
    """Compare the classes of two checkpoints, and write a report.

    Args:
        before: what `load_model` takes, or a Model.
        after: the same, of the second checkpoint.
        corpus: what `load_corpus` takes.
        out: the run folder; cells that are there already with the same key are not computed again.
        languages: to keep; all when None.
        limit: first texts to keep of each language.
        trained: languages that the training between them used, with commas.
        top_rate: share of the neurons that are selected.
        options: how to compute.

    Returns:
        The run folder, with `ternary_before.nc`, `ternary_after.nc`, `compare.nc`, `report.html`.
    """
    options = options or Options()
    run = open_run(out)
    texts = at_least_two(options.corpus(corpus, languages=languages, limit=limit))
    names, keys, classes = [], [], []
    for when, model in (("before", before), ("after", after)):
        loaded = options.load(model)
        key = {**common_key(loaded, options, texts), "top_rate": top_rate}
        names.append(loaded.name)
        keys.append(key)
        classes.append(
            run.cell(
                f"ternary_{when}",
                {**key, "method": "ternary"},
                lambda loaded=loaded: ternary(firing(loaded, texts, **options.texts), top_rate=top_rate),
            )
        )
    found = run.cell(
        "compare",
        {"before": keys[0], "after": keys[1], "method": "compare", "trained": trained},
        lambda: compare(*classes, trained=trained, seed=options.seed),
    )
    part = section(
        "compare",
        found,
        figures.before_after(found),
        reading="Left: each language's specific and related neurons, a ring before and a point after. Right: neurons "
        "by their class before and after; the diagonal stays.",
        finding=findings.compare(found),
        control="Pointing at a cell on the right names the number that is expected where the neurons of a layer change "
        "places at random; p-values are those of exchanging before and after.",
    )
    asked = {"languages": languages, "limit": limit, "trained": trained, "top_rate": top_rate}
    write_report(
        run.folder,
        title=f"{names[0]} and {names[1]} on {texts.source}",
        sections=[part],
        recipe=recipe(run_compare, "neurons compare", before, after, corpus, out=out, options=options, **asked),
    )
    return run.folder


@locks_folder
def run_look(
    model: Any,
    corpus: Any = "parallel",
    *,
    layer: int,
    neuron: int,
    out: str | Path,
    languages: str | Sequence[str] | None = None,
    limit: int | None = None,
    options: Options | None = None,
) -> Path:
    """Look at one neuron, and write its card and a report.

    Args:
        model: what `load_model` takes, or a Model.
        corpus: what `load_corpus` takes.
        layer: of the neuron.
        neuron: its number in the layer.
        out: the run folder; cells that are there already with the same key are not computed again.
        languages: to keep; all when None.
        limit: first texts to keep of each language.
        options: how to compute.

    Returns:
        The run folder, with `firing.nc`, `look.nc`, `neuron.html` (the card), `report.html`.
    """
    options = options or Options()
    run = open_run(out)
    texts = at_least_two(options.corpus(corpus, languages=languages, limit=limit))
    loaded = options.load(model)
    key = common_key(loaded, options, texts)
    counts = run.cell("firing", {**key, "method": "firing"}, lambda: firing(loaded, texts, **options.texts))

    def compute() -> Any:
        classes = {
            "ternary": ternary(counts, top_rate=0.05),
            "LAPE": lape(counts, top_rate=0.05),
            "expert": experts(loaded, texts, **options.texts),
            "PLND": plnd(loaded, texts, **options.texts),
        }
        return look(loaded, texts, layer, neuron, classes=classes, **options.texts)

    found = run.cell("look", {**key, "method": "look", "layer": layer, "neuron": neuron}, compute)
    write_whole(run.folder / "neuron.html", figures.neuron_card(found).page)
    part = section(
        "look",
        found,
        figures.neuron(found),
        reading="Left: the share of tokens at which it fires. Right: tokens whose logits it raises and lowers, read "
        "off its weights past all layers between. Its strongest texts are in neuron.html.",
        finding=findings.look(found),
        control="None: one neuron is looked at, and beside it no random one.",
    )
    asked = {"languages": languages, "limit": limit, "layer": layer, "neuron": neuron}
    write_report(
        run.folder,
        title=f"Neuron {neuron} of layer {layer} of {loaded.name}",
        sections=[part],
        recipe=recipe(
            run_look, "neurons look", model, corpus, out=out, options=options, places=("layer", "neuron"), **asked
        ),
    )
    return run.folder
