"""The commands of `workbench heads` that use heads: a trained mask, two facts in two languages, text in a language."""

from pathlib import Path
from typing import Annotated

import typer

from workbench.cli.options import OF_CORPUS, OF_TEXTS, Common, CorpusName, ModelName, takes
from workbench.terminal import show_study

Heads = Annotated[str, typer.Option(help="Such as L2H1,L4H0; or a language: those that LAHIS ranks first for it.")]
Share = Annotated[float, typer.Option(help="Of all heads, where --heads is a language.")]
Chosen = Annotated[str, typer.Option(help="The corpus by which a language's heads are chosen.")]


@takes(OF_CORPUS | {"table"})
def tune_mask(
    model: ModelName,
    tasks: Annotated[str, typer.Argument(help="JSONL with prompt and answer, XQuAD JSON, or words:de-fr.")],
    heads: Heads,
    corpus: Chosen = "parallel",
    share: Share = 0.02,
    epochs: Annotated[int, typer.Option(help="Passes over the training questions.")] = 2,
    rate: Annotated[float, typer.Option(help="AdamW's learning rate.")] = 0.01,
    controls: Annotated[int, typer.Option(help="Random sets of heads that are trained alike.")] = 3,
    mask: Annotated[Path | None, typer.Option(help="Write the trained numbers here, as JSON.")] = None,
    *,
    common: Common,
) -> None:
    """Train one number for each of a few heads on a task, and compare with random heads on held-out questions.

    \b
    workbench heads tune-mask polyglot words:de-fr --heads fr --share 0.06 --limit 60 --mask fr.json
    workbench heads tune-mask polyglot xquad.json --heads L2H1,L4H0
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.findings.use import tuned_table
    from workbench.studies.heads.use import run_tune_mask

    folder = common.folder("tune-mask", model, tasks)
    chosen = {"heads": heads, "corpus": corpus, "share": share, "controls": controls}
    how = {"epochs": epochs, "rate": rate, "mask": mask, "limit": common.limit, "options": common.options}
    run_tune_mask(model, tasks, out=folder, **chosen, **how)
    show_study(folder, "tune_mask", tuned_table, to=common.table, quiet=common.quiet)


@takes(OF_CORPUS | {"table"})
def transfer(
    model: ModelName,
    conflicts: Annotated[str, typer.Argument(help="JSONL: prompt, own and other in each line.")],
    heads: Heads,
    corpus: Chosen = "parallel",
    share: Share = 0.01,
    scales: Annotated[str, typer.Option(help="What the heads' outputs are multiplied by, with commas.")] = "0,3",
    controls: Annotated[int, typer.Option(help="Random sets of heads.")] = 5,
    *,
    common: Common,
) -> None:
    """Two conflicting facts in two languages: which is answered when the heads of one are scaled?

    \b
    workbench heads transfer polyglot conflicts.jsonl --heads fr
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.findings.use import transfer_table
    from workbench.studies.heads.use import run_transfer

    folder = common.folder("transfer", model, conflicts)
    chosen = {"heads": heads, "corpus": corpus, "share": share, "controls": controls}
    run_transfer(model, conflicts, out=folder, **chosen, scales=scales, limit=common.limit, options=common.options)
    show_study(folder, "transfer", transfer_table, to=common.table, quiet=common.quiet)


@takes(OF_TEXTS | {"table"})
def off_target(
    model: ModelName,
    corpus: CorpusName,
    heads: Heads,
    share: Share = 0.02,
    scale: Annotated[float, typer.Option(help="What the heads' outputs are multiplied by; 0 is off.")] = 0.0,
    target: Annotated[str | None, typer.Option(help="The wanted language; each prompt's own by default.")] = None,
    prompt: Annotated[int, typer.Option(help="Tokens of each text that are the prompt.")] = 8,
    tokens: Annotated[int, typer.Option(help="Most tokens to write.")] = 24,
    controls: Annotated[int, typer.Option(help="Random sets of heads.")] = 20,
    *,
    common: Common,
) -> None:
    """Let the model continue the beginnings of texts with heads scaled: how often in the wanted language?

    \b
    workbench heads off-target polyglot parallel --heads en --share 0.06 --languages de,ja --limit 20
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.findings.use import off_target_table
    from workbench.studies.heads.use import run_off_target

    folder = common.folder("off-target", model, corpus)
    chosen = {"heads": heads, "share": share, "controls": controls}
    how = {"scale": scale, "target": target, "prompt": prompt, "tokens": tokens}
    run_off_target(model, corpus, out=folder, **chosen, **how, **common.texts)
    show_study(folder, "off_target", off_target_table, to=common.table, quiet=common.quiet)
