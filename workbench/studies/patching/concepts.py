"""The study of concepts and languages: what patching a translation prompt says, for two routes and all languages."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workbench import figures
from workbench.arguments import whole_number
from workbench.patching import concepts, onsets
from workbench.patching.concepts.concept_pairs import check_routes
from workbench.patching.concepts.onsets import compared
from workbench.studies.analysis import OF_TEXTS, Analysis, Cell, Results, analysis
from workbench.studies.findings import concepts as findings
from workbench.studies.options import DEFAULTS, Options, common_key, open_model, refuse_chat
from workbench.studies.report import Section
from workbench.studies.sections import drawing, section
from workbench.text.languages import language_list
from workbench.text.words import load_words

_BAND = "Each line is an answer with its 95 % interval over pairs of concepts; layer 0 is the embedding."
_CONTROL = "Controls patch in the states of other concepts."
_QUESTIONS = {
    "last": "Which concept, in which language, does the state of the last token bring?",
    "concept": "Which concept, in which language, does the state of the shown word bring?",
    "mean": "Which concept, in which language, does the shown word's mean state bring?",
}
_ONSETS = {
    "last": "Rows are the languages that source prompts ask for, columns those of target prompts. The first layer from "
    "which on a patch at the last token brings the source's concept.",
    "concept": "The first layer from which on a patch of the shown word's last token no longer brings the source's "
    "concept: by then the word has been read.",
}


@analysis("patch concepts", only_python=OF_TEXTS)
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
    options: Options = DEFAULTS,
) -> Analysis:
    """Run both experiments of `patching.concepts` for two routes, and write a report.

    Args:
        source: route of the source prompts, such as de-it.
        target: route of the target prompts, such as fr-zh.
        mean_over: languages over which the source state is averaged as well.
        words: what `load_words` reads.
        shots: translations shown before each question.
        limit: most pairs of concepts.

    Returns:
        The run folder, with `last.nc`, `concept.nc`, `mean.nc` where languages were given, `report.html`.

    Raises:
        UnknownLanguage: a language is not among the words.
        BadArgument: not a route.
        BadPairs: first tokens collide in every concept.
    """
    refuse_chat(options, "the exchange of concepts")
    frame = load_words(words)
    check_routes(frame, source, target, mean_over)
    whole_number("shots", shots)
    if limit is not None:
        whole_number("limit", limit, at_least=1)
    loaded = open_model(model, options)
    routes = {"source": source, "target": target, "shots": shots, "limit": limit}
    key = {**common_key(loaded, options), "words": frame.attrs["hash"], **routes}
    places: dict[str, dict[str, Any]] = {"last": {"at": "last"}, "concept": {"at": "concept"}}
    if mean_over:
        places["mean"] = {"at": "concept", "mean_over": list(mean_over)}
    reading = {
        "last": "The state of the last token before one layer comes from the source run.",
        "concept": "The state of the last token of the shown word comes from the source run, from one layer on to the "
        "last.",
        "mean": f"The same with the mean state over source prompts that show the concept in {', '.join(mean_over)}.",
    }

    def make_section(name: str, results: Results) -> Section:
        figure = drawing(figures.curves, results[name], "probability", color="answer", question=_QUESTIONS[name])
        how = f"{reading[name]} {_BAND} {_CONTROL}"
        return section(name, results[name], figure, reading=how, finding=findings.concepts(results[name]))

    return Analysis(
        title=f"Concepts and languages in {loaded.name}: {source} into {target}",
        cells=[
            Cell(
                name,
                {**key, "method": "concepts", **how},
                lambda _, how=how: concepts(loaded, frame, **routes, **how, **options.sweep),
            )
            for name, how in places.items()
        ],
        sections=lambda results: [make_section(name, results) for name in places],
        main=list(places),
    )


@analysis("patch onsets", only_python=OF_TEXTS)
def run_onsets(
    model: Any,
    *,
    out: str | Path,
    languages: str | Sequence[str] | None = None,
    words: str = "words",
    shots: int = 2,
    limit: int | None = 16,
    options: Options = DEFAULTS,
) -> Analysis:
    """Measure the onsets of concept and language for all pairs of languages, and write a report.

    Args:
        languages: to translate into; all of the words' when None.
        words: what `load_words` reads.
        shots: translations shown before each question.
        limit: most pairs of concepts for each pair of languages.

    Returns:
        The run folder, with `onsets_last.nc`, `onsets_concept.nc`, `report.html`.
    """
    refuse_chat(options, "the search for onsets")
    frame = load_words(words)
    wanted = None if languages is None else language_list(languages)
    compared(frame, wanted)
    whole_number("shots", shots)
    if limit is not None:
        whole_number("limit", limit, at_least=1)
    loaded = open_model(model, options)
    how = {"languages": wanted, "shots": shots, "limit": limit}
    key = {**common_key(loaded, options), "words": frame.attrs["hash"], **how}

    def make_section(at: str, results: Results) -> Section:
        result = results[f"onsets_{at}"]
        figure = drawing(figures.matrix, result, "onset", select={"aspect": "concept"})
        return section(f"onsets_{at}", result, figure, reading=_ONSETS[at], finding=findings.onsets(result))

    return Analysis(
        title=f"Onsets of concept and language in {loaded.name}",
        question="At which layer do concept and language arrive?",
        cells=[
            Cell(
                f"onsets_{at}",
                {**key, "method": "onsets", "at": at},
                lambda _, at=at: onsets(loaded, frame, at=at, **how, **options.sweep),
            )
            for at in _ONSETS
        ],
        sections=lambda results: [make_section(at, results) for at in _ONSETS],
    )
