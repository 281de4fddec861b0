"""Finished languages: the error of an interrupt in an analysis that goes language by language."""

from collections.abc import Iterable, Sequence

import xarray as xr

from workbench.errors import Interrupted


def interrupted(languages: Sequence[str], finished: Iterable[bool], partial: xr.Dataset) -> Interrupted:
    """The error that names the finished languages and carries the partial result."""
    done = [code for code, whole in zip(languages, finished, strict=True) if whole]
    return Interrupted(
        f"interrupted; finished languages: {', '.join(done) or 'none'} of {len(languages)}; the others are NaN in "
        ".partial",
        partial=partial,
    )
