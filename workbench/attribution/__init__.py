"""Attribution: which parts of a model write an answer into its logits."""

from workbench.attribution.direct import direct

__all__ = ["direct"]


def __dir__() -> list[str]:
    """Complete the public names in an interactive session."""
    return sorted(__all__)
