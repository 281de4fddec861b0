"""Attribution: which parts of a model write an answer into its logits."""

from workbench.attribution.direct import direct

__all__ = ["direct"]
