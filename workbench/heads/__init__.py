"""Attention heads: which matter for which language, what happens without them, and what they can be used for."""

from workbench.heads.ablation import ablate
from workbench.heads.agreement import agreement
from workbench.heads.groups import top
from workbench.heads.knockout import knockout
from workbench.heads.lahis import importance
from workbench.heads.prune import prune
from workbench.heads.shapley import shapley
from workbench.heads.sharing import roles
from workbench.heads.smaller import save_smaller

__all__ = ["ablate", "agreement", "importance", "knockout", "prune", "roles", "save_smaller", "shapley", "top"]
