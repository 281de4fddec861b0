"""The page of attribution graphs: one file in which a click on a node shows everything about it."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

import xarray as xr

from workbench.arguments import checked, whole_number
from workbench.errors import BadArgument
from workbench.figures.graphs.graph import EDGES, NODES
from workbench.figures.graphs.payload import Measured, payload
from workbench.figures.graphs.shown import targets
from workbench.figures.pages.offline import offline_page
from workbench.figures.question import made_of
from workbench.results.files import write_whole

_ASSETS = Path(__file__).parent / "assets"
_NOTES = (
    "Direct effect: the edge to the target. Total effect: that and all ways through features that the graph has; "
    "attention, norms and the set of active features are frozen. Neither is what happens when the model runs again.",
)


@checked
def graph_page(
    graphs: xr.Dataset | Sequence[xr.Dataset] | Mapping[str, xr.Dataset],
    path: str | Path,
    *,
    contexts: xr.Dataset | None = None,
    effects: Mapping[str, Mapping[tuple[int, int], float]] | None = None,
    nodes: int = NODES,
    edges: int = EDGES,
    title: str | None = None,
) -> Path:
    """Write attribution graphs into one file that needs no network, whole or not at all.

    A click or a key on a node shows what it is, its strongest edges, its effect on each target, and where in the
    texts of every language its feature is strongest. A table holds the same nodes.

    Args:
        graphs: what `wb.circuits.graph` or `wb.circuits.prune` returned: one, several, or several by the names that
            the menu shows, such as one word in three languages.
        path: of the file.
        contexts: what `wb.circuits.contexts` returned for features of these graphs.
        effects: name of a graph to {(layer, number of the feature): change of its first target that was measured}.
        nodes: nodes shown of each beside tokens and targets, those with the greatest influence.
        edges: edges drawn of each; the panel of a node lists its twelve strongest into it and out of it.
        title: of the page.

    Returns:
        The path.

    Raises:
        BadArgument: no graph, another Result, effects of a graph that is not there, or a count below 1.
        CannotWrite: the folder is read-only or the disk is full.

    Example:
        >>> seen = wb.circuits.contexts(transcoder, model, corpus, features)                     # doctest: +SKIP
        >>> wb.figures.graph_page({"de": german, "zh": chinese}, "graphs.html", contexts=seen)   # doctest: +SKIP
    """
    for name, value in (("nodes", nodes), ("edges", edges)):
        whole_number(name, value, at_least=1)
    named = _named(graphs)
    measured: Mapping[str, Measured] = effects or {}
    if unknown := set(measured) - set(named):
        raise BadArgument(f"effects has {unknown.pop()!r}, which is none of the graphs (has: {', '.join(named)})")
    data = payload(named, contexts, measured, nodes=nodes, edges=edges)
    origin = {part: name for result in named.values() for part, name, _ in made_of(result)}
    missing = [] if contexts is not None else ["Missing: contexts; wb.circuits.contexts gives them."]
    page = offline_page(
        _ASSETS,
        ("graph.js", "node.js", "main.js"),
        data,
        title=title or "How prompts lead to answers",
        about=origin.items(),
        skip_to=("plot-box", "the graph"),
        notes="".join(f"<p>{escape(note)}</p>" for note in (*missing, *_NOTES)),
    )
    return write_whole(path, page)


def _named(graphs: xr.Dataset | Sequence[xr.Dataset] | Mapping[str, xr.Dataset]) -> dict[str, xr.Dataset]:
    """Graphs by name: a sequence's by number and target.

    Raises:
        BadArgument: none at all, or another Result.
    """
    if isinstance(graphs, Mapping) and not isinstance(graphs, xr.Dataset):
        named = {str(name): graph for name, graph in graphs.items()}
    else:
        every = [graphs] if isinstance(graphs, xr.Dataset) else graphs
        named = {f"{number}: {', '.join(targets(graph))}": graph for number, graph in enumerate(every, start=1)}
    if not named:
        raise BadArgument("graphs is empty; give at least one of wb.circuits.graph")
    return named
