"""A run's figures and tables as a paper takes them: `RUN/figures/`, one file for each."""

import re
from pathlib import Path

import pandas as pd

from workbench.errors import BadArgument
from workbench.figures.printing.paper import paper
from workbench.figures.printing.save import picture
from workbench.results.files import write_whole
from workbench.studies.report.contents import Section, readable
from workbench.studies.report.store import load_report

FOLDER = "figures"
KINDS = ("pdf", "svg", "png")
_DPI = 600
_ESCAPED = str.maketrans(
    {
        **{sign: f"\\{sign}" for sign in "&%$#_{}"},
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "\\": r"\textbackslash{}",
    }
)


def for_paper(folder: str | Path, kind: str, *, width: str | float = "column") -> list[Path]:
    """Write every figure of a run as `wb.figures.paper` makes it, and every table as LaTeX (booktabs) and CSV.

    `captions.tex` has a `figure` environment for each figure: its caption is the section's question, its finding and
    what the figure shows.

    Args:
        folder: The run folder; it may have been moved.
        kind: `pdf`, `svg` or `png` (600 dpi).
        width: As in `wb.figures.paper`.

    Returns:
        The files, in the order of the sections, `captions.tex` last.

    Raises:
        BadArgument: No such kind; or kaleido or a Chromium is not installed.
        BadResult: The folder has no `report.json`.
        CannotWrite: A file cannot be written.

    Example:
        >>> for_paper("runs/demo", "pdf", width="page")                                          # doctest: +SKIP
    """
    if kind not in KINDS:
        raise BadArgument(f"there is no kind {kind!r} of figures (has: {', '.join(KINDS)})")
    home = Path(folder).expanduser()
    report = load_report(home)
    printed = {
        number: paper(part.figure, width=width)  # type: ignore[arg-type]
        for number, part in enumerate(report.sections, start=1)
        if part.figure is not None
    }
    instead = "--format html"
    drawn = dict(zip(printed, picture(list(printed.values()), kind, dpi=_DPI, instead=instead), strict=True))
    written, captions = [], []
    for number, part in enumerate(report.sections, start=1):
        name = home / FOLDER / f"{number:02}-{_slug(part)}"
        if number in drawn:
            written.append(write_whole(name.with_suffix(f".{kind}"), drawn[number]))
            layout = printed[number].to_dict()["layout"]
            captions.append(_caption(part, name.name, layout["meta"]["caption"]))
        if part.table is not None:
            table = readable(part.table)
            written.append(write_whole(name.with_suffix(".csv"), table.to_csv()))
            written.append(write_whole(name.with_suffix(".tex"), latex(table, part)))
    return [*written, write_whole(home / FOLDER / "captions.tex", "\n".join(captions))]


def latex(table: pd.DataFrame, part: Section) -> str:
    r"""A table for `\usepackage{booktabs}`, its caption the section's question and finding."""
    cells = table.reset_index() if table.index.name or not pd.api.types.is_numeric_dtype(table.index) else table
    rows = [[_cell(value) for value in row] for row in cells.itertuples(index=False)]
    numbers = [pd.api.types.is_numeric_dtype(kind) for kind in cells.dtypes]
    lines = [
        r"\begin{table}",
        rf"\caption{{{_escaped(f'{part.title} {part.finding.text}')}}}",
        rf"\label{{tab:{_slug(part)}}}",
        rf"\begin{{tabular}}{{{''.join('r' if number else 'l' for number in numbers)}}}",
        r"\toprule",
        " & ".join(_escaped("" if name == "index" else name) for name in cells.columns) + r" \\",
        r"\midrule",
        *(" & ".join(row) + r" \\" for row in rows),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _caption(part: Section, name: str, shown: str) -> str:
    words = _escaped(" ".join([part.title, part.finding.text, shown.removeprefix(part.title).strip()]))
    return (
        "\\begin{figure}\n\\centering\n"
        f"\\includegraphics{{{name}}}\n\\caption{{{words}}}\n\\label{{fig:{_slug(part)}}}\n\\end{{figure}}\n"
    )


def _slug(part: Section) -> str:
    """A name for files and labels: the result's, else the question's first words."""
    words = Path(part.file).stem if part.file else " ".join(part.title.split()[:5])
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-") or "section"


def _cell(value: object) -> str:
    if value is None or value != value:
        return "--"
    return f"{value:.4g}" if isinstance(value, float) else _escaped(str(value))


def _escaped(words: object) -> str:
    return str(words).translate(_ESCAPED)
