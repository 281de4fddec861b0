"""Attention heads: which matter for which language, what happens without them, and what they can be used for."""

from workbench.heads.agreement import agreement
from workbench.heads.attention.kinds import kinds
from workbench.heads.attention.patterns import patterns
from workbench.heads.groups import top
from workbench.heads.head_score import HeadScore, score_result
from workbench.heads.removal.knockout import knockout
from workbench.heads.removal.prune import prune
from workbench.heads.removal.pruned_checkpoint import save_smaller
from workbench.heads.roles import roles
from workbench.heads.scores.ablation import ablate
from workbench.heads.scores.lahis import importance
from workbench.heads.scores.search import search
from workbench.heads.scores.shapley import shapley
from workbench.heads.use.mask_file import fold_mask, load_mask, save_mask
from workbench.heads.use.off_target import off_target
from workbench.heads.use.soft_mask import tune_mask
from workbench.heads.use.tasks import task_losses
from workbench.heads.use.transfer import transfer

__all__ = [
    "HeadScore",
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
    "score_result",
    "search",
    "shapley",
    "task_losses",
    "top",
    "transfer",
    "tune_mask",
]


def __dir__() -> list[str]:
    """Complete the public names in an interactive session."""
    return sorted(__all__)
