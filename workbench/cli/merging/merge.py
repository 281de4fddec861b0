"""The commands `workbench merge`: `swap`, `combine`, `revert`, `compare`, `difference`, `importance`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from workbench.cli.merging.shown import show_merged
from workbench.cli.options import OF_WORDS, Common, complete_models, takes
from workbench.errors import BadArgument
from workbench.terminal import show_study

HELP = """Merge two experts of one model, put parts of one back, and see where experts differ and what results can do.

\b
workbench merge swap polyglot-aligned polyglot --out runs/swapped
workbench merge combine polyglot-aligned runs/tuned --base polyglot --how ties --out runs/ties
workbench merge compare polyglot polyglot-aligned runs/swapped --task words
workbench merge difference polyglot polyglot-aligned runs/tuned
workbench merge importance polyglot-aligned polyglot --task words --groups layers
"""

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=HELP)
_WHAT = "a shipped model, a folder, a hub name, or the folder of a LoRA adapter."
TaskExpert = Annotated[str, typer.Argument(help=f"The task expert: {_WHAT}", autocompletion=complete_models)]
LanguageExpert = Annotated[str, typer.Argument(help="The language expert, likewise.", autocompletion=complete_models)]
Base = Annotated[str | None, typer.Option(help="The model that both were tuned from.", autocompletion=complete_models)]
Expert = Annotated[str, typer.Argument(help="A tuned model.", autocompletion=complete_models)]
Original = Annotated[str, typer.Argument(help="The model before tuning.", autocompletion=complete_models)]
Ceiling = Annotated[str | None, typer.Option(help="A second expert of the task, trained with another seed.")]
Floor = Annotated[str | None, typer.Option(help="An expert tuned on shuffled data.")]
Formatted = Annotated[str, typer.Option("--format", help="cloze, question or letters, as in workbench evaluate.")]
Normalized = Annotated[str, typer.Option("--normalize", help="none, characters, bytes or unconditional.")]
Shots = Annotated[int, typer.Option(help="So many first items stand, solved, before each of the others.")]
Folder = Annotated[Path, typer.Option("--out", help="The folder to write, which is not there yet.")]
Stored = Annotated[
    str | None,
    typer.Option("--dtype", help="Of the merged weights: float32, bfloat16 or float16; that of the models by default."),
]


# Long: a parameter for each option.
@app.command()
@takes({"quiet"})
def swap(
    task: TaskExpert,
    language: LanguageExpert,
    out: Folder,
    base: Base = None,
    layers: Annotated[
        str | None,
        typer.Option(help="language, task, mean or base for each layer, with commas, or 4*task for four layers of it."),
    ] = None,
    bottom: Annotated[int, typer.Option(help="First layers from the language expert, of 32; scaled to the depth.")] = 5,
    top: Annotated[int, typer.Option(help="Last layers from the language expert, of 32.")] = 2,
    seams: Annotated[int, typer.Option(help="Layers at each border that are the mean of both, of 32.")] = 1,
    ends: Annotated[
        str, typer.Option(help="Embeddings, last norm and head come from: language, task, base or mean.")
    ] = "language",
    stored: Stored = None,
    *,
    common: Common,
) -> None:
    """Write a model whose layers come from two experts (layer swapping).

    \b
    workbench merge swap polyglot-aligned polyglot --out runs/swapped
    workbench merge swap polyglot-aligned polyglot --layers 2*language,3*task,language --out runs/map
    workbench merge swap polyglot-aligned polyglot --bottom 6 --seams 0 --ends task --out runs/other
    """  # noqa: D301 (click reads the backspace)
    from workbench import merging

    pair = merging.pair(base, task, language)
    if layers is None:
        places = merging.layer_map(pair.layers, bottom=bottom, top=top, seams=seams)
    elif (bottom, top, seams) != (5, 2, 1):
        raise BadArgument("--layers says where every layer comes from; leave out --bottom, --top and --seams")
    else:
        places = _repeated(layers)
    how: Any = {"ends": ends, "dtype": stored}
    show_merged(merging.swap(pair, places, out=out, progress=common.options.progress, **how), common.quiet)


# Long: a parameter for each option.
@app.command()
@takes({"seed", "quiet"})
def combine(
    task: TaskExpert,
    language: LanguageExpert,
    out: Folder,
    base: Base = None,
    how: Annotated[str, typer.Option(help="linear, arithmetic, ties, dare, or lora for two adapters.")] = "linear",
    weights: Annotated[str, typer.Option(help="Of the task and of the language expert.")] = "1,1",
    density: Annotated[
        float | None, typer.Option(help="The share of each difference that remains: ties (0.2) and dare (0.1).")
    ] = None,
    scope: Annotated[
        str, typer.Option(help="ties: the largest of each tensor, or of all as one vector: tensor, vector.")
    ] = "tensor",
    rescale: Annotated[
        str, typer.Option(help="dare: divide by the density, or restore each tensor's norm: density, norm.")
    ] = "density",
    stored: Stored = None,
    *,
    common: Common,
) -> None:
    """Write a model that is made of both experts in every tensor (means, task vectors, TIES, DARE).

    \b
    workbench merge combine polyglot-aligned runs/tuned --out runs/mean
    workbench merge combine polyglot-aligned runs/tuned --base polyglot --how ties --density 0.2 --out runs/ties
    workbench merge combine runs/adapter-a runs/adapter-b --how lora --weights 0.5,0.5 --out runs/adapter
    """  # noqa: D301 (click reads the backspace)
    from workbench import merging
    from workbench.arguments import numbers

    options: Any = {"how": how, "density": density, "scope": scope, "rescale": rescale, "dtype": stored}
    options |= {"weights": numbers("--weights", weights, like="1,0.5"), "seed": common.options.seed}
    pair = merging.pair(base, task, language)
    show_merged(merging.combine(pair, out=out, progress=common.options.progress, **options), common.quiet)


@app.command()
@takes({"quiet"})
def revert(
    expert: Expert,
    base: Original,
    out: Folder,
    groups: Annotated[
        str,
        typer.Option(
            help="What is put back, with commas: q, k, v, o, gate, up, down, norm, ends; a layer, 3; or both, 3:q."
        ),
    ],
    stored: Stored = None,
    *,
    common: Common,
) -> None:
    """Write an expert with groups of its weights put back to what they were before tuning.

    \b
    workbench merge revert polyglot-aligned polyglot --groups ends,3:q --out runs/reverted
    workbench merge revert polyglot-aligned polyglot --groups 0,1 --out runs/lower
    """  # noqa: D301 (click reads the backspace)
    from workbench import merging
    from workbench.merging.groups import read_groups

    how: Any = {"dtype": stored, "progress": common.options.progress}
    show_merged(merging.revert(expert, base, read_groups(groups), out=out, **how), common.quiet)


@app.command()
@takes(OF_WORDS | {"truncate", "table"})
def compare(
    models: Annotated[
        list[str],
        typer.Argument(help="Models, two or more; the first is compared with.", autocompletion=complete_models),
    ],
    task: Annotated[
        str, typer.Option(help="words, words:de, a JSONL, JSON or TSV file, a folder of them, or lm_eval:NAME.")
    ] = "words",
    format: Formatted = "cloze",
    normalize: Normalized = "none",
    shots: Shots = 0,
    *,
    common: Common,
) -> None:
    """Measure experts, merges and controls on one task, each against the first on the same items.

    \b
    workbench merge compare polyglot polyglot-aligned --languages de,fr --limit 24
    workbench merge compare runs/task runs/language runs/swapped runs/mirrored --task xcopa/
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.findings.merging.compare import merge_table
    from workbench.studies.merging.compare import run_merge_compare

    folder = common.folder("merge-compare", *models, task)
    how: Any = {"task": task, "format": format, "normalize": normalize, "shots": shots}
    run_merge_compare(models, out=folder, **how, **common.texts)
    show_study(folder, "compare", merge_table, to=common.table, quiet=common.quiet)


@app.command()
@takes({"out", "table", "quiet"})
def difference(
    base: Original,
    task: TaskExpert,
    language: LanguageExpert,
    top: Annotated[float, typer.Option(help="Share of weights, in each group, that counts as changed most.")] = 0.05,
    ceiling: Ceiling = None,
    floor: Floor = None,
    *,
    common: Common,
) -> None:
    """Compare what two tunings of a model changed: how much, in which direction, and whether the same weights.

    \b
    workbench merge difference polyglot polyglot-aligned runs/tuned
    workbench merge difference polyglot runs/cypher runs/german --ceiling runs/cypher-2 --floor runs/shuffled
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.findings.merging.difference import difference_table
    from workbench.studies.merging.difference import run_merge_difference

    folder = common.folder("merge-difference", base, task, language)
    how: Any = {"top": top, "ceiling": ceiling, "floor": floor, "options": common.options}
    run_merge_difference(base, task, language, out=folder, **how)
    show_study(folder, "difference", difference_table, to=common.table, quiet=common.quiet)


# Long: a parameter for each option.
@app.command()
@takes(OF_WORDS | {"truncate", "table"})
def importance(
    expert: Expert,
    base: Original,
    task: Annotated[
        str, typer.Option(help="Tasks with commas: words, words:de, a file, a folder, or lm_eval:NAME.")
    ] = "words",
    groups: Annotated[
        str,
        typer.Option(help="What is put back in turn: layers (each, and the ends), or as in merge revert: q,down,3:q."),
    ] = "layers",
    ceiling: Ceiling = None,
    floor: Floor = None,
    format: Formatted = "cloze",
    normalize: Normalized = "none",
    shots: Shots = 0,
    *,
    common: Common,
) -> None:
    """Put each layer or group of an expert back to the model before tuning, and measure what is lost of each task.

    \b
    workbench merge importance polyglot-aligned polyglot --task words --groups layers
    workbench merge importance runs/cypher polyglot --task cypher,words --groups q,k,v,o,gate,up,down,norm,ends
    """  # noqa: D301 (click reads the backspace)
    from workbench.studies.findings.merging.importance import importance_table
    from workbench.studies.merging.importance import run_merge_importance

    folder = common.folder("merge-importance", expert, base, task)
    how: Any = {"groups": groups, "ceiling": ceiling, "floor": floor}
    how |= {"format": format, "normalize": normalize, "shots": shots}
    run_merge_importance(expert, base, out=folder, task=task, **how, **common.texts)
    show_study(folder, "importance", importance_table, to=common.table, quiet=common.quiet)


def _repeated(layers: str) -> list[str]:
    """Places of layers, of which 4*task is four."""
    places = []
    for part in layers.split(","):
        number, times, place = part.strip().rpartition("*")
        if times and not number.strip().isdecimal():
            raise BadArgument(f"--layers {layers}: {part!r} is no place such as task or 4*task")
        places += [place.strip()] * (int(number) if times else 1)
    return places
