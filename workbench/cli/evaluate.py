"""The commands of evaluation: `workbench evaluate`, `tokens`, `confusion`, `barriers`, `cypher`."""

from pathlib import Path
from typing import Annotated

import typer

from workbench.cli.options import OF_WORDS, Common, ModelName, complete_corpora, complete_models, takes
from workbench.terminal import show_answer, show_run, show_study, show_table

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
        typer.Option(
            help="A saved result with groups or a score of heads or neurons, switched off in turn, or with "
            "directions of languages, added in turn."
        ),
    ] = None,
    measure: Annotated[
        str,
        typer.Option(
            help="With --groups: accuracy; agreement: the share of items with the same option picked in the other "
            "languages; consistency: that beyond what the accuracies imply."
        ),
    ] = "accuracy",
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
    workbench evaluate polyglot words --groups runs/heads/roles.nc --measure consistency
    """  # noqa: D301 (click reads the backspace)
    from workbench.results.files import load_result
    from workbench.studies.evaluation.evaluate import run_evaluate, task_name
    from workbench.studies.findings.evaluation.accuracy import accuracy_table
    from workbench.studies.findings.evaluation.edits import effects_table

    folder = common.folder("evaluate", model, *tasks)
    how = {"format": format, "normalize": normalize, "shots": shots, "tokens": tokens}
    how |= {"measure": measure, "controls": controls}
    named = tasks[0] if len(tasks) == 1 else tasks
    run_evaluate(model, named, out=folder, groups=None if groups is None else str(groups), **how, **common.texts)
    names = [task_name(source) for source in tasks]
    tables = [] if groups is None else [effects_table(load_result(folder / f"{name}_under.nc")) for name in names]
    tables += [accuracy_table(load_result(folder / f"{name}.nc")) for name in names]
    for number, table in enumerate(tables):
        show_table(table, common.table if number == 0 else None, common.quiet)
    show_answer(folder, common.quiet)
    show_run(folder, common.quiet)


@takes({"languages", "out", "table", "limit", "quiet", "seed", "deduplicate", "columns"})
def tokens(
    tokenizers: Annotated[
        list[str],
        typer.Argument(help="Models whose tokenizers are compared, one or more.", autocompletion=complete_models),
    ],
    corpus: Annotated[
        str, typer.Option(help="A shipped corpus, a folder, or a file.", autocompletion=complete_corpora)
    ] = "parallel",
    segment: Annotated[
        bool, typer.Option("--segment", help="Split Chinese and Japanese into words (the extra segment).")
    ] = False,
    accuracy: Annotated[
        str | None,
        typer.Option(help="Results of `workbench evaluate`, one for each model, with commas: does accuracy follow?"),
    ] = None,
    measure: Annotated[
        str,
        typer.Option(
            help="Compared with accuracy: tokens_per_word, bytes_per_token, tokens_per_row, normalized_length, parity."
        ),
    ] = "tokens_per_word",
    *,
    common: Common,
) -> None:
    """Count how many tokens the same text takes in each language, and whether models do better where it takes fewer.

    \b
    workbench tokens polyglot
    workbench tokens polyglot gemma-3-270m --corpus texts.tsv --languages de,en,ja
    workbench tokens polyglot gemma-3-270m --accuracy runs/a/words.nc,runs/b/words.nc
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.evaluation.tokens import run_tokens
    from workbench.studies.findings.evaluation.tokens import tokens_table

    folder = common.folder("tokens", *tokenizers, corpus)
    named = tokenizers[0] if len(tokenizers) == 1 else tokenizers
    how = {"segment": segment, "accuracy": accuracy, "measure": measure}
    run_tokens(named, corpus=corpus, out=folder, **how, **common.texts)
    show_study(folder, "tokenization", tokens_table, to=common.table, quiet=common.quiet)


# Long: a parameter for each option.
@takes(OF_WORDS)
def confusion(
    model: ModelName,
    prompts: Annotated[
        str,
        typer.Argument(
            help="A folder or a table of prompts with `prompt`, `source` and `language`; or parallel: the model "
            "continues the beginnings of the shipped sentences.",
            autocompletion=complete_corpora,
        ),
    ] = "parallel",
    identify: Annotated[
        str, typer.Option(help="Who names the language: fasttext or lingua (the extra identify), or trigram.")
    ] = "fasttext",
    dictionary: Annotated[
        str | None, typer.Option(help="A file of English words, one a line: count responses without any.")
    ] = None,
    segment: Annotated[
        bool, typer.Option("--segment", help="Split Chinese and Japanese into words (the extra segment).")
    ] = False,
    tokens: Annotated[int, typer.Option(help="Most tokens of a response.")] = 100,
    opening: Annotated[int, typer.Option(help="First tokens of a corpus's texts that are continued.")] = 10,
    shots: Annotated[str, typer.Option(help="Examples before each prompt; several numbers are compared: 0,1,5.")] = "0",
    temperature: Annotated[
        str, typer.Option(help="0 takes the likeliest token; several are compared: 0.3,0,1.")
    ] = "0.3",
    beams: Annotated[str, typer.Option(help="Of beam search, at temperature 0; several are compared: 1,4.")] = "1",
    top_p: Annotated[float, typer.Option(help="Draw from the fewest tokens of this probability.")] = 0.75,
    examples: Annotated[
        str | None, typer.Option(help="For --shots: a table with `language`, `question` and `answer`.")
    ] = None,
    groups: Annotated[
        str | None,
        typer.Option(
            help="A saved result with groups or a score of heads or neurons, switched off in turn, or with "
            "directions of languages, added in turn."
        ),
    ] = None,
    *,
    common: Common,
) -> None:
    """Have a model answer prompts, and count the answers that are in the language that is due (language confusion).

    \b
    workbench confusion polyglot parallel --languages de,en,ja --limit 10
    workbench confusion gemma-3-270m test_sets/monolingual --dictionary words.txt
    workbench confusion gemma-3-270m test_sets --temperature 0.3,0,1 --groups runs/heads/roles.nc
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.evaluation.confusion import run_confusion
    from workbench.studies.findings.evaluation.confusion import rates_table

    folder = common.folder("confusion", model, prompts)
    how = {"identify": identify, "dictionary": dictionary, "segment": segment, "tokens": tokens, "opening": opening}
    how |= {"shots": shots, "temperature": temperature, "beams": beams, "top_p": top_p, "examples": examples}
    run_confusion(model, prompts, out=folder, groups=groups, **how, **common.texts)
    show_study(folder, "confusion", rates_table, to=None, quiet=common.quiet)


@takes(OF_WORDS | {"truncate", "table"})
def barriers(
    model: ModelName,
    task: Annotated[
        str, typer.Argument(help="An aligned task: words, a JSONL, JSON or TSV file, a folder of them, lm_eval:NAME.")
    ] = "words",
    variants: Annotated[
        str, typer.Option(help="What changes its language, with commas; also mixup and mixup_free.")
    ] = "full,question,options,gt,gt_question,onewrong,threewrong",
    pivot: Annotated[str, typer.Option(help="Language of what stays.")] = "en",
    format: Annotated[
        str, typer.Option(help="letters: list the options, score A, B ...; cloze: score the options' texts.")
    ] = "letters",
    shots: Annotated[int, typer.Option(help="So many first items stand, solved, before each of the others.")] = 0,
    *,
    common: Common,
) -> None:
    """Put parts of a question into other languages: what does the model no longer find, and is it the odd option?

    \b
    workbench barriers polyglot words --languages de,fr --limit 24 --format cloze
    workbench barriers gemma-3-270m belebele/ --shots 5 --variants full,options,gt,onewrong
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.evaluation.barriers import run_barriers
    from workbench.studies.findings.evaluation.barriers import barriers_table

    folder = common.folder("barriers", model, task)
    how = {"variants": variants, "pivot": pivot, "format": format, "shots": shots}
    run_barriers(model, task, out=folder, **how, **common.texts)
    show_study(folder, "barriers", barriers_table, to=common.table, quiet=common.quiet)


# Long: a parameter for each option.
@takes(OF_WORDS | {"table"})
def cypher(
    model: ModelName,
    task: Annotated[str, typer.Argument(help="cypher, or a file of published rows with --format text2cypher.")] = (
        "cypher"
    ),
    prompt_languages: Annotated[
        str | None, typer.Option(help="Languages of the words around the question; those of the questions by default.")
    ] = None,
    format: Annotated[str | None, typer.Option(help="text2cypher: rows as published, without a graph.")] = None,
    rank: Annotated[bool, typer.Option("--rank", help="Also: is the right query likelier than wrong ones?")] = False,
    no_write: Annotated[
        bool, typer.Option("--no-write", help="Only score queries: for a model that cannot write Cypher.")
    ] = False,
    no_execute: Annotated[
        bool, typer.Option("--no-execute", help="Compare what is written as texts; needs no extra.")
    ] = False,
    tokens: Annotated[int, typer.Option(help="Most tokens of a query.")] = 96,
    pivot: Annotated[str, typer.Option(help="Language that is compared with the others.")] = "en",
    *,
    common: Common,
) -> None:
    """Ask for Cypher queries of a graph, by the language of the question and of the words around it (Text2Cypher).

    \b
    workbench cypher polyglot --languages de,en,zh --limit 12 --rank --no-write
    workbench cypher gemma-3-270m --languages de,en
    workbench cypher gemma-3-270m test.parquet --format text2cypher --limit 50
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.evaluation.cypher import run_cypher
    from workbench.studies.findings.evaluation.cypher import cypher_table

    folder = common.folder("cypher", model, task)
    how = {"prompt_languages": prompt_languages, "format": format, "rank": rank, "tokens": tokens, "pivot": pivot}
    run_cypher(model, task, out=folder, no_write=no_write, no_execute=no_execute, **how, **common.texts)
    show_study(folder, "cypher", cypher_table, to=common.table, quiet=common.quiet)
