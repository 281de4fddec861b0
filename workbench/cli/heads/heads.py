"""The command `workbench heads`."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from workbench.cli.heads import use
from workbench.cli.options import OF_CORPUS, OF_TEXTS, Common, CorpusName, ModelName, takes
from workbench.terminal import DefaultCommandGroup, show_run, show_study

HELP = """Which attention heads serve which language, and what happens without them.

\b
workbench heads polyglot parallel --languages de,fr   (`find` where no command is named)
"""

app = typer.Typer(cls=DefaultCommandGroup, no_args_is_help=True, rich_markup_mode=None, help=HELP)


@app.command("find")
@takes(OF_TEXTS)
def find(model: ModelName, corpus: CorpusName, *, common: Common) -> None:
    """Find out which attention heads matter for which language, by LAHIS and by exact ablation.

    \b
    workbench heads polyglot parallel --languages de,fr
    workbench heads ./my-model texts/ --limit 100 --dtype bfloat16 --out runs/mine
    workbench heads Qwen/Qwen2-0.5B-Instruct texts.tsv --chat
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.heads.scores import run_heads

    folder = common.folder("heads", model, corpus)
    show_run(run_heads(model, corpus, out=folder, **common.texts), common.quiet)


@app.command("knockout")
@takes(OF_TEXTS | {"table"})
def knockout(
    model: ModelName,
    corpus: CorpusName,
    share: Annotated[float, typer.Option(help="Of all heads, in each language's group.")] = 0.02,
    controls: Annotated[int, typer.Option(help="Random groups of the same layers beside each group.")] = 20,
    *,
    common: Common,
) -> None:
    """Switch off each language's heads, chosen on half of the texts, and measure all languages on the other half.

    \b
    workbench heads knockout polyglot parallel --languages de,fr,ja --limit 20
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.heads.removal import knockout_table, run_head_knockout

    folder = common.folder("heads-knockout", model, corpus)
    run_head_knockout(model, corpus, out=folder, share=share, controls=controls, **common.texts)
    show_study(folder, "knockout", knockout_table, to=common.table, quiet=common.quiet)


@app.command("prune")
@takes(OF_CORPUS | {"chat", "table"})
def prune(
    model: ModelName,
    corpus: CorpusName,
    keep: Annotated[str, typer.Option(help="Languages whose loss may not rise, such as de,fr.")],
    drop: Annotated[str, typer.Option(help="Languages that may be lost.")] = "",
    budget: Annotated[float, typer.Option(help="Largest rise of the kept languages' loss, in nats.")] = 0.01,
    checkpoint: Annotated[Path | None, typer.Option(help="A new folder for the smaller model.")] = None,
    *,
    common: Common,
) -> None:
    """Remove the heads that the kept languages can spare, and compare with simpler orders on held-out texts.

    \b
    workbench heads prune polyglot parallel --keep de,fr --drop ja --budget 0.02 --checkpoint smaller
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.heads.removal import prune_table, run_prune

    folder = common.folder("prune", model, corpus)
    how = {"checkpoint": checkpoint, "limit": common.limit, "options": common.options}
    run_prune(model, corpus, out=folder, keep=keep, drop=drop, budget=budget, **how)
    show_study(folder, "prune", prune_table, to=common.table, quiet=common.quiet)


@app.command("search")
@takes(OF_TEXTS | {"table"})
def search(
    model: ModelName,
    corpus: CorpusName,
    top: Annotated[int, typer.Option(help="Heads of each language.")] = 20,
    confidence: Annotated[float, typer.Option(help="That all languages' sets are those of the full sweep.")] = 0.99,
    first: Annotated[int, typer.Option(help="Texts that every head is measured on.")] = 8,
    *,
    common: Common,
) -> None:
    """Find the heads whose removal costs each language most, without measuring every head on every text.

    \b
    workbench heads search polyglot parallel --languages de,ja --top 5
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.heads.search import run_search, search_table

    folder = common.folder("search", model, corpus)
    run_search(model, corpus, out=folder, top=top, confidence=confidence, first=first, **common.texts)
    show_study(folder, "search", search_table, to=common.table, quiet=common.quiet)


@app.command("kinds")
@takes(OF_TEXTS | {"table"})
def kinds(model: ModelName, corpus: CorpusName, *, common: Common) -> None:
    """What each head attends to in each language: previous, first, same token, induction, entropy, distance.

    \b
    workbench heads kinds polyglot parallel --languages de,ja --limit 20
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.heads.search import kinds_table, run_kinds

    folder = run_kinds(model, corpus, out=common.folder("kinds", model, corpus), **common.texts)
    show_study(folder, "kinds", kinds_table, to=common.table, quiet=common.quiet)


@app.command("agreement")
@takes(OF_TEXTS | {"table"})
def agreement(
    model: ModelName,
    corpus: CorpusName,
    methods: Annotated[str | None, typer.Option(help="Such as zero,lahis,michel,random; all nine by default.")] = None,
    reference: Annotated[str, typer.Option(help="What the others are compared with.")] = "zero",
    top: Annotated[float, typer.Option(help="Share of the heads that counts as the strongest.")] = 0.1,
    *,
    common: Common,
) -> None:
    """Do cheap scores name the heads that exact ablation names? Rank correlation and overlap, with intervals.

    \b
    workbench heads agreement polyglot parallel --languages de,ja --limit 12 --methods zero,lahis,michel,random
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.findings.search import agreement_table
    from workbench.studies.heads.search import run_agreement

    folder = common.folder("agreement", model, corpus)
    run_agreement(model, corpus, out=folder, methods=methods, reference=reference, top=top, **common.texts)
    table = partial(agreement_table, reference=reference)
    show_study(folder, "agreement", table, to=common.table, quiet=common.quiet)


@app.command("shapley")
@takes(OF_TEXTS | {"table"})
def shapley(
    model: ModelName,
    corpus: CorpusName,
    permutations: Annotated[int, typer.Option(help="Random orders of the heads.")] = 20,
    tolerance: Annotated[float, typer.Option(help="An order stops this near to the whole model [nats].")] = 0.01,
    *,
    common: Common,
) -> None:
    """Each head's Shapley value, its share of what all heads together do for a language, with standard errors.

    \b
    workbench heads shapley polyglot parallel --languages de,ja --limit 8 --permutations 4
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.heads.search import run_shapley, shapley_table

    folder = common.folder("shapley", model, corpus)
    run_shapley(model, corpus, out=folder, permutations=permutations, tolerance=tolerance, **common.texts)
    show_study(folder, "shapley", shapley_table, to=common.table, quiet=common.quiet)


app.command("tune-mask")(use.tune_mask)
app.command("transfer")(use.transfer)
app.command("off-target")(use.off_target)
