"""Attention heads: which matter for which language, by gradient and by exact ablation."""

from workbench.heads.ablation import ablate
from workbench.heads.lahis import importance
from workbench.heads.sharing import roles

__all__ = ["ablate", "importance", "roles"]
