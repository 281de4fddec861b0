"""Live views for JupyterLab: widgets that run the model while one types."""

from workbench.live.explorer import Explorer, explorer
from workbench.live.lens import Lens, lens

__all__ = ["Explorer", "Lens", "explorer", "lens"]


def __dir__() -> list[str]:
    """Complete the public names in an interactive session."""
    return sorted(__all__)
