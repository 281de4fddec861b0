"""Live views for JupyterLab: widgets that run the model while one types."""

from workbench.live.explorer import Explorer, explorer

__all__ = ["Explorer", "explorer"]
