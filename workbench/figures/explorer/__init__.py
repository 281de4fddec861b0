"""The explorer: results side by side, one head, layer and sentence at a time."""

from workbench.figures.explorer.page import Explorer, explorer

__all__ = ["Explorer", "explorer"]
