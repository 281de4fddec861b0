"""One table of all results of a study, and questions to it in SQL."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import xarray as xr

from workbench.errors import BadArgument, BadStudy, MissingExtra
from workbench.results.companions import belongs, companions
from workbench.results.reading.main_variable import main_variable
from workbench.studies.study.folder import results_in

_ENDS = ("low", "high", "p_value")
_FIRST = ("study", "analysis", "model", "corpus", "seed", "result", "variable")
_SINGLE = {"sample", "item", "pair", "sentence", "option", "control", "query", "key"}  # axes of single measurements
_LAST = ("value", "label", *_ENDS)
_TAKEN = {*_FIRST, *_LAST}


def table(folder: str | Path | Sequence[str | Path], *, analysis: str | None = None) -> pd.DataFrame:
    """The main numbers of all results of a study, or of several, in rows.

    Args:
        folder: of the study; or several.
        analysis: only the one of this name.

    Returns:
        A row for each cell of each result's main variable, but not of single texts and items: `study`, `analysis`,
        `model`, `corpus`, `seed`, `result`, `variable`, a column for each axis (`language`, `layer`, `head` ...; an
        axis with the name of one of the former, such as `model` of a comparison of models, is `model_axis`),
        `value`, or `label` where it is a word, and `low`, `high`, `p_value` where the result has them.
        `DataFrame.to_latex` and `to_csv` write it.

    Raises:
        BadStudy: no study was run there, or it has no finished job.
        BadArgument: no analysis has this name.

    Example:
        >>> rows = wb.studies.table("runs/heads-study", analysis="head_knockout")               # doctest: +SKIP
        >>> rows.pivot_table("value", ["model", "group"], "language")                           # doctest: +SKIP
    """
    folders = [folder] if isinstance(folder, str | Path) else list(folder)
    frames, names = [], set()
    for place in folders:
        for job, name, result in results_in(place):
            names.add(job.name)
            if analysis in (None, job.name):
                about = {"study": Path(place).name, "analysis": job.name, "model": job.model}
                about |= {"corpus": job.arguments.get("corpus", ""), "seed": job.options.seed, "result": name}
                frames += [frame.assign(**about) for frame in _rows(result)]
    if analysis is not None and names and analysis not in names:
        raise BadArgument(f"no analysis is named {analysis!r} (has: {', '.join(sorted(names))})")
    if not frames:
        places = ", ".join(map(str, folders))
        raise BadStudy(f"no finished result in {places}; `workbench study status` shows how far it is")
    rows = pd.concat(frames, ignore_index=True)
    axes = [str(name) for name in rows.columns if name not in _TAKEN]
    return rows.reindex(columns=[*_FIRST, *axes, *(name for name in _LAST if name in rows)])


def query(sql: str, folders: Sequence[str | Path]) -> pd.DataFrame:
    """Ask all results of studies in SQL; the table `runs` has the columns of `table`.

    Args:
        sql: a query of DuckDB; it reaches no file.
        folders: of studies.

    Returns:
        What the query gives.

    Raises:
        MissingExtra: DuckDB is not installed.
        BadArgument: the query is wrong; with what DuckDB says.
        BadStudy: no finished result.

    Example:
        >>> wb.studies.query("select model, avg(value) from runs group by model", ["runs/study"])   # doctest: +SKIP
    """
    try:
        import duckdb
    except ImportError as error:
        raise MissingExtra("queries need DuckDB: pip install 'babel-workbench[queries]'") from error
    rows = table(folders)
    with duckdb.connect(":memory:") as connection:
        connection.register("rows", rows)
        connection.execute("CREATE TABLE runs AS SELECT * FROM rows")
        connection.unregister("rows")
        connection.execute(
            "SET python_enable_replacements = false; SET enable_external_access = false; SET lock_configuration = true"
        )
        try:
            if (answer := connection.sql(sql)) is None:
                raise BadArgument("the query is wrong: it gives no rows; begin it with select")
            return answer.df()
        except duckdb.Error as error:
            raise BadArgument(f"the query is wrong: {' '.join(str(error).split())}") from None


def _rows(result: xr.Dataset) -> list[pd.DataFrame]:
    """The cells of a result's main variable as rows, words as `label`; of several candidates those of each."""
    try:
        names = [main_variable(result)]
    except BadArgument:
        names = [str(name) for name in result.data_vars if not belongs(result, str(name))]
    return [_cells(result, name) for name in names if not _SINGLE & set(result[name].dims)]


def _cells(result: xr.Dataset, name: str) -> pd.DataFrame:
    content = "value" if result[name].dtype.kind in "fiub" else "label"
    ends = {end: values for end, values in companions(result, name).items() if end in _ENDS}
    cells = xr.Dataset({content: result[name], **ends}).reset_coords(drop=True)
    cells = cells.rename({axis: f"{axis}_axis" for axis in cells.dims if axis in _TAKEN})
    rows = cells.to_dataframe().reset_index() if cells.dims else pd.DataFrame([{n: v.item() for n, v in cells.items()}])
    return rows.dropna(subset=[content]).assign(variable=name)
