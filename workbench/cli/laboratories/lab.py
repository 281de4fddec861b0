"""The command `workbench lab`: run a laboratory or all, or list them."""

from typing import Annotated, Any

import typer

from workbench.cli.options import Common, complete_corpora, complete_models, takes
from workbench.terminal import show_findings, show_table


def complete_laboratories(incomplete: str) -> list[tuple[str, str]]:
    """Laboratories that begin so, each with its question."""
    from workbench.studies.laboratories.registry import LABORATORIES

    names = {**LABORATORIES, "all": "every laboratory", "list": "what there is"}
    return [(name, words) for name, words in names.items() if name.startswith(incomplete)]


Laboratory = Annotated[
    str, typer.Argument(help="A laboratory, all, or list.", autocompletion=complete_laboratories, metavar="NAME")
]


# Long: a parameter for each option.
@takes({"out", "languages", "deduplicate", "columns", "seed", "table", "quiet"})
def lab(
    name: Laboratory,
    base: Annotated[
        str,
        typer.Option(help="What is trained: a shipped or packaged model, a folder.", autocompletion=complete_models),
    ] = "polyglot",
    seeds: Annotated[
        int | None, typer.Option(help="Trainings of each condition; the laboratory's own by default.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="One seed and few steps, to see that it runs.")] = False,
    inside: Annotated[bool, typer.Option(help="Look inside the models before and after.")] = True,
    words: Annotated[str | None, typer.Option(help="A word list, for a base of other languages.")] = None,
    corpus: Annotated[
        str | None, typer.Option(help="Texts, likewise; half is trained on.", autocompletion=complete_corpora)
    ] = None,
    *,
    common: Common,
) -> None:
    """Train a recipe and its controls in several seeds, and say what the recipe changes by language.

    \b
    workbench lab list
    workbench lab more_from_less --seeds 3
    workbench lab more_from_less --base gemma-3-270m --languages de,fr,ja --seeds 1
    workbench lab all --quick --table laboratories.tsv
    """  # noqa: D301 (click reads the backspace)
    if name == "list":
        import pandas as pd

        from workbench.studies.laboratories.registry import LABORATORIES

        rows = pd.DataFrame({"question": LABORATORIES}).rename_axis("laboratory")
        return show_table(rows, common.table, common.quiet)
    from workbench.results.files import load_result
    from workbench.studies import run_lab
    from workbench.studies.findings.laboratories.lab import lab_table
    from workbench.studies.laboratories.registry import chosen_laboratories

    folder = common.folder("lab", name, base)
    how: Any = {"base": base, "seeds": seeds, "quick": quick, "inside": inside, "words": words, "corpus": corpus}
    run_lab(name, out=folder, languages=common.languages, options=common.options, **how)
    table = lab_table({each: load_result(folder / f"{each}.nc") for each in chosen_laboratories(name)})
    return show_findings(folder, table, to=common.table, quiet=common.quiet)
