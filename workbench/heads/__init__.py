"""Attention heads: which matter for which language, what happens without them, and what they can be used for."""

from workbench.heads.ablation import ablate
from workbench.heads.agreement import agreement
from workbench.heads.groups import top
from workbench.heads.kinds import kinds
from workbench.heads.knockout import knockout
from workbench.heads.lahis import importance
from workbench.heads.mask_file import fold_mask, load_mask, save_mask
from workbench.heads.off_target import off_target
from workbench.heads.patterns import patterns
from workbench.heads.prune import prune
from workbench.heads.search import search
from workbench.heads.shapley import shapley
from workbench.heads.sharing import roles
from workbench.heads.smaller import save_smaller
from workbench.heads.soft_mask import tune_mask
from workbench.heads.transfer import transfer

__all__ = [
    "ablate",
    "agreement",
    "fold_mask",
    "importance",
    "kinds",
    "knockout",
    "load_mask",
    "off_target",
    "patterns",
    "prune",
    "roles",
    "save_mask",
    "save_smaller",
    "search",
    "shapley",
    "top",
    "transfer",
    "tune_mask",
]
