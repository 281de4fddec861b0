"""The command `workbench evaluate`."""

from pathlib import Path
from typing import Annotated

import typer

from workbench.cli.options import OF_WORDS, Common, ModelName, takes
from workbench.terminal import show_run, show_table

TaskNames = Annotated[
    list[str],
    typer.Argument(help="words, words:de, a JSONL, JSON or TSV file, a folder of them, or lm_eval:NAME; one or more."),
]


@takes(OF_WORDS | {"truncate", "table"})
def evaluate(
    model: ModelName,
    tasks: TaskNames,
    format: Annotated[
        str,
        typer.Option(
            help="cloze: score the options' texts; question: the same, between Question: and Answer:; letters: list "
            "them, score A, B ..."
        ),
    ] = "cloze",
    normalize: Annotated[
        str,
        typer.Option(help="none (acc), characters (acc_norm), bytes (acc_bytes) or unconditional (acc_mutual_info)."),
    ] = "none",
    shots: Annotated[int, typer.Option(help="So many first items stand, solved, before each of the others.")] = 0,
    tokens: Annotated[
        int | None, typer.Option(help="Most tokens of an answer that is written (mgsm, answers); 64 by default.")
    ] = None,
    groups: Annotated[
        Path | None,
        typer.Option(help="A saved result with groups or a score of heads or neurons, switched off in turn."),
    ] = None,
    controls: Annotated[int, typer.Option(help="Random groups for each group.")] = 20,
    *,
    common: Common,
) -> None:
    """Measure what a model can do in each language, with chance, intervals and baselines; also without some heads.

    \b
    workbench evaluate polyglot words --languages de,fr,ja --limit 40
    workbench evaluate polyglot words xcopa/ --normalize characters
    workbench evaluate gemma-3-270m mgsm/ --format question --shots 4 --limit 20
    workbench evaluate polyglot words --groups runs/heads/roles.nc
    """  # noqa: D301 (click reads the backspace)
    from workbench.results.files import load_result
    from workbench.studies.evaluation.evaluate import run_evaluate, task_name
    from workbench.studies.findings.evaluation.accuracy import accuracy_table

    folder = common.folder("evaluate", model, *tasks)
    how = {"format": format, "normalize": normalize, "shots": shots, "tokens": tokens, "controls": controls}
    named = tasks[0] if len(tasks) == 1 else tasks
    run_evaluate(model, named, out=folder, groups=None if groups is None else str(groups), **how, **common.texts)
    for number, source in enumerate(tasks):
        table = accuracy_table(load_result(folder / f"{task_name(source)}.nc"))
        show_table(table, common.table if number == 0 else None, common.quiet)
    show_run(folder, common.quiet)
