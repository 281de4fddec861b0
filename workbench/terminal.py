"""What the command line prints: a line for an error, a short table, the paths of a run."""

import errno
import re
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup

from workbench.errors import CannotWrite, Interrupted, TooLarge, WorkbenchError, WorkbenchWarning
from workbench.results.resuming.stops import stoppable

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    import xarray as xr

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)
_LONGEST = 2000  # characters of a line
_OBEYED = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_NO_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")


class Refusing(TyperGroup):
    """Turns every error that the workbench raises on purpose into one line and exit code 2."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command."""
        try:
            with stoppable():
                return super().invoke(ctx)
        except (Exception, KeyboardInterrupt) as error:
            line = _line(error)
            if line is None:
                raise
            if ctx.params.get("debug"):
                traceback.print_exc()
            typer.echo(one_line(line), err=True)
            raise typer.Exit(2) from None


class Room(TyperGroup):
    """A group whose first command runs where the first argument names none: `workbench heads polyglot parallel`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the first command in front, unless one is named or help is asked for."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = [next(iter(self.commands)), *args]
        return super().parse_args(ctx, args)


def seen(text: Any) -> str:
    """A text in which control characters are spelled out: the terminal would obey those in names of files of others."""
    return _OBEYED.sub(lambda found: found[0].encode("unicode_escape").decode(), str(text))


def one_line(text: Any) -> str:
    """A message as one line that ends before it fills the screen."""
    line = " ".join(str(text).split())
    cut = f"{line[:_LONGEST]} … and {len(line) - _LONGEST} more characters" if len(line) > _LONGEST else line
    return seen(cut)


def _line(error: BaseException) -> str | None:
    """The line for an error; None for a defect of ours, whose traceback is wanted."""
    if isinstance(error, WorkbenchError):
        return f"{type(error).__name__}: {error}"
    if isinstance(error, KeyboardInterrupt):
        return (
            f"{Interrupted.__name__}: stopped; what was finished is in the run folder, if a run had begun, and the "
            "same command goes on after it"
        )
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        return (
            f"{CannotWrite.__name__}: {error.filename or 'a file'}: {error.strerror}; choose another folder with --out"
        )
    if isinstance(error, MemoryError) or any(text in str(error).lower() for text in _NO_MEMORY):
        return f"{TooLarge.__name__}: memory ran out ({error}); try a smaller --batch-size or --dtype bfloat16"
    return None


def show_run(folder: Path, quiet: bool) -> None:
    """Print a run's short table, its sentences and its paths."""
    if not quiet:
        from workbench.studies.summary import effects, limits, summary

        found = summary(folder)
        if len(found):
            _print(found)
        if "worst without" in found:
            typer.echo(
                "L0H7: layer 0, head 7. Worst without: the largest rise of the loss [nats]; * corrected p < 0.05."
            )
        for sentence in [*effects(folder), *limits(folder)]:
            typer.echo(one_line(sentence))
    for path in sorted(folder.glob("*.nc")):
        typer.echo(seen(path))
    for page in ("report.html", "explorer.html"):
        if (folder / page).is_file():
            typer.echo(seen(folder / page))


def show_study(
    folder: Path, cell: str, table: "Callable[[xr.Dataset], pd.DataFrame]", *, to: Path | None, quiet: bool
) -> None:
    """Print the table of a run's cell and the run's paths, and write the table as TSV where that was asked for."""
    from workbench.results.files import load_result

    rows = table(load_result(folder / f"{cell}.nc"))
    show_table(rows, None, quiet)
    show_run(folder, quiet)
    if to is not None:
        show_table(rows, to, quiet=True)


def show_table(table: "pd.DataFrame", out: Path | None, quiet: bool) -> None:
    """Print a table, and write it as TSV where that was asked for."""
    if out is not None:
        from workbench.results.files import write_whole

        write_whole(out, table.to_csv(sep="\t"))
    if not quiet:
        _print(table)
    if out is not None:
        typer.echo(seen(out))


def _print(table: "pd.DataFrame") -> None:
    from rich.console import Console
    from rich.table import Table as Grid
    from rich.text import Text

    grid = Grid("")
    for name in table.columns:
        grid.add_column(Text(seen(name)))
    for name, row in table.iterrows():
        grid.add_row(Text(seen(name)), *(Text(seen(cell)) for cell in row))
    console = Console()
    (console if console.is_terminal else Console(width=140)).print(grid)


def warn(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    """Show our own warnings (rows that were dropped, a path that is slower ...) in a line, and no library's."""
    if issubclass(category, WorkbenchWarning):
        typer.echo(f"Warning: {one_line(message)}", err=True)
