"""The commands `workbench study` and `workbench runs`."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from workbench.cli.options import Common, takes
from workbench.errors import BadArgument
from workbench.options import UNSAFE
from workbench.terminal import announce, seen, show_table

HELP = """A question in a file: analyses over models, corpora and seeds, in one folder that can be stopped and resumed.

\b
workbench study init heads heads.toml
workbench study check heads.toml
workbench study run heads.toml
"""

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=HELP)
runs = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Tables over the results of studies.")

File = Annotated[Path, typer.Argument(help="A study file, in TOML.")]
Folder = Annotated[Path, typer.Argument(help="The folder of a study, such as runs/heads.")]
Out = Annotated[Path | None, typer.Option(help="The study's folder; runs/<name of the file> by default.")]
Shard = Annotated[str, typer.Option(help="3/8: the third of eight shares of the jobs, as in a Slurm array.")]
Engine = Annotated[str, typer.Option(help="local: here, one job after another; ray: on the machines of a Ray cluster.")]
Address = Annotated[str | None, typer.Option(help="Of the Ray cluster; auto for the one that runs on this machine.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no table: print only paths.")]
TableFile = Annotated[Path | None, typer.Option(help="Also write the table here, as TSV, or .csv or .tex.")]

_OF_MODELS = {*UNSAFE, "quiet"}


@app.command("init")
def init(
    question: Annotated[
        str, typer.Argument(help="heads, neurons, patching, removal, before-and-after, evaluation or atlas.")
    ],
    file: Annotated[Path | None, typer.Argument(help="The study file; <question>.toml by default.")] = None,
) -> None:
    """Write a commented study file to begin with.

    \b
    workbench study init heads
    workbench study init before-and-after tuned.toml
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.study.templates import write_template

    typer.echo(seen(write_template(question, file or Path(f"{question}.toml"))))


@app.command("check")
@takes(_OF_MODELS)
def check(
    study: File,
    probe: Annotated[
        bool, typer.Option(help="Also run each analysis on a few texts, and say what all will cost.")
    ] = True,
    *,
    common: Common,
) -> None:
    """Check a study without its models, then say what it will cost: time, memory and disk.

    \b
    workbench study check heads.toml
    workbench study check heads.toml --no-probe
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.study.check import check as check_plan
    from workbench.studies.study.check import cost, readable_cost, total
    from workbench.studies.study.jobs import jobs_of
    from workbench.studies.study.study import Study

    plan = _allowing(Study.read(study), common)
    check_plan(plan)
    jobs = jobs_of(plan)
    typer.echo(
        f"{seen(study)} can be run: {len(jobs)} jobs, {len(plan.analyses)} analyses of {len(plan.models)} models"
    )
    if probe:
        costs = cost(plan, progress=not common.quiet)
        show_table(readable_cost(costs), None, common.quiet)
        typer.echo(total(costs))


@app.command("run")
@takes(_OF_MODELS)
def run(
    study: File,
    out: Out = None,
    shard: Shard = "1/1",
    engine: Engine = "local",
    address: Address = None,
    *,
    common: Common,
) -> None:
    """Run a study: what its folder lacks is computed, and a report leads to all results.

    \b
    workbench study run heads.toml
    workbench study run heads.toml --out /scratch/heads --shard 3/8
    workbench study run heads.toml --out /shared/heads --engine ray --address auto
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.study.study import Study

    _run(
        _allowing(Study.read(study), common),
        out or Path("runs") / study.stem,
        shard,
        common.quiet,
        engine=engine,
        address=address,
    )


@app.command("resume")
@takes(_OF_MODELS)
def resume(
    study: Folder,
    shard: Shard = "1/1",
    *,
    common: Common,
) -> None:
    """Go on with a study that was stopped, from its folder alone.

    \b
    workbench study resume runs/heads
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.study.folder import plan_in
    from workbench.studies.study.study import Study

    _run(_allowing(Study(**plan_in(study).record), common), study, shard, common.quiet)


@app.command("status")
def status(folder: Folder, table: TableFile = None, quiet: Quiet = False) -> None:
    """Show how far each job of a study is.

    \b
    workbench study status runs/heads
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.study.folder import status as status_of

    _show(status_of(folder), table, quiet)


@app.command("report")
def report(context: typer.Context, folder: Folder) -> None:
    """Write a study's report again: what each analysis answers for each model, with a way to each job's page.

    \b
    workbench study report runs/heads
    """  # noqa: D301 (click reads the backspace)
    announce(context, f"reading {folder}")
    from workbench.studies.study.report import report as report_of

    typer.echo(seen(report_of(folder)))


@app.command("diff")
def diff(a: Folder, b: Folder, table: TableFile = None, quiet: Quiet = False) -> None:
    """Say what differs between two runs: jobs, inputs, options and numbers. Exits with 1 where something does.

    \b
    workbench study diff runs/heads runs/heads-on-the-cluster
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.study.difference import diff as difference

    rows = difference(a, b)
    if not len(rows):
        typer.echo("no difference: all results are equal, bit for bit")
        return
    _show(rows, table, quiet)
    raise typer.Exit(1)


@app.command("merge")
def merge(
    folders: Annotated[list[Path], typer.Argument(help="Folders of shares, run with --shard on different disks.")],
    out: Annotated[Path, typer.Option(help="The folder of the whole.")],
) -> None:
    """Put shares that were run in folders of their own into one, and write its report.

    \b
    workbench study merge node1/heads node2/heads --out runs/heads
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.study.merge import merge as merge_shares
    from workbench.studies.study.report import report as report_of

    typer.echo(seen(report_of(merge_shares(folders, out))))


@runs.command("table")
def table(
    folders: Annotated[list[Path], typer.Argument(help="Folders of studies.")],
    analysis: Annotated[str | None, typer.Option(help="Only the analysis of this name.")] = None,
    table: TableFile = None,
    quiet: Quiet = False,
) -> None:
    """Show the main numbers of all results, one in each row.

    \b
    workbench runs table runs/heads --analysis heads --table heads.csv
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.study.table import table as table_of

    rows = table_of(folders, analysis=analysis)
    _show(rows, table, quiet, most=40)


@runs.command("query")
def query(
    sql: Annotated[str, typer.Argument(help="A query of DuckDB; the table is `runs`.")],
    folders: Annotated[list[Path], typer.Argument(help="Folders of studies.")],
    table: TableFile = None,
    quiet: Quiet = False,
) -> None:
    """Ask all results of some studies in SQL.

    \b
    workbench runs query "select model, language, avg(value) from runs group by all" runs/heads
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.study.table import query as query_of

    _show(query_of(sql, folders), table, quiet)


def _allowing(study, common: Common):
    """A study that may load what the options of the command allow, and its file cannot."""
    allowed = {name: True for name in UNSAFE if getattr(common.options, name)}
    return replace(study, options={**study.options, **allowed})


def _run(study, out: Path, shard: str, quiet: bool, **how: Any) -> None:
    """Run a study, and print where it is."""
    study.run(out, shard=_share(shard), progress=not quiet, **how)
    page = out / "report.html"
    typer.echo(seen(page if page.is_file() else out))


def _share(text: str) -> tuple[int, int]:
    """The share of a text such as 3/8.

    Raises:
        BadArgument: it is none.
    """
    number, sign, of = text.partition("/")
    if not (sign and number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of)):
        raise BadArgument(f"--shard {text}: it is a share such as 3/8, from 1/8 to 8/8")
    return int(number), int(of)


def _show(rows, file: Path | None, quiet: bool, *, most: int = 200) -> None:
    """Print a table, its first rows where it is long, and write it by the ending of the file."""
    from workbench.results.files import write_whole

    show_table(rows.head(most).astype(object).where(rows.head(most).notna(), "–"), None, quiet)
    if len(rows) > most and not quiet:
        typer.echo(f"{len(rows) - most} more rows; --table FILE writes all")
    if file is not None:
        writers = {".csv": lambda: rows.to_csv(), ".tex": lambda: rows.to_latex(escape=True)}
        write_whole(file, writers.get(file.suffix, lambda: rows.to_csv(sep="\t"))())
        typer.echo(seen(file))
