"""Command-line output: one line per error, short tables, paths of a run."""

import errno
import re
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup

from workbench.errors import CannotWrite, Interrupted, TooLarge, WorkbenchError, WorkbenchWarning, out_of_memory
from workbench.options import TYPED
from workbench.results.resuming.stops import stoppable

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    import xarray as xr

_UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)
_LINE_LIMIT = 2000  # characters of a line
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


class ErrorReportingGroup(TyperGroup):
    """A command group that reports every WorkbenchError as one line with exit code 2, and records what was typed."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Record the words, which a report repeats."""
        ctx.meta[TYPED.name] = tuple(args)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run a command."""
        before = TYPED.set(ctx.meta.get(TYPED.name, ()))
        try:
            with stoppable():
                return super().invoke(ctx)
        except (Exception, KeyboardInterrupt) as error:
            line = _line(error)
            if line is None:
                raise
            if ctx.params.get("debug"):
                traceback.print_exc()
            typer.echo(single_line(line), err=True)
            raise typer.Exit(2) from None
        finally:
            TYPED.reset(before)


class DefaultCommandGroup(TyperGroup):
    """A group whose first command is the default: `workbench heads polyglot parallel`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Insert the first command, unless the arguments name a command or ask for help."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = [next(iter(self.commands)), *args]
        return super().parse_args(ctx, args)


def announce(context: typer.Context, what: str) -> None:
    """Print on stderr what the running command is about to do, such as `workbench heads find: loading polyglot ...`."""
    path = context.command_path.removeprefix(context.find_root().command_path)  # the program has several names
    typer.echo(single_line(f"workbench{path}: {what} ..."), err=True)


def seen(text: Any) -> str:
    """A text with control characters escaped: the terminal would execute those in foreign file names."""
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), str(text))


def single_line(text: Any) -> str:
    """A message as a single line of limited length."""
    line = " ".join(str(text).split())
    cut = f"{line[:_LINE_LIMIT]} … and {len(line) - _LINE_LIMIT} more characters" if len(line) > _LINE_LIMIT else line
    return seen(cut)


def _line(error: BaseException) -> str | None:
    """The line for an error; None for a bug of the workbench, which needs its traceback."""
    if isinstance(error, WorkbenchError):
        return f"{type(error).__name__}: {error}"
    if isinstance(error, KeyboardInterrupt):
        return (
            f"{Interrupted.__name__}: stopped; finished results are in the run folder, if a run had begun; run the "
            "same command again to continue"
        )
    if isinstance(error, OSError) and error.errno in _UNWRITABLE:
        return (
            f"{CannotWrite.__name__}: {error.filename or 'a file'}: {error.strerror}; choose another folder with --out"
        )
    if out_of_memory(error):
        return f"{TooLarge.__name__}: memory ran out ({error}); try a smaller --batch-size or --dtype bfloat16"
    return None


def show_run(folder: Path, quiet: bool) -> None:
    """Print a run's short table, findings and paths."""
    if not quiet:
        from workbench.studies.summary import effects, limits, summary

        table = summary(folder)
        if len(table):
            _print(table)
        if "worst without" in table:
            typer.echo(
                "L0H7: layer 0, head 7. Worst without: the largest rise of the loss [nats]; * corrected p < 0.05."
            )
        for sentence in [*effects(folder), *limits(folder)]:
            typer.echo(single_line(sentence))
    for path in sorted(folder.glob("*.nc")):
        typer.echo(seen(path))
    for page in ("report.html", "explorer.html", "graphs.html"):
        if (folder / page).is_file():
            typer.echo(seen(folder / page))


def show_study(
    folder: Path, cell: str, table: "Callable[[xr.Dataset], pd.DataFrame]", *, to: Path | None, quiet: bool
) -> None:
    """Print the table of a run's cell, its report's answer and its paths; write the table as TSV if `to` is given."""
    from workbench.results.files import load_result

    rows = table(load_result(folder / f"{cell}.nc"))
    show_table(rows, None, quiet)
    show_answer(folder, quiet)
    show_run(folder, quiet)
    if to is not None:
        show_table(rows, to, quiet=True)


def show_answer(folder: Path, quiet: bool) -> None:
    """Print the first sentence of a run's report, which is what its numbers answer."""
    if not quiet:
        from workbench.studies.report.store import load_report

        typer.echo(single_line(load_report(folder).answer))


def show_findings(folder: Path, table: "pd.DataFrame", *, to: Path | None, quiet: bool) -> None:
    """Print a run's table, the findings of its report and its paths, and write the table as TSV if `to` is given."""
    show_table(table, None, quiet)
    if not quiet:
        from workbench.studies.report.store import load_report

        for section in load_report(folder).sections:
            typer.echo(single_line(section.finding.text))
    show_run(folder, quiet=True)
    if to is not None:
        show_table(table, to, quiet=True)


def show_table(table: "pd.DataFrame", out: Path | None, quiet: bool) -> None:
    """Print a table, and write it as TSV if `out` is given."""
    if out is not None:
        from workbench.results.files import write_whole

        write_whole(out, table.to_csv(sep="\t"))
    if not quiet:
        _print(table)
    if out is not None:
        typer.echo(seen(out))


def _print(table: "pd.DataFrame") -> None:
    import pandas as pd
    from rich.console import Console
    from rich.table import Table as Grid
    from rich.text import Text

    grid = Grid("")
    for name in table.columns:
        grid.add_column(Text(seen(name)))
    for name, row in table.astype(object).iterrows():  # else whole numbers beside others print as 16.0
        grid.add_row(Text(seen(name)), *(Text("–" if pd.isna(cell) else seen(cell)) for cell in row))
    console = Console()
    (console if console.is_terminal else Console(width=140)).print(grid)


def warn(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    """Show warnings of the workbench in one line, and none of libraries."""
    if issubclass(category, WorkbenchWarning):
        typer.echo(f"Warning: {single_line(message)}", err=True)
