"""The explorer: results side by side, one head, layer and sentence at a time."""

from workbench.figures.explorer.models import ModelExplorer, model_explorer
from workbench.figures.explorer.page import Explorer, explorer

__all__ = ["Explorer", "ModelExplorer", "explorer", "model_explorer"]
