"""The explorer of a run folder: its result files, read again, as one page."""

from pathlib import Path

from workbench.errors import BadArgument
from workbench.figures import explorer
from workbench.results.files import load_result

PAGE = "explorer.html"


def explore(folder: str | Path, *, out: str | Path | None = None, title: str | None = None) -> Path:
    """Write the explorer of a run folder's results; no model is loaded.

    Args:
        folder: a run folder, or any folder of results.
        out: the page; `explorer.html` in the folder when None.
        title: of the page.

    Returns:
        The path of the page; it is written whole or not at all.

    Raises:
        BadArgument: no such folder, no result in it, none that the explorer shows, or results of two models.
        BadResult: a result file is cut short, or from a newer version.
        CannotWrite: the page cannot be written.

    Example:
        >>> explore("runs/demo")                                                                 # doctest: +SKIP
    """
    folder = Path(folder).expanduser()
    files = [path for path in sorted(folder.glob("*.nc")) if not path.name.endswith(".partial.nc")]
    if not files:
        what = "holds no result files (*.nc)" if folder.is_dir() else "is no folder"
        raise BadArgument(f"{folder} {what}; `workbench demo` or `workbench heads MODEL CORPUS` makes a run folder")
    page = Path(out).expanduser() if out is not None else folder / PAGE
    explorer(*map(load_result, files), title=title).write_html(page)
    return page
