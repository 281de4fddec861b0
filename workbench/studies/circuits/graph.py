"""The study of prompts: which features carry each prediction, and a page on which they can be explored."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import xarray as xr

from workbench import figures
from workbench.arguments import finite, whole_number
from workbench.circuits import Transcoder, contexts, direction, graph, prune
from workbench.circuits import export as write_json
from workbench.errors import BadArgument
from workbench.figures.graphs.graph import EDGES, NODES
from workbench.figures.graphs.shown import Shown
from workbench.model.model import Model
from workbench.studies.analysis import Analysis, Cell, Results, analysis
from workbench.studies.circuits.opened import OPTIONS, SHIPPED, key_of, name_of, open_both
from workbench.studies.findings.circuits import graph as findings
from workbench.studies.options import DEFAULTS, Options, open_texts, refuse_chat
from workbench.studies.report import Section
from workbench.studies.runs import Run
from workbench.studies.sections import drawing, section
from workbench.text.corpus import Corpus
from workbench.text.display.safe import plain_line
from workbench.text.words import load_words

PAGE = "graphs.html"
_CONTEXTS = "contexts"
_LETTERS = 60  # of a prompt in a name


# Long: a parameter for each option of the command.
@analysis("circuits graph", as_options=OPTIONS, only_python=("chat", "prompt", "target", "foil"))
def run_circuit_graph(
    model: Any = "polyglot",
    corpus: Any = "parallel",
    *,
    prompt: str | Sequence[str],
    out: str | Path,
    target: str | Sequence[str] = (),
    foil: str | Sequence[str] = (),
    towards: str | None = None,
    transcoder: Any = SHIPPED,
    nodes: float = 0.8,
    edges: float = 0.98,
    max_features: int = 4096,
    export: bool = False,
    languages: str | Sequence[str] | None = None,
    limit: int | None = None,
    options: Options = DEFAULTS,
) -> Analysis:
    """Trace the predictions of prompts to tokens, features and errors, and write a report and a page of the graphs.

    Args:
        prompt: a text before the prediction, or several, such as the same in several languages.
        target: a word that may follow, or one for each prompt; the likeliest next tokens when there is none.
        foil: a word to compare the target with, or one for each prompt.
        towards: a language: the target is the direction of its words, in place of a word.
        transcoder: what `wb.circuits.load` takes, or a Transcoder.
        nodes: share of the influence of all nodes that those carry which are shown.
        edges: the same of edges.
        max_features: features of a prompt that become nodes.
        export: also write each graph as circuit-tracer's JSON.

    Returns:
        The run folder, with `graph_1.nc` ..., the whole graphs, `contexts.nc`, `report.html` and `graphs.html`.

    Raises:
        BadTranscoder: it is not there, or does not fit the model.
        BadArgument: an option out of range, or neither one target for all prompts nor one for each.
        UnsupportedSite: the model cannot be made linear.
    """
    refuse_chat(options, "an attribution graph")
    for name, value in {"nodes": nodes, "edges": edges}.items():
        finite(name, value, at_least=0, at_most=1)
    whole_number("max_features", max_features, at_least=1)
    prompts = [prompt] if isinstance(prompt, str) else list(prompt)
    if blank := [str(number) for number, text in enumerate(prompts, start=1) if not text.strip()]:
        raise BadArgument(f"prompt {', '.join(blank)} is blank; give the text before the prediction")
    chosen = _targets(len(prompts), target, foil, towards)
    texts = open_texts(corpus, options, languages=languages, limit=limit, alone=True)
    words = None if towards is None else load_words()
    opened, loaded = open_both(transcoder, model, options)
    key = key_of(opened, loaded, options)
    if towards is not None and words is not None:
        chosen = [direction(loaded, words, towards, after='"')] * len(prompts)
    keys = [
        {**key, "method": "circuits.graph", "prompt": text, "target": towards or goal, "max_features": max_features}
        for text, goal in zip(prompts, chosen, strict=True)
    ]
    how = {"max_features": max_features, "progress": options.progress}
    cells = {
        f"graph_{number}": Cell(
            f"graph_{number}", own, lambda _, text=text, goal=goal: graph(opened, loaded, text, target=goal, **how)
        )
        for number, (text, goal, own) in enumerate(zip(prompts, chosen, keys, strict=True), start=1)
    }
    shares = {"nodes": nodes, "edges": edges}
    seen = {**key_of(opened, loaded, options, texts), "method": "circuits.contexts", "graphs": keys, **shares}
    names = {
        name: f"{number}: {_short(text)}" for number, (name, text) in enumerate(zip(cells, prompts, strict=True), 1)
    }

    def pruned(results: Results) -> dict[str, xr.Dataset]:
        return {name: prune(results[name], **shares) for name in cells}

    return Analysis(
        title=f"How prompts lead to predictions in {loaded.name}, by {name_of(transcoder)}",
        question="Which features carry the prediction, and how much is not explained?",
        cells=[
            *cells.values(),
            Cell(_CONTEXTS, seen, lambda results: _seen(opened, loaded, texts, pruned(results), options)),
        ],
        sections=lambda results: _sections(results, pruned(results), names),
        main=tuple(cells),
        beside=lambda run, results: _write(run, pruned(results), results.get(_CONTEXTS), names, export),
    )


def _targets(count: int, target: str | Sequence[str], foil: str | Sequence[str], towards: str | None) -> list[Any]:
    """The target of each prompt: None, a word, or a word and its foil.

    Raises:
        BadArgument: neither one for all nor one for each, a foil without a target, or a target beside a language.
    """
    columns = []
    for name, given in {"target": target, "foil": foil}.items():
        words = [given] if isinstance(given, str) else list(given)
        if len(words) not in (0, 1, count):
            raise BadArgument(f"{name} has {len(words)} words for {count} prompts; give one, or one for each")
        columns.append(words * count if len(words) == 1 else words or [None] * count)
    if towards is not None and (target or foil):
        raise BadArgument("towards is in place of target and foil; leave one of them out")
    if foil and not target:
        raise BadArgument("foil is compared with a target; give target too")
    return [word if other is None else (word, other) for word, other in zip(*columns, strict=True)]


def _short(prompt: str) -> str:
    """The last line of a prompt, without its end where it is long."""
    return plain_line(prompt.rstrip("\n").rsplit("\n", 1)[-1], most=_LETTERS)


def _features(graphs: Mapping[str, xr.Dataset]) -> Iterator[tuple[int, int]]:
    """(layer, number) of the features that the page shows."""
    for each in graphs.values():
        shown = Shown.choose(each, nodes=NODES, edges=EDGES)
        mine = shown.of("kind") == "feature"
        yield from zip(shown.of("layer")[mine].tolist(), shown.of("feature")[mine].tolist(), strict=True)


def _seen(
    transcoder: Transcoder, model: Model, texts: Corpus, graphs: Mapping[str, xr.Dataset], options: Options
) -> xr.Dataset:
    """Where the features that are shown are strongest.

    Raises:
        BadArgument: no graph shows a feature.
    """
    features = sorted(set(_features(graphs)))
    if not features:
        raise BadArgument("no feature carries any of these predictions: errors do; try nodes=1, or another transcoder")
    return contexts(transcoder, model, texts, features, **options.texts)


def _write(
    run: Run, graphs: Mapping[str, xr.Dataset], seen: xr.Dataset | None, names: Mapping[str, str], files: bool
) -> None:
    """The page of all graphs and, with `files`, the JSON of each."""
    shown = {names[name]: each for name, each in graphs.items()}
    figures.graph_page(shown, run.folder / PAGE, contexts=seen)
    for name, each in graphs.items() if files else ():
        write_json(each, run.folder / f"{name}.json")


def _sections(results: Results, graphs: Mapping[str, xr.Dataset], names: Mapping[str, str]) -> list[Section]:
    seen = results[_CONTEXTS]
    return [
        section(
            name,
            results[name],
            drawing(
                figures.graph,
                graphs[name],
                nodes=60,
                edges=150,
                question=f"What carries the prediction after “{names[name].partition(': ')[2]}”?",
            ),
            reading="Tokens stand below, the prediction on top, at the right end. Circles are features, larger ones of "
            f"more influence; crosses are errors, what the transcoder does not explain. {PAGE} has more nodes, and "
            "shows what each feature reacts to.",
            finding=findings.carried(results[name]),
            control=_CONTROL,
            table=findings.feature_table(results[name], seen),
        )
        for name in names
    ]


_CONTROL = (
    "None: a graph is exact for one prompt with attention patterns frozen, and errors are its own measure of what it "
    "leaves open. Whether features matter is measured by switching them off: circuits.knockout and circuits.accept."
)
