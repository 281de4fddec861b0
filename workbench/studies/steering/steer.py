"""The study of steering: does the direction of a language make a model write in it, and on the subject?"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np
import pandas as pd
import xarray as xr

from workbench import figures
from workbench.arguments import finite, numbers, one_of, whole_number
from workbench.errors import BadArgument, TooFewLanguages
from workbench.evaluation import openings
from workbench.steering import curve, directions
from workbench.steering.curves.cells import with_prompt
from workbench.steering.curves.chosen import halves
from workbench.steering.directions import Kind
from workbench.steering.vectors.layers import at_layers
from workbench.studies.analysis import Analysis, Cell, Results, analysis
from workbench.studies.evaluation.prompts import read_identifier
from workbench.studies.findings.evaluation import steering as findings
from workbench.studies.options import DEFAULTS, Options, common_key, open_model, refuse_chat
from workbench.studies.report import Section
from workbench.studies.sections import Drawing, drawing, section
from workbench.studies.steering.baselines import GAIN, amplified, members_of, read_target
from workbench.text.corpus import digest
from workbench.text.display.words import count, language, listed, written
from workbench.text.languages import required
from workbench.text.readers import load_corpus

_SHOWN = 6  # prompts in the report
_LEAST = 4  # prompts: two choose, two score


# Long: a parameter for each option of the command.
@analysis("steer")
def run_steer(
    model: Any,
    corpus: Any = "parallel",
    *,
    out: str | Path,
    to: str = "de",
    source: str = "en",
    kind: str = "difference",
    strengths: str = "0.25,0.5,1,2",
    layers: str | None = None,
    prompts: int = 12,
    opening: int = 8,
    tokens: int = 20,
    positions: str = "all",
    instruction: str | None = None,
    neurons: str | Path | None = None,
    heads: str | Path | None = None,
    identify: str = "fasttext",
    languages: str | Sequence[str] | None = None,
    limit: int | None = None,
    options: Options = DEFAULTS,
) -> Analysis:
    """Steer a model towards a language at each layer and strength, score what it writes, and write a report.

    The direction is of one half of the texts; the beginnings of the other half are continued.

    Args:
        to: language to steer towards.
        source: language of the beginnings that the model continues.
        kind: of direction, as of `wb.steering.directions`.
        strengths: numbers with commas; 1 adds a vector as long as a state is on average.
        layers: numbers with commas; each is steered alone, and every one when None.
        prompts: beginnings to continue, four or more.
        opening: tokens of a beginning.
        tokens: most tokens to write.
        positions: all, or generated: add at the model's own tokens alone.
        instruction: a baseline: a prompt with {prompt} in it, such as "Auf Deutsch: {prompt}".
        neurons: a baseline: a saved Result with groups or a score of neurons; the outputs of those of the target are
            multiplied by 1 + 10 x the strength, at every layer that they are in.
        heads: the same of heads.
        identify: fasttext (the extra `identify`), lingua (the same extra) or trigram.

    Returns:
        The run folder, with `directions.nc`, `curve.nc` and `report.html`.

    Raises:
        UnknownLanguage: a language is not in the corpus.
        TooFewLanguages: the corpus has one language.
        MissingExtra: the identifier is not installed.
        BadResult: `neurons` or `heads` is no such file, or of another model.
        BadArgument: an option out of range.
    """
    refuse_chat(options, "steering")
    with_prompt(instruction)
    one_of("kind", kind, get_args(Kind))
    one_of("positions", positions, ("all", "generated"))
    doses = [finite("strengths", value, above=0) for value in _numbers("strengths", strengths, float)]
    places = None if layers is None else _numbers("layers", layers, int)
    for name, value, least in (("prompts", prompts, _LEAST), ("opening", opening, 1), ("tokens", tokens, 1)):
        whole_number(name, value, at_least=least)
    texts = load_corpus(
        corpus, languages=languages, limit=limit, deduplicate=options.deduplicate, columns=options.columns
    )
    if len(texts.languages) < 2:
        raise TooFewLanguages(f"a direction needs two languages or more; {texts.source} has one")
    target, begun = (required(code, texts.languages, "is not in this corpus") for code in (to, source))
    train, test = texts.split("train"), texts.split("test").select([begun])
    if (several := len({*test.texts[begun]})) < _LEAST:
        raise BadArgument(f"{several} texts in {begun!r} are left to continue, half of all; give {2 * _LEAST} or more")
    judge = read_identifier(identify, [target])
    files = {unit: path for unit, path in (("neuron", neurons), ("head", heads)) if path is not None}
    groups = {unit: read_target(path, target, unit=unit) for unit, path in files.items()}
    if target == begun:
        raise BadArgument(f"to={to!r} and source={source!r} are the same language; give two different ones")
    loaded = open_model(model, options)
    at_layers(np.zeros(loaded.n_layers), places)
    members = {unit: members_of(loaded, own, unit=unit) for unit, own in groups.items()}
    baselines = {f"{unit}s": amplified(loaded, mask, unit=unit) for unit, mask in members.items()}
    table = openings(loaded, test, tokens=opening).head(prompts)
    halves(pd.factorize(table["prompt"])[0], options.seed)  # refuses too few, before states are computed
    key = {**common_key(loaded, options, train), "kind": kind}
    how = {"strengths": doses, "layers": places, "tokens": tokens, "positions": positions, "instruction": instruction}
    curve_key = {**key, **how, "target": target, "identify": identify, "prompts": digest(table["prompt"].tolist())}
    curve_key |= {f"{unit}s": np.argwhere(mask).tolist() for unit, mask in members.items()}
    return Analysis(
        title=f"Steering {loaded.name} towards {language(target)}",
        question=f"Does a direction make the model write {language(target)}, and on the subject?",
        cells=[
            Cell("directions", key, lambda _: directions(loaded, train, kind=cast(Kind, kind), **options.texts)),
            Cell(
                "curve",
                curve_key,
                lambda results: curve(
                    loaded,
                    table,
                    results["directions"].sel(language=target),
                    identify=judge,
                    baselines=baselines,
                    **how,
                    **options.sweep,
                ),
            ),
        ],
        sections=lambda results: _sections(results, {unit: int(mask.sum()) for unit, mask in members.items()}),
    )


def _numbers(name: str, text: str, kind: type) -> list[Any]:
    """Different numbers with commas."""
    given = numbers(name, text, like="1,2", kind=kind)
    if len({*given}) < len(given):
        raise BadArgument(f"{name}={text!r}; give different numbers")
    return given


def _sections(results: Results, sizes: Mapping[str, int]) -> list[Section]:
    """The report, with how many units of each kind were amplified."""
    made, vectors = results["curve"], results["directions"]
    shares = vectors.assign(share=100 * vectors["length"] / vectors["residual_norm"])
    shares["share"].attrs = {"long_name": "length of the direction beside that of a state", "units": "%"}
    control = "Random directions of equal length are steered with at the same layers and strengths."
    units = listed(count(size, unit) for unit, size in sizes.items())
    amplified = f" Baselines are the language's {units}, with outputs times 1 + {GAIN} x the strength." if sizes else ""
    return [
        section(
            "curve",
            made,
            drawing(
                figures.bars,
                made,
                "held_out_harmonic",
                question="How well does it do on prompts that did not choose, beside baselines?",
            ),
            reading="Each setting has the layer and strength that one half of the prompts choose, and is scored on the "
            "other half: the harmonic mean of the share in the language and the share that suits its prompt. The table "
            f"has the share that does both. Whiskers are intervals over prompts.{amplified}",
            finding=findings.held_out(made),
            control=control,
            table=findings.chosen_table(made),
        ),
        section(
            "curve",
            made,
            drawing(figures.heatmap, made, "harmonic", select={"setting": "direction"}, question=_QUESTION),
            reading="The harmonic mean of two shares of the responses to all prompts: of those in the language, and of "
            "those that the model without steering expects after their own prompt more than after others. The best "
            "cell is too good by choice; the figure before has no such bias.",
            finding=findings.best(made),
            control=control,
        ),
        section(
            "directions",
            vectors,
            drawing(
                figures.curves, shares, "share", question="How long are directions of languages beside the states?"
            ),
            reading="The length of each language's direction after each layer, in per cent of the mean length of a "
            "state at the last token of a text. Strengths are in units of that mean length.",
            finding=findings.lengths(vectors),
            control="None: lengths from texts with shuffled languages are not measured.",
        ),
        _texts(made),
    ]


_QUESTION = "At which layer and strength does it write in the language, and on the subject?"


def _texts(result: xr.Dataset) -> Section:
    """What was written as it is and at the chosen cell."""
    columns = {"prompt": [written(text) for text in result["prompt"].to_numpy()[:_SHOWN]]}
    for name in result["setting"].to_numpy():
        own = result.sel(setting=name)
        cell = own["text"].sel(layer=own["chosen_layer"].item(), strength=own["chosen_strength"].item())
        columns[str(name)] = [written(text) for text in cell.to_numpy()[:_SHOWN]]
    return section(
        "curve",
        result,
        Drawing("What did the model write?"),
        reading="The first prompts, each setting at the layer and strength that were chosen; ↵ is a line break. The "
        "file has all of them.",
        finding=findings.copies(result),
        control="These are texts as they were written.",
        table=pd.DataFrame(columns).set_index("prompt"),
    )
