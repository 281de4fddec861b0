"""Names of positions in a table over pairs: counted from the end where lengths differ, with their tokens."""

from collections.abc import Sequence

import numpy as np

from workbench.model.model import Model
from workbench.patching.engine.prompts import Prompts
from workbench.patching.engine.table import Table


def numbers(prompts: Prompts) -> Sequence[int]:
    """Labels of the columns: from 0 where all prompts have one length, else from the end."""
    width = prompts.width
    return range(width) if len(set(prompts.lengths)) == 1 else range(-width, 0)


def forget_padding(table: Table) -> None:
    """Positions that a shorter pair does not have are NaN; the columns are positions, or units times positions."""
    width = table.prompts.width
    values = table.values.reshape(*table.values.shape[:2], -1, width)
    for row, ids in enumerate(table.prompts.target):
        values[row, :, :, : width - len(ids)] = np.nan


def tokens(model: Model, prompts: Prompts) -> np.ndarray:
    """The token at each position where all pairs agree on it, else nothing; source/target where those two differ."""
    names = []
    for back in range(prompts.width, 0, -1):
        token_pairs = {
            (source[-back], target[-back])
            for source, target in zip(prompts.source, prompts.target, strict=True)
            if len(target) >= back
        }
        if len(token_pairs) == 1:
            source, target = (model.tokenizer.decode([token]) for token in next(iter(token_pairs)))
            names.append(target if source == target else f"{source}/{target}")
        else:
            names.append("")
    return np.array(names, dtype=object)
