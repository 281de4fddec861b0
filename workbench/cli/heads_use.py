"""The commands of `workbench heads` that use heads: a trained mask, two facts in two languages, text in a language."""

from pathlib import Path
from typing import Annotated

import typer

from workbench.cli.options import Common, CorpusName, ModelName, Table, Unused, common_options
from workbench.terminal import show_table

Heads = Annotated[str, typer.Option(help="Such as L2H1,L4H0; or a language: those that LAHIS ranks first for it.")]
Share = Annotated[float, typer.Option(help="Of all heads, where --heads is a language.")]
Chosen = Annotated[str, typer.Option(help="The corpus by which a language's heads are chosen.")]


@common_options
def tune(
    model: ModelName,
    tasks: Annotated[str, typer.Argument(help="JSONL with prompt and answer, XQuAD JSON, or words:de-fr.")],
    heads: Heads,
    corpus: Chosen = "parallel",
    share: Share = 0.02,
    epochs: Annotated[int, typer.Option(help="Passes over the training questions.")] = 2,
    rate: Annotated[float, typer.Option(help="AdamW's learning rate.")] = 0.01,
    controls: Annotated[int, typer.Option(help="Random sets of heads that are trained alike.")] = 3,
    mask: Annotated[Path | None, typer.Option(help="Write the trained numbers here, as JSON.")] = None,
    languages: Unused = None,
    out: Table = None,
    *,
    common: Common,
) -> None:
    """Train one number for each of a few heads on a task, and compare with random heads on held-out questions.

    \b
    workbench heads tune-mask polyglot words:de-fr --heads fr --share 0.06 --limit 60 --mask fr.json
    workbench heads tune-mask polyglot xquad.json --heads L2H1,L4H0
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.heads.use import tune_mask_table

    training = {"epochs": epochs, "rate": rate, "controls": controls, "mask": mask}
    chosen = {"heads": heads, "corpus": corpus, "share": share}
    table = tune_mask_table(model, tasks, limit=common.limit, options=common.options, **chosen, **training)
    show_table(table, out, common.quiet)


@common_options
def weigh(
    model: ModelName,
    conflicts: Annotated[str, typer.Argument(help="JSONL: prompt, own and other in each line.")],
    heads: Heads,
    corpus: Chosen = "parallel",
    share: Share = 0.01,
    scales: Annotated[str, typer.Option(help="What the heads' outputs are multiplied by, with commas.")] = "0,3",
    controls: Annotated[int, typer.Option(help="Random sets of heads.")] = 5,
    languages: Unused = None,
    out: Table = None,
    *,
    common: Common,
) -> None:
    """Two conflicting facts in two languages: which is answered when the heads of one are scaled?

    \b
    workbench heads transfer polyglot conflicts.jsonl --heads fr
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.heads.use import transfer_table

    chosen = {"heads": heads, "corpus": corpus, "share": share, "scales": scales, "controls": controls}
    show_table(
        transfer_table(model, conflicts, limit=common.limit, options=common.options, **chosen), out, common.quiet
    )


@common_options
def write(
    model: ModelName,
    corpus: CorpusName,
    heads: Heads,
    share: Share = 0.02,
    scale: Annotated[float, typer.Option(help="What the heads' outputs are multiplied by; 0 is off.")] = 0.0,
    target: Annotated[str | None, typer.Option(help="The wanted language; each prompt's own by default.")] = None,
    prompt: Annotated[int, typer.Option(help="Tokens of each text that are the prompt.")] = 8,
    tokens: Annotated[int, typer.Option(help="Most tokens to write.")] = 24,
    controls: Annotated[int, typer.Option(help="Random sets of heads.")] = 20,
    out: Table = None,
    *,
    common: Common,
) -> None:
    """Let the model go on from the beginnings of texts with heads scaled: how often in the wanted language?

    \b
    workbench heads off-target polyglot parallel --heads en --share 0.06 --languages de,ja --limit 20
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.heads.use import off_target_table

    chosen = {"heads": heads, "share": share, "scale": scale, "target": target, "prompt": prompt}
    table = off_target_table(model, corpus, tokens=tokens, controls=controls, **chosen, **common.texts)
    show_table(table, out, common.quiet)
