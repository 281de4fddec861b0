"""Small laboratories: Results as a run returns them, without a training."""

import numpy as np
import xarray as xr

from workbench.laboratories.changes import OWNERS, changes
from workbench.laboratories.verdict import verdict
from workbench.results.make import make_result

LANGUAGES, MEASURES = ["de", "fr", "ja"], ["exact match", "bits per byte"]


def result(gain=0.5, *, seeds=2, controls=("shuffled", "text")):
    """A Result whose recipe gains so much in every sample of the first measure, and its controls nothing."""
    generator = np.random.default_rng(0)
    conditions = ["before", "recipe", *controls]
    score = np.tile(generator.uniform(0.2, 0.4, (1, 1, 2, len(LANGUAGES), 8)), (len(conditions), seeds, 1, 1, 1))
    score[1, :, 0] += gain + generator.uniform(-0.05, 0.05, score[1, :, 0].shape)
    better, aligned = np.array([1, -1]), np.array([True, True])
    axes = ("condition", "seed", "measure", "language", "sample")
    made = make_result(
        {
            "score": (axes, score, "score"),
            **changes(score, better, aligned),
            "units": (("measure",), np.array(["share", "bits per byte"]), "unit of each measure"),
            "better": (("measure",), better, "1: higher is better"),
        },
        {
            "condition": conditions,
            "control": list(controls),
            "seed": list(range(seeds)),
            "measure": MEASURES,
            "language": LANGUAGES,
        },
        method="laboratories.run",
        parameters={"recipe": "small"},
        attrs={"recipe": "small", "level": 0.95},
        owners=OWNERS,
    )
    return made.assign_attrs(finding=verdict(made))


def scheduled():
    """A Result of two recipes and two controls, all conditions: an excess for each condition over each control."""
    controls = ["none", "monolingual"]
    first, second = (result(gain, controls=("last", *controls)).sel(control=controls) for gain in (0.5, 0.1))
    made = first.copy()
    for name in [each for each in first if "control" in first[each].dims]:
        nothing = first[name] * 0
        parts = [nothing * np.nan, first[name], second[name], nothing, nothing]
        made[name] = xr.concat([part.drop_attrs() for part in parts], first["condition"])
    return made.assign_coords(condition=["before", "first", "last", *controls])
