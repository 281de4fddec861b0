"""A section of a report from a Result, its figure and its sentences."""

from html import unescape

import pandas as pd
import plotly.graph_objects as go
import xarray as xr

from workbench.results.make import provenance
from workbench.studies.report import Section


def section(
    name: str,
    result: xr.Dataset,
    figure: go.Figure,
    *,
    reading: str,
    finding: str,
    table: pd.DataFrame | None = None,
) -> Section:
    """Make the section of a cell; its title is the question that the figure answers.

    Args:
        name: of the cell: its file is `<name>.nc`.
        result: what the figure was drawn of.
        figure: of `workbench.figures`.
        reading: how to read it.
        finding: what it shows.
        table: printed under it.
    """
    title = unescape(str(figure.to_dict()["layout"]["title"]["text"])).replace("<br>", " ")
    return Section(title, figure, table, reading, finding, provenance(result), f"{name}.nc")
