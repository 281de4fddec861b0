"""Values that mean nothing, in place of each argument, are refused by an error of ours in one line."""

import inspect

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from tests.atlas.across.test_claims import OUTER
from workbench.atlas import across
from workbench.errors import WorkbenchError

RIGHT = {"results": {"a": OUTER}, "what": "lens", "points": 3, "resamples": 5, "seed": 0, "level": 0.9}
ODD = [
    *(None, True, -1, 2**80, 1.5, float("nan"), float("inf"), np.zeros((2, 2)), "", "xx", "a\0b", b"b", object(), len),
    *([], ["xx"], [None], [[]], {}, {"de": 1}, {"xx": [[]]}, {None: None}, pd.DataFrame(), xr.Dataset()),
]
ODD_RESULTS = [
    {None: xr.Dataset()},
    {1: OUTER["neurons/lape"]},
    {"neurons/lape": 1},
    {"neurons/lape": xr.Dataset({"member": 1.0})},
    {"heads/ablation": xr.Dataset({"delta": (("language", "layer", "head"), [[["a"]]])})},
    {"lens-x/lens": xr.Dataset({"concept_probability": (("concept", "language", "layer"), np.zeros((1, 1, 3)))})},
    {"concepts-x/last": xr.Dataset({"pair_probability": (("pair", "answer", "layer"), np.zeros((0, 4, 3)))})},
]


def refused(name, **wrong):
    function = getattr(across, name)
    right = {key: value for key, value in RIGHT.items() if key in inspect.signature(function).parameters}
    with pytest.raises(WorkbenchError) as error:
        function(**{**right, **wrong})
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", across.__all__)
def test_every_argument(name):
    for argument in inspect.signature(getattr(across, name)).parameters:
        for value in ODD:
            refused(name, **{argument: value})


@pytest.mark.parametrize("name", across.__all__)
@pytest.mark.parametrize("own", ODD_RESULTS)
def test_odd_results(name, own):
    refused(name, results={"a": own})
