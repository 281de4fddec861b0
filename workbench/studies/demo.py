"""The demo: every analysis once, on the shipped model and texts or on others, into one run folder and report."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from workbench import figures
from workbench.lens import by_language
from workbench.model.model import Model
from workbench.studies.explore import study_looks
from workbench.studies.findings import patches as findings
from workbench.studies.heads.removal import study_knockout
from workbench.studies.heads.scores import study_heads
from workbench.studies.neurons.classes import study_neurons
from workbench.studies.options import Options, at_least_two, common_key
from workbench.studies.patching.sweeps import study_patches
from workbench.studies.report import Section, recipe, write_report
from workbench.studies.runs import Run, locks_folder, open_run
from workbench.studies.sections import section
from workbench.text.words import load_words, translation_pairs

RELEASED_TEXTS = 60  # of each language: this variant takes its texts one after another
ABLATION_TEXTS = 60  # of each language: every head means half a forward pass more
PAIRS = 24
CONCEPTS = 96


@locks_folder
def run_demo(
    out: str | Path = "runs/demo",
    *,
    model: Any = "polyglot",
    corpus: Any = "parallel",
    languages: str | Sequence[str] | None = None,
    limit: int | None = None,
    batch_size: int | str = "auto",
    device: str | None = None,
    dtype: str | None = None,
    seed: int = 0,
    progress: bool = True,
    truncate: bool = False,
    memory: int | str = "auto",
    chat: bool = False,
    deduplicate: bool = False,
    columns: Mapping[str, str | None] | None = None,
) -> Path:
    """Run every analysis on a model: heads, neurons, patching, lens; and write one report.

    Args:
        out: the run folder; cells that are there already with the same key are not computed again.
        model: what `load_model` takes, or a Model.
        corpus: what `load_corpus` takes.
        languages: to keep; all when None.
        limit: first texts to keep of each language.
        batch_size: texts side by side; results differ by rounding alone.
        device: `cpu`, `cuda` ...
        dtype: of the weights.
        seed: of every random draw.
        progress: show progress bars.
        truncate: cut texts that are longer than the model's context.
        memory: what activations may take: bytes, a text such as "4 GB", or "auto", half of what is free.
        chat: put texts and prompt pairs through the tokenizer's chat template; the lens is left out, which has no chat.
        deduplicate: drop texts that come again.
        columns: what the columns of the corpus's table hold; see `load_corpus`.

    Returns:
        The run folder: a NetCDF file for each result, `report.json`, `report.html` and `explorer.html`.

    Raises:
        CannotWrite: the folder cannot be written; before anything is computed.
        TooFewLanguages: fewer than two languages.
        Interrupted: Ctrl-C; the line says what is finished and where.

    Example:
        >>> run_demo("runs/small", languages=["de", "fr"], limit=10)                     # doctest: +SKIP
    """
    options = Options(batch_size, device, dtype, seed, progress, truncate, memory, chat, deduplicate, columns)
    run = open_run(out)
    texts = at_least_two(options.corpus(corpus, languages=languages, limit=limit))
    words, source, target = _translation(texts.languages)
    loaded = options.load(model)
    made = {"seed": seed, "limit": PAIRS, "tokenizer": loaded.tokenizer, "chat": chat}
    pairs = translation_pairs(words, source=source, target=target, **made)
    sections = [
        *study_heads(run, loaded, texts, options, released_texts=RELEASED_TEXTS, ablation_texts=ABLATION_TEXTS),
        *study_knockout(run, loaded, texts, options),
        *study_neurons(run, loaded, texts, options),
        *study_patches(run, loaded, pairs, options),
    ]
    if not chat:
        sections.append(study_lens(run, loaded, words, options, source=source, target=target, limit=CONCEPTS))
    study_looks(run, loaded, texts, options)
    how = {"model": model, "corpus": corpus, "languages": languages, "limit": limit}
    write_report(
        run.folder,
        title=f"How {loaded.name} handles {len(texts.languages)} languages",
        question=f"Which heads and neurons of {loaded.name} serve which language, and where does a word of "
        f"{findings.language(target)} come from?",
        sections=sections,
        main=("ablation", "knockout", "ternary", "positions", "lens"),
        recipe=recipe(run_demo, "demo", out=out, options=options, **how),
    )
    return run.folder


def study_lens(
    run: Run, model: Model, words: pd.DataFrame, options: Options, *, source: str, target: str, limit: int | None
) -> Section:
    """Compute the lens by language into a run, and write its section."""
    key = {**common_key(model, options), "method": "lens", "words": words.attrs["hash"]}
    result = run.cell(
        "lens",
        {**key, "languages": list(words.columns), "source": source, "target": target, "limit": limit},
        lambda: by_language(model, words, source=source, target=target, limit=limit, **options.sweep),
    )
    left_out = int(result.collided.max())
    return section(
        "lens",
        result,
        figures.curves(result, "probability"),
        reading=f"Few-shot prompts ask for words of {findings.language(target)} and show them in "
        f"{findings.language(source)}. A line a language: the probability of its word for the concept, read from the "
        "state in front of each layer (0 is the embedding) and, at the end, from the model's output. Concepts whose "
        f"words begin with another language's token are left out (at most {left_out} of {result.sizes['concept']}).",
        finding=findings.lens(result, target),
    )


def _translation(languages: Sequence[str]) -> tuple[pd.DataFrame, str, str]:
    """The shipped words in the corpus's languages (all of theirs where those are too few), and two to translate."""
    words = load_words()
    known = [code for code in languages if code in words.columns]
    if len(known) < 2:
        known = list(words.columns)
    source, target = ("de", "fr") if {"de", "fr"} <= set(known) else known[:2]
    return load_words(languages=known), source, target
