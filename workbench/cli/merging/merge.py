"""The commands `workbench merge`: `swap`, `combine`, `revert`, `compare`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from workbench.cli.options import OF_WORDS, Common, complete_models, takes
from workbench.errors import BadArgument
from workbench.terminal import seen, show_study

HELP = """Merge two experts of one model, put parts of one back, and compare what the results can do.

\b
workbench merge swap polyglot-aligned polyglot --out runs/swapped
workbench merge combine polyglot-aligned runs/tuned --base polyglot --how ties --out runs/ties
workbench merge compare polyglot polyglot-aligned runs/swapped --task words
"""

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=HELP)
_WHAT = "a shipped model, a folder, a hub name, or the folder of a LoRA adapter."
TaskExpert = Annotated[str, typer.Argument(help=f"The task expert: {_WHAT}", autocompletion=complete_models)]
LanguageExpert = Annotated[str, typer.Argument(help="The language expert, likewise.", autocompletion=complete_models)]
Base = Annotated[str | None, typer.Option(help="The model that both were tuned from.", autocompletion=complete_models)]
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
    typer.echo(seen(merging.swap(pair, places, out=out, progress=common.options.progress, **how)))


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

    options: Any = {"how": how, "density": density, "scope": scope, "rescale": rescale, "dtype": stored}
    options |= {"weights": _numbers("--weights", weights), "seed": common.options.seed}
    pair = merging.pair(base, task, language)
    typer.echo(seen(merging.combine(pair, out=out, progress=common.options.progress, **options)))


@app.command()
@takes({"quiet"})
def revert(
    expert: Annotated[str, typer.Argument(help="A tuned model.", autocompletion=complete_models)],
    base: Annotated[str, typer.Argument(help="The model that it was tuned from.", autocompletion=complete_models)],
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

    how: Any = {"dtype": stored, "progress": common.options.progress}
    typer.echo(seen(merging.revert(expert, base, [_group(part) for part in groups.split(",")], out=out, **how)))


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
    format: Annotated[str, typer.Option(help="cloze, question or letters, as in workbench evaluate.")] = "cloze",
    normalize: Annotated[str, typer.Option(help="none, characters, bytes or unconditional.")] = "none",
    shots: Annotated[int, typer.Option(help="So many first items stand, solved, before each of the others.")] = 0,
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


def _repeated(layers: str) -> list[str]:
    """Places of layers, of which 4*task is four."""
    places = []
    for part in layers.split(","):
        number, times, place = part.strip().rpartition("*")
        if times and not number.strip().isdecimal():
            raise BadArgument(f"--layers {layers}: {part!r} is no place such as task or 4*task")
        places += [place.strip()] * (int(number) if times else 1)
    return places


def _numbers(option: str, text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise BadArgument(f"{option} {text}: give numbers with commas, such as 1,0.5") from None


def _group(text: str) -> Any:
    """A group, a layer, or a layer and a group with a colon between."""
    layer, colon, group = text.strip().rpartition(":")
    if colon and layer.isdecimal():
        return int(layer), group
    return int(group) if group.isdecimal() and not colon else text.strip()
