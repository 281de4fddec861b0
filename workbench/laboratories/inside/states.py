"""What was seen inside a model, as text that a stop does not lose, and what a recipe changed of it."""

import base64
import io
from collections.abc import Mapping

import xarray as xr

from workbench.laboratories.inside.inside import Inside

_PREFIX = "inside_"


def packed(state: xr.Dataset) -> str:
    """A Dataset as text."""
    return base64.b64encode(bytes(state.to_netcdf(engine="h5netcdf"))).decode()


def unpacked(text: str) -> xr.Dataset:
    """The Dataset of a text that `packed` made."""
    with xr.open_dataset(io.BytesIO(base64.b64decode(text)), engine="h5netcdf") as state:
        return state.load()


def compared(result: xr.Dataset, inside: Inside, before: xr.Dataset, after: Mapping[str, xr.Dataset]) -> xr.Dataset:
    """A Result with what changed inside, in each condition, as variables whose names begin with `inside_`."""
    seen = inside.compare(before, after)
    renamed = {str(name): f"{_PREFIX}{name}" for name in seen.data_vars if not str(name).startswith(_PREFIX)}
    merged = seen.rename(renamed)
    sentence = {"finding_inside": str(seen.attrs["finding"])} if "finding" in seen.attrs else {}
    return result.assign({str(name): merged[name] for name in merged.data_vars}).assign_attrs(sentence)
