"""The study of concepts and languages: what patching a translation prompt says, for two routes and all languages."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from workbench import figures
from workbench.patching import concepts, onsets
from workbench.studies.options import Options, common_key
from workbench.studies.report import recipe, write_report
from workbench.studies.runs import locks_folder, open_run
from workbench.studies.sections import section
from workbench.text.words import load_words

_BAND = "Each line is an answer with its 95 % interval over pairs of concepts; layer 0 is the embedding."


@locks_folder
def run_concepts(
    model: Any,
    *,
    source: str,
    target: str,
    out: str | Path,
    mean_over: Sequence[str] = (),
    words: str = "words",
    shots: int = 5,
    limit: int | None = None,
    options: Options | None = None,
) -> Path:
    """Run both experiments of `patching.concepts` for two routes, and write a report.

    Args:
        model: what `load_model` takes, or a Model.
        source: route of the source prompts, such as de-it.
        target: route of the target prompts, such as fr-zh.
        out: the run folder; cells that are there already with the same key are not computed again.
        mean_over: languages over which the source state is averaged as well.
        words: what `load_words` reads.
        shots: translations shown before each question.
        limit: most pairs of concepts.
        options: how to compute.

    Returns:
        The run folder, with `last.nc`, `concept.nc`, `mean.nc` where languages were given, `report.html`.

    Raises:
        CannotWrite: the folder cannot be written; before anything is computed.
        UnknownLanguage: a language is not among the words.
        BadArgument: not a route.
        BadPairs: first tokens collide in every concept.
        Interrupted: Ctrl-C; the line says what is finished and where.
    """
    options = (options or Options()).plain("the exchange of concepts")
    run = open_run(out)
    frame, loaded = load_words(words), options.load(model)
    routes = {"source": source, "target": target, "shots": shots, "limit": limit}
    key = {**common_key(loaded, options), "words": frame.attrs["hash"], **routes}
    cells: dict[str, dict[str, Any]] = {"last": {"at": "last"}, "concept": {"at": "concept"}}
    if mean_over:
        cells["mean"] = {"at": "concept", "mean_over": list(mean_over)}
    sections = []
    for name, how in cells.items():
        result = run.cell(
            name,
            {**key, "method": "concepts", **how},
            lambda how=how: concepts(loaded, frame, **routes, **how, **options.sweep),
        )
        control = "Controls put the states of other concepts there."
        reading = {
            "last": f"The state of the last token in front of one layer comes from the source run. {_BAND} {control}",
            "concept": "The state of the last token of the shown word comes from the source run, from one layer on to "
            f"the last. {_BAND} {control}",
            "mean": "The same with the mean state over source prompts that show the concept in "
            f"{', '.join(mean_over)}. {_BAND} {control}",
        }[name]
        title = {
            "last": "Which concept, in which language, does the state of the last token bring?",
            "concept": "Which concept, in which language, does the state of the shown word bring?",
            "mean": "Which concept, in which language, does the shown word's mean state bring?",
        }[name]
        figure = figures.curves(result, "probability", color="answer", title=title)
        sections.append(section(name, result, figure, reading=reading, finding=concept_finding(result)))
    told = {"out": out, "options": options, "only_python": ["truncate"]}
    write_report(
        run.folder,
        title=f"Concepts and languages in {loaded.name}: {source} into {target}",
        sections=sections,
        main=list(cells),
        recipe=recipe(run_concepts, "patch concepts", model, mean_over=mean_over, words=words, **routes, **told),
    )
    return run.folder


@locks_folder
def run_onsets(
    model: Any,
    *,
    out: str | Path,
    languages: str | Sequence[str] | None = None,
    words: str = "words",
    shots: int = 2,
    limit: int | None = 16,
    options: Options | None = None,
) -> Path:
    """Measure the onsets of concept and language for all pairs of languages, and write a report.

    Args:
        model: what `load_model` takes, or a Model.
        out: the run folder.
        languages: the languages asked for; all of the words' when None.
        words: what `load_words` reads.
        shots: translations shown before each question.
        limit: most pairs of concepts for each pair of languages.
        options: how to compute.

    Returns:
        The run folder, with `onsets_last.nc`, `onsets_concept.nc`, `report.html`.

    Raises:
        CannotWrite: the folder cannot be written; before anything is computed.
        TooFewLanguages: fewer than two languages.
        Interrupted: Ctrl-C; the line says what is finished and where.
    """
    options = (options or Options()).plain("the search for onsets")
    run = open_run(out)
    frame, loaded = load_words(words), options.load(model)
    asked = languages.split(",") if isinstance(languages, str) else languages
    how = {"languages": asked, "shots": shots, "limit": limit}
    key = {**common_key(loaded, options), "words": frame.attrs["hash"], **how}
    sections = []
    for at in ("last", "concept"):
        name = f"onsets_{at}"
        result = run.cell(
            name,
            {**key, "method": "onsets", "at": at},
            lambda at=at: onsets(loaded, frame, at=at, **how, **options.sweep),
        )
        reading = (
            "Rows are the languages that source prompts ask for, columns those of target prompts. The first layer from "
            "which on a patch at the last token brings the source's concept."
            if at == "last"
            else "The first layer from which on a patch of the shown word's last token no longer brings the source's "
            "concept: by then the word has been read."
        )
        figure = figures.matrix(result, "onset", aspect="concept")
        sections.append(section(name, result, figure, reading=reading, finding=onset_finding(result)))
    told = {"out": out, "options": options, "only_python": ["truncate"]}
    write_report(
        run.folder,
        title=f"Onsets of concept and language in {loaded.name}",
        question="At which layer do concept and language arrive?",
        sections=sections,
        recipe=recipe(run_onsets, "patch onsets", model, words=words, **how, **told),
    )
    return run.folder


def concept_finding(result: xr.Dataset) -> str:
    """What an experiment says, in words. Reads `onset`, `probability`, `control`."""
    layers, lines = result.sizes["layer"] - 1, []
    for aspect in result.aspect.values:
        value, low, high = (float(result[name].sel(aspect=aspect)) for name in ("onset", "onset_low", "onset_high"))
        side = "source" if result.attrs["at"] == "last" else "target"
        where = f"from layer {value:.0f} on (95 % interval {low:.0f} to {high:.0f})" if value <= layers else "nowhere"
        lines.append(f"The {side}'s {aspect} outweighs the other's {where}.")
    wanted = [whose == "source" for whose in result.answer_concept.values]
    peak, control = (float(result[name].values[wanted].max()) for name in ("probability", "control"))
    lines.append(f"The source concept reaches {peak:.2f} at most, and {control:.2f} with random concepts' states.")
    lines.append(f"{result.attrs['pairs']} pairs of concepts; {result.attrs['collided']} concepts collide.")
    return " ".join(lines)


def onset_finding(result: xr.Dataset) -> str:
    """What a matrix says, in words. Reads `onset`, `low`, `high`, `collided`."""
    concept, language = (result.onset.sel(aspect=aspect).values for aspect in ("concept", "language"))
    known = np.isfinite(concept) & np.isfinite(language)
    if not known.any():
        return "No pair of languages could be measured."
    widest = float(np.nanmax((result.high - result.low).values))
    sooner, later = (int(one[known].sum()) for one in (language < concept, language > concept))
    return (
        f"Over {int(known.sum())} ordered pairs of languages, the concept's onset lies at {_layers(concept)}, the "
        f"language's at {_layers(language)}; the language comes first in {sooner}, the concept in {later}. "
        f"The widest interval spans {widest:.0f} layers."
    )


def _layers(onset: np.ndarray) -> str:
    """Such as: layers 1 to 3."""
    first, last = np.nanmin(onset), np.nanmax(onset)
    return f"layer {first:.0f}" if first == last else f"layers {first:.0f} to {last:.0f}"
