"""Groups of heads or neurons: pairs and masks that name what is not there are refused."""

import numpy as np
import pytest
import xarray as xr

from workbench.errors import BadArgument, BadResult
from workbench.results.groups import read_groups, read_units


@pytest.mark.parametrize(
    "pair", [(0, float("nan")), (0, float("inf")), (1.5, 0), (-1, 0), (0, 4), (3, 0), ("x", 0), (0,), 7, None]
)
def test_a_pair_that_is_no_unit_is_refused(pair):
    with pytest.raises(BadArgument, match="layers 0 to 2 and heads 0 to 3"):
        read_units([pair], 3, 4, unit="head")


def test_whole_numbers_of_any_type_are_read():
    wanted = np.zeros((3, 4), bool)
    wanted[2, 3] = wanted[0, 1] = True
    assert (read_units([(2, np.int8(3)), np.array([0, 1])], 3, 4, unit="head") == wanted).all()
    assert (read_units(wanted, 3, 4, unit="head") == wanted).all()


def test_a_square_mask_is_read_by_the_names_of_its_axes():
    wanted = np.zeros((3, 3), bool)
    wanted[0, 2] = True
    turned = xr.DataArray(wanted, dims=("layer", "head")).transpose("head", "layer")
    assert (read_units(turned, 3, 3, unit="head") == wanted).all()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0, 0.5, 2.0])
def test_a_member_that_is_neither_in_nor_out_is_refused(value):
    member = np.zeros((1, 3, 4))
    member[0, 1, 2] = 1
    groups = xr.Dataset({"member": (("language", "layer", "head"), member)}, {"language": ["de"]})
    assert read_groups(groups, 3, 4, unit="head", share=0.02)["de"].sum() == 1
    groups.member.values[0, 0, 0] = value
    with pytest.raises(BadResult, match="true or false, 1 or 0"):
        read_groups(groups, 3, 4, unit="head", share=0.02)
