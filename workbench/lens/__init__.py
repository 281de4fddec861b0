"""Lenses: read the residual stream of every layer as if it were the last."""

from workbench.lens.language import by_language

__all__ = ["by_language"]
