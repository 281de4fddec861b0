"""The demo: every analysis once, on the shipped model and texts or on others, into one run folder and report."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.studies.analysis import Analysis, Results, analysis
from workbench.studies.explore import attention_cells, write_explorer
from workbench.studies.heads.removal import own_heads_analysis
from workbench.studies.heads.scores import heads_analysis
from workbench.studies.lens import translation_lens
from workbench.studies.neurons.classes import neurons_analysis
from workbench.studies.options import DEFAULTS, Options, open_model, open_texts
from workbench.studies.patching.pairs import write_pairs
from workbench.studies.patching.sweeps import patch_analysis
from workbench.studies.runs import Run
from workbench.text.display.words import language
from workbench.text.words import load_words, translation_pairs

RELEASED_TEXTS = 60  # of each language: this variant takes its texts one after another
ABLATION_TEXTS = 60  # of each language: every head means half a forward pass more
PAIRS = 24
CONCEPTS = 96


@analysis("demo")
def run_demo(
    out: str | Path = "runs/demo",
    *,
    model: Any = "polyglot",
    corpus: Any = "parallel",
    languages: str | Sequence[str] | None = None,
    limit: int | None = None,
    options: Options = DEFAULTS,
) -> Analysis:
    """Run every analysis on a model: heads, neurons, patching, lens; and write one report.

    Args:
        options: how to compute. In a chat the lens is left out, which has none.

    Returns:
        The run folder: a NetCDF file for each result, `report.json`, `report.html` and `explorer.html`.

    Example:
        >>> run_demo("runs/small", languages=["de", "fr"], limit=10)                     # doctest: +SKIP
    """
    texts = open_texts(corpus, options, languages=languages, limit=limit)
    words, source, target = _translation(texts.languages)
    loaded = open_model(model, options)
    made = {"seed": options.seed, "limit": PAIRS, "tokenizer": loaded.tokenizer, "chat": options.chat}
    pairs = translation_pairs(words, source=source, target=target, **made)
    parts = [
        heads_analysis(loaded, texts, options, released_texts=RELEASED_TEXTS, ablation_texts=ABLATION_TEXTS),
        own_heads_analysis(loaded, texts, options),
        neurons_analysis(loaded, texts, options),
        patch_analysis(loaded, pairs, options),
    ]

    def write_files(run: Run, results: Results) -> None:
        write_explorer(run, results)
        write_pairs(pairs, run)

    if not options.chat:
        parts.append(translation_lens(loaded, words, options, source=source, target=target, limit=CONCEPTS))
    return Analysis(
        title=f"How {loaded.name} handles {len(texts.languages)} languages",
        question=f"Which heads and neurons of {loaded.name} serve which language, and where does a word of "
        f"{language(target)} come from?",
        cells=[cell for part in parts for cell in part.cells] + attention_cells(loaded, texts, options),
        sections=lambda results: [section for part in parts for section in part.sections(results)],
        main=("ablation", "knockout", "ternary", "positions", "lens"),
        beside=write_files,
    )


def _translation(languages: Sequence[str]) -> tuple[pd.DataFrame, str, str]:
    """The shipped words in the corpus's languages (all of theirs where those are too few), and two to translate."""
    words = load_words()
    known = [code for code in languages if code in words.columns]
    if len(known) < 2:
        known = list(words.columns)
    source, target = ("de", "fr") if {"de", "fr"} <= set(known) else known[:2]
    return load_words(languages=known), source, target
