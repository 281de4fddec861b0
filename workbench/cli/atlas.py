"""The commands `workbench atlas`: what is known of open models, without their weights."""

from pathlib import Path
from typing import Annotated

import typer

from workbench.cli.options import Common, takes
from workbench.errors import BadResult
from workbench.terminal import seen, show_table, single_line

HELP = """What is known of the languages inside open models: results that travel without the weights.

\b
workbench atlas list
workbench atlas show polyglot heads/ablation
workbench atlas compare --table claims.tsv
"""

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=HELP)


def complete_entries(incomplete: str) -> list[str]:
    """Models of the atlas that begin so."""
    from workbench.atlas.store import models

    return [name for name in models() if name.startswith(incomplete)]


Model = Annotated[str, typer.Argument(help="A model of the atlas.", autocompletion=complete_entries)]
Models = Annotated[
    list[str] | None, typer.Argument(help="Models of the atlas; all by default.", autocompletion=complete_entries)
]
Atlas = Annotated[Path | None, typer.Option(help="An atlas of your own; its entries come before the shipped ones.")]
Page = Annotated[Path | None, typer.Option(help="Write the explorer here: all models, or those given, behind a menu.")]


@app.command("list")
@takes({"table", "quiet"})
def list_(atlas: Atlas = None, *, common: Common) -> None:
    """List the models of the atlas.

    \b
    workbench atlas list
    workbench atlas list --atlas my-atlas
    """  # noqa: D301 (click reads the backspace)
    from workbench.atlas import overview

    show_table(overview(atlas), common.table, common.quiet)


@app.command("show")
@takes({"table", "quiet"})
def show(
    name: Model,
    result: Annotated[str | None, typer.Argument(help="One of its results, such as heads/ablation.")] = None,
    page: Page = None,
    atlas: Atlas = None,
    *,
    common: Common,
) -> None:
    """Show what the atlas holds of a model, one of its results, or all heads in a page.

    \b
    workbench atlas show polyglot
    workbench atlas show polyglot heads/ablation
    workbench atlas show polyglot --page polyglot.html
    """  # noqa: D301 (click reads the backspace)
    from workbench.atlas import contents, load
    from workbench.atlas.explore import explorer
    from workbench.results.reading.show import show as describe

    if result is not None:
        typer.echo(seen_lines(str(describe(load(name, result, folder=atlas)))))
    elif page is None or not common.quiet:
        show_table(contents(name, folder=atlas), common.table, common.quiet)
    if page is not None:
        explorer([name], folder=atlas).write_html(page)
        typer.echo(seen(page))


@app.command("compare")
@takes({"table", "quiet"})
def compare(models: Models = None, page: Page = None, atlas: Atlas = None, *, common: Common) -> None:
    """Compare models: which claims of the papers hold on which of them.

    \b
    workbench atlas compare
    workbench atlas compare polyglot gemma-3-270m --table claims.tsv
    workbench atlas compare --page atlas.html
    """  # noqa: D301 (click reads the backspace)
    from workbench.atlas import claims, results, sentences
    from workbench.atlas.explore import explorer
    from workbench.atlas.tables import side_by_side

    compared = results(models or None, folder=atlas)
    table = claims(compared)
    show_table(side_by_side(table), None, common.quiet)
    if not common.quiet:
        for sentence in sentences(compared):
            typer.echo(single_line(sentence))
    if common.table is not None:
        show_table(table.set_index("claim"), common.table, quiet=True)
    if page is not None:
        explorer(models or None, folder=atlas).write_html(page)
        typer.echo(seen(page))


@app.command("add")
@takes({"quiet"})
def add(
    run: Annotated[Path, typer.Argument(help="The folder of a finished study of one model.")],
    study: Annotated[Path, typer.Argument(help="The study file that makes it again.")],
    licence: Annotated[str | None, typer.Option(help="Of the weights; known of shipped and packaged models.")] = None,
    atlas: Annotated[Path, typer.Option(help="The atlas; made where it is not there.")] = Path("atlas"),
    *,
    common: Common,
) -> None:
    """Add the results of a study of one model to an atlas, after checking what they say of themselves.

    \b
    workbench study init atlas llama.toml
    workbench study run llama.toml
    workbench atlas add runs/llama llama.toml --licence "Llama 3.2 Community License"
    """  # noqa: D301 (click reads the backspace)
    from workbench.atlas import add as add_entry

    entry = add_entry(run, study, licence=licence, folder=atlas)
    if not common.quiet:
        typer.echo(single_line(f"{entry.model}: {len(entry.results)} results"))
    typer.echo(seen(entry.folder))


@app.command("check")
@takes({"seed", "table", "quiet"})
def check(
    models: Models = None,
    share: Annotated[float, typer.Option(help="Of the cells that are measured again.")] = 0.02,
    measure: Annotated[bool, typer.Option(help="Measure again on the models at hand; else check the files.")] = True,
    atlas: Atlas = None,
    *,
    common: Common,
) -> None:
    """Check entries: their files, and a seeded share of their cells measured again; fails where numbers differ.

    \b
    workbench atlas check
    workbench atlas check polyglot --share 0.1 --seed 3
    workbench atlas check --no-measure
    """  # noqa: D301 (click reads the backspace)
    from workbench.atlas import check as check_entries

    how = {"share": share, "measure": measure, "folder": atlas, "seed": common.options.seed}
    rows = check_entries(models or None, progress=not common.quiet, **how).set_index("model")
    show_table(rows, common.table, common.quiet)
    if not (bad := rows[~rows.agrees.astype(bool)]).empty:
        what = "; ".join(f"{model} {row.result} ({row.variable})" for model, row in bad.iterrows())
        raise BadResult(f"these cannot be made again: {what}")
    typer.echo("every entry is whole" + (", and what was measured again agrees" if measure else ""))


def seen_lines(text: str) -> str:
    """Several lines, with control characters of foreign names escaped."""
    return "\n".join(map(seen, text.splitlines()))
