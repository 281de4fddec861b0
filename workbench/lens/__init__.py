"""Lenses: read the residual stream of every layer as if it were the last."""

from workbench.lens.depth import depth
from workbench.lens.language import by_language
from workbench.lens.latent import latent
from workbench.lens.sentence import logit_lens
from workbench.lens.tuned import tune

__all__ = ["by_language", "depth", "latent", "logit_lens", "tune"]


def __dir__() -> list[str]:
    """Complete the public names in an interactive session."""
    return sorted(__all__)
