"""The explorer of a run folder: its own cells, and the page of all result files."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import xarray as xr

from workbench.errors import BadArgument, BadResult
from workbench.figures import explorer
from workbench.heads import kinds, patterns
from workbench.model.model import Model
from workbench.results.files import load_result
from workbench.studies.analysis import Cell
from workbench.studies.forecast import Work
from workbench.studies.options import Options, common_key
from workbench.studies.runs import Run
from workbench.text.corpus import Corpus

PAGE = "explorer.html"
KIND_TEXTS = 40  # of each language: shares of the attention are known well enough
SENTENCES = 3
SHORT = 36  # tokens: a pattern in which every token can still be read
LONGEST = 96  # tokens: a pattern in which none can
_ROWS = 200  # of the corpus, among which the sentences are chosen
_AXES = ("language", "layer", "head")
_BYTES = 12e6  # of patterns in the page


def attention_cells(model: Model, corpus: Corpus, options: Options) -> list[Cell]:
    """The cells of heads' attention, for the explorer; none where patterns cannot be read or all texts are long."""
    if not model.abilities.get("pattern"):
        return []
    some = corpus.limit(KIND_TEXTS)
    key = {**common_key(model, options, some), "method": "kinds"}
    cells = [Cell("kinds", key, lambda _: kinds(model, some, **options.texts), [Work(model, some, 2, 0)])]
    if rows := readable(model, corpus, options):
        key = {**common_key(model, options, corpus), "method": "patterns", "sentences": rows}
        works = [Work(model, corpus.limit(SENTENCES), 2, 0)]
        cells.append(Cell("patterns", key, lambda _: patterns(model, corpus, sentences=rows, **options.texts), works))
    return cells


def write_explorer(run: Run, *_: object) -> Path:
    """Write the explorer of the cells that a run has finished, and of no older ones."""
    return _write(map(run.file, sorted(run.finished)), run.folder / PAGE)


def readable(model: Model, corpus: Corpus, options: Options) -> list[int]:
    """The first rows that are short in every language, then the shortest others; as many as a page can hold."""
    longest = np.zeros(min(_ROWS, *corpus.counts.values()), int)
    for text in model.encode(corpus.limit(len(longest)), truncate=options.truncate):
        longest[text.row] = max(longest[text.row], len(text.ids))
    order = np.argsort(np.where(longest <= SHORT, 0, longest), kind="stable")[:SENTENCES]
    size = len(corpus.languages) * model.n_layers * model.n_heads * np.cumsum(longest[order] ** 2 / 2)
    return sorted(order[(longest[order] <= LONGEST) & (size <= _BYTES)].tolist())


def explore(folder: str | Path, *, out: str | Path | None = None) -> Path:
    """Write the explorer of a run folder's results; no model is loaded.

    Args:
        folder: a run folder, or any folder of results.
        out: the page; `explorer.html` in the folder when None.

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
    return _write(files, Path(out).expanduser() if out is not None else folder / PAGE)


def _write(files: Iterable[Path], page: Path) -> Path:
    explorer(*map(_loaded, files)).write_html(page)
    return page


def _loaded(path: Path) -> xr.Dataset:
    """A result with languages, layers and heads along those axes, if it has them."""
    result = load_result(path)
    empty = [axis for axis in _AXES if result.sizes.get(axis) == 0]
    if empty:
        raise BadResult(f"{path} has nothing along its axis {empty[0]!r}; remove the file to see the others")
    return result
