"""The study of a circuit's acceptance: is it necessary and sufficient in every language, and more than random heads?"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from workbench import figures
from workbench.arguments import finite, one_of, whole_number
from workbench.circuits import accept
from workbench.errors import BadArgument, TooFewLanguages
from workbench.patching import circuit
from workbench.studies.analysis import Analysis, Cell, Results, analysis
from workbench.studies.circuits.opened import codes
from workbench.studies.findings.circuits import accept as findings
from workbench.studies.heads.named import named_heads
from workbench.studies.options import DEFAULTS, Options, common_key, open_model, refuse_chat
from workbench.studies.report import Section
from workbench.studies.sections import drawing, section
from workbench.text.display.words import language
from workbench.text.languages import required
from workbench.text.words import load_words, translation_pairs

PAIRS = 24  # of prompts in each language
_SEARCH = {"drop": 0.2, "controls": 5}  # a fifth of the heads that are left is ablated at a time


# Long: a parameter for each option of the command.
@analysis("circuits accept", as_options=("model",), only_python=("chat", "deduplicate", "columns", "truncate"))
def run_circuit_accept(
    model: Any = "polyglot",
    *,
    out: str | Path,
    heads: str | None = None,
    source: str = "en",
    search: str | None = None,
    words: str = "words",
    how: str = "mean",
    least_necessity: float = 0.5,
    least_sufficiency: float = 0.5,
    shots: int = 3,
    controls: int = 20,
    languages: str | Sequence[str] | None = None,
    limit: int | None = PAIRS,
    options: Options = DEFAULTS,
) -> Analysis:
    """Accept or reject a circuit of heads over word translations into several languages, and write a report.

    A circuit that is not given is found on other concepts than those that judge it: half of the words each.

    Args:
        heads: the circuit, (layer, head) as in "2.3,4.1"; None to find it by ablation (`wb.patching.circuit`).
        source: language of the words shown.
        search: language into which the circuit is found; the first by default.
        words: what `load_words` reads.
        how: what an ablated head gives: "mean", "zero", or "patch", see `wb.circuits.accept`.
        least_necessity: share of the task that must be lost without the circuit.
        least_sufficiency: share of the task that the circuit must do alone.
        shots: translations shown before each question.
        controls: random sets of as many heads in the same layers, 19 or more.

    Returns:
        The run folder, with `accept.nc` and `report.html`; with `circuit.nc` if the circuit was searched for.

    Raises:
        BadArgument: an option out of range, no such head, or `search` beside `heads`.
        UnknownLanguage: a language is not among the words.
        TooFewLanguages: fewer than two to translate into.
    """
    refuse_chat(options, "the acceptance of a circuit")
    one_of("how", how, ("mean", "zero", "patch"))
    for name, share in {"least_necessity": least_necessity, "least_sufficiency": least_sufficiency}.items():
        finite(name, share, above=0)
    for name, value, least in (("shots", shots, 0), ("controls", controls, 19), ("limit", limit, 4)):
        if value is not None:
            whole_number(name, value, at_least=least)
    places = None if heads is None else read_circuit(heads)
    if places is not None and search is not None:
        raise BadArgument("search is the language into which a circuit is found; leave it or heads out")
    frame = load_words(words)
    shown, *into = (
        required(code, frame.columns.tolist(), "is not in this word list")
        for code in (source, *(codes(languages) or [code for code in frame.columns if code != source]))
    )
    into = [code for code in into if code != shown]
    if len(into) < 2:
        raise TooFewLanguages(f"a circuit is accepted over two languages or more; words go into {', '.join(into)}")
    start = required(search, into, "is not among the languages") if search else into[0]
    loaded = open_model(model, options)
    made = {"source": shown, "shots": shots, "limit": limit, "seed": options.seed, "tokenizer": loaded.tokenizer}
    judged = frame if places is not None else _half(frame, 1)
    family = {code: translation_pairs(judged, target=code, **made) for code in into}
    key = {
        **common_key(loaded, options),
        "pairs": {code: pairs.hash for code, pairs in family.items()},
        "heads": places,
    }
    cells = []
    if places is None:
        first = translation_pairs(_half(frame, 0), target=start, **made)
        key |= {"search": first.hash, **_SEARCH}
        run: Any = {**_SEARCH, **options.sweep}
        cells = [Cell("circuit", {**key, "method": "patching.circuit"}, lambda _: circuit(loaded, first, **run))]
    rule = {
        "how": how,
        "least_necessity": least_necessity,
        "least_sufficiency": least_sufficiency,
        "controls": controls,
    }

    def verdict(results: Results) -> xr.Dataset:
        return accept(loaded, family, results.get("circuit") if places is None else places, **rule, **options.sweep)

    return Analysis(
        title=f"A circuit of {loaded.name} for word translation from {language(shown)}",
        question="Is the circuit necessary and sufficient in every language, and more than random heads?",
        cells=[*cells, Cell("accept", {**key, **rule, "method": "circuits.accept"}, verdict)],
        sections=lambda results: _sections(results, places, start),
        main=("accept",),
    )


def read_circuit(heads: str) -> list[tuple[int, int]]:
    """(layer, head) pairs from "2.3,4.1" or "L2H3,L4H1".

    Raises:
        BadArgument: another form, or a head twice.
    """
    named = named_heads(heads)
    if len({*named}) < len(named) or not named:
        raise BadArgument(f"heads={heads!r}; name each once by layer and head, as in 2.3,4.1")
    return named


def _half(frame: pd.DataFrame, first: int) -> pd.DataFrame:
    """Every other concept."""
    return frame.iloc[first::2]


def _sections(results: Results, places: list[tuple[int, int]] | None, search: str) -> list[Section]:
    made = results["accept"]
    sections = [
        section(
            "accept",
            made,
            drawing(
                figures.bars,
                findings.legs(made),
                "share",
                question="How much of the task is the circuit, in each language?",
            ),
            reading="Necessity: the share of the task that is lost without the circuit; sufficiency: the share that it "
            "does alone. 1 is the whole model, 0 nothing. Whiskers are intervals over pairs, grey bands random sets.",
            finding=findings.verdict(made, places),
            control="Random sets of as many heads in the same layers; the p-value is the rank of the smallest share "
            "over languages among theirs.",
            table=findings.accept_table(made),
        )
    ]
    if places is None:
        own = results["circuit"]
        sections.append(
            section(
                "circuit",
                own,
                drawing(figures.curves, own, "faithfulness", x="size", question="How many heads does the task need?"),
                reading="The share of the task that the last heads of the search keep alone, on pairs that did not "
                "choose them.",
                finding=findings.searched(own, language(search)),
                control="Random sets of as many heads, drawn in all layers: what they keep on average is said above.",
            )
        )
    return sections
