"""The study of a swap: one language's features off, another's on, and which language the model then answers in."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import xarray as xr

from workbench import figures
from workbench.arguments import whole_number
from workbench.circuits import firing, swap_language
from workbench.errors import BadArgument
from workbench.neurons import firing as neuron_firing
from workbench.neurons import lape
from workbench.neurons.classes.ranking import check_share
from workbench.studies.analysis import Analysis, Cell, Results, analysis
from workbench.studies.circuits.opened import OPTIONS, SHIPPED, key_of, name_of, open_both
from workbench.studies.findings.circuits import swap as findings
from workbench.studies.forecast import Work
from workbench.studies.options import DEFAULTS, Options, open_texts
from workbench.studies.report import Section
from workbench.studies.sections import drawing, section
from workbench.text.display.words import language
from workbench.text.languages import required
from workbench.text.words import load_words


# Long: a parameter for each option of the command.
@analysis("circuits swap", as_options=OPTIONS, only_python=("chat",))
def run_circuit_swap(
    model: Any = "polyglot",
    corpus: Any = "parallel",
    *,
    out: str | Path,
    source: str = "en",
    target: str = "de",
    to: str = "fr",
    transcoder: Any = SHIPPED,
    words: str = "words",
    neurons: bool = True,
    top_rate: float = 0.05,
    shots: int = 5,
    concepts: int | None = 60,
    controls: int = 20,
    languages: str | Sequence[str] | None = None,
    limit: int | None = None,
    options: Options = DEFAULTS,
) -> Analysis:
    """Switch the features of the answer's language off and another language's on, and write a report.

    Args:
        corpus: texts in which the features of each language are chosen and their rates counted.
        source: language of the words shown.
        target: language asked for, whose features are switched off.
        to: language whose features are switched on.
        transcoder: what `wb.circuits.load` takes, or a Transcoder.
        words: what `load_words` reads.
        neurons: do the same with neurons, to compare.
        top_rate: share of all features, and of all neurons, that LAPE selects.
        shots: translations shown before the question.
        concepts: most concepts; all when None.
        controls: random sets of features, and of neurons.

    Returns:
        The run folder, with `firing.nc`, `lape.nc`, `swap.nc` and `report.html`; with neurons also `neuron_firing.nc`
        and `neuron_lape.nc`.

    Raises:
        BadTranscoder: it is not there, or does not fit the model.
        UnknownLanguage: a language is not among the words or the texts.
        BadArgument: an option out of range, or the same language twice.
    """
    check_share("top_rate", top_rate, closed=True)
    for name, value, least in (("shots", shots, 0), ("controls", controls, 0), ("concepts", concepts, 2)):
        if value is not None:
            whole_number(name, value, at_least=least)
    frame = load_words(words)
    shown, off, on = (
        required(code, frame.columns.tolist(), "is not in this word list") for code in (source, target, to)
    )
    if len({shown, off, on}) < 3:
        raise BadArgument(f"source, target and to are {shown}, {off} and {on}; give three different languages")
    texts = open_texts(corpus, options, languages=languages, limit=limit)
    for code in (off, on):
        required(code, texts.languages, "is not in this corpus")
    opened, loaded = open_both(transcoder, model, options)
    key = key_of(opened, loaded, options, texts)
    work = [Work(loaded, texts, 1, 0)]

    def counted(prefix: str, compute: Any) -> list[Cell]:
        return [
            Cell(f"{prefix}firing", {**key, "method": f"{prefix}firing", "moments": True}, compute, work),
            Cell(
                f"{prefix}lape",
                {**key, "method": f"{prefix}lape", "top_rate": top_rate},
                lambda results: lape(results[f"{prefix}firing"], top_rate=top_rate),
                [],
            ),
        ]

    how = {"source": shown, "target": off, "to": on, "shots": shots, "limit": concepts, "controls": controls}
    chosen = {"words": frame.attrs["hash"], "neurons": neurons, "top_rate": top_rate}

    def swapped(results: Results) -> xr.Dataset:
        beside = {"neurons": results["neuron_lape"], "neuron_firing": results["neuron_firing"]} if neurons else {}
        groups = {"members": results["lape"], "firing": results["firing"]}
        return swap_language(opened, loaded, frame, **groups, **beside, **how, **options.sweep)

    cells = counted("", lambda _: firing(opened, loaded, texts, moments=True, **options.texts))
    if neurons:
        cells += counted("neuron_", lambda _: neuron_firing(loaded, texts, moments=True, **options.texts))
    return Analysis(
        title=f"From {language(off)} to {language(on)} by features of {name_of(transcoder)} in {loaded.name}",
        question=f"Do the features of {language(on)} make the model answer in {language(on)}?",
        cells=[*cells, Cell("swap", {**key, **how, **chosen, "method": "circuits.swap_language"}, swapped)],
        sections=_sections,
        main=("swap",),
    )


def _sections(results: Results) -> list[Section]:
    made = results["swap"]
    return [
        section(
            "swap",
            made,
            drawing(figures.bars, made, "excess", question="What does the swap change beyond matched random sets?"),
            reading="The change of the probability of the word in the language asked for, and in the one whose "
            "features are switched on, less the mean change with random sets: 0 is no more than those. Whiskers are "
            "intervals over concepts.",
            finding=findings.swap(made),
            control="Random sets: for each feature another one of the same layer that fires as often in the language; "
            "the same for neurons. The concept's share says whether the meaning stays.",
            table=findings.swap_table(made),
        ),
    ]
