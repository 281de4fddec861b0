"""Results to plotly figures: nothing here sees a model or shows a figure; `save` and `graph_page` write."""

from workbench.figures.agreement import agreement
from workbench.figures.animation import animation
from workbench.figures.bars import bars
from workbench.figures.before_after import before_after
from workbench.figures.curves import curves
from workbench.figures.drawing.style import LIGHT
from workbench.figures.explorer import explorer, model_explorer
from workbench.figures.explorer.parts import pattern_pair
from workbench.figures.graphs.graph import graph
from workbench.figures.graphs.graph_page import graph_page
from workbench.figures.heatmap import heatmap, titled
from workbench.figures.lens_grid import lens_grid
from workbench.figures.matrix import matrix
from workbench.figures.neuron import neuron
from workbench.figures.neuron_card import neuron_card
from workbench.figures.panels.inside import inside
from workbench.figures.printing.notebook import embed
from workbench.figures.printing.paper import paper
from workbench.figures.printing.save import save
from workbench.figures.scatter import scatter

__all__ = [
    "LIGHT",
    "agreement",
    "animation",
    "bars",
    "before_after",
    "curves",
    "embed",
    "explorer",
    "graph",
    "graph_page",
    "heatmap",
    "inside",
    "lens_grid",
    "matrix",
    "model_explorer",
    "neuron",
    "neuron_card",
    "paper",
    "pattern_pair",
    "save",
    "scatter",
    "titled",
]


def __dir__() -> list[str]:
    """Complete the public names in an interactive session."""
    return sorted(__all__)
