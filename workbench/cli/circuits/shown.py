"""What `workbench circuits` prints of a run: a table, what its report says, and the paths."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from workbench.terminal import show_run, show_table, single_line

if TYPE_CHECKING:
    import pandas as pd


def show_circuits(folder: Path, table: "pd.DataFrame", *, to: Path | None, quiet: bool) -> None:
    """Print a run's table, the findings of its report and its paths, and write the table as TSV if `to` is given."""
    show_table(table, None, quiet)
    if not quiet:
        from workbench.studies.report.store import load_report

        for section in load_report(folder).sections:
            typer.echo(single_line(section.finding.text))
    show_run(folder, quiet=True)
    if to is not None:
        show_table(table, to, quiet=True)
