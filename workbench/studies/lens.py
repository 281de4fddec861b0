"""The study of the lens: what every layer would predict, in which language, and with which entropy."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from workbench import figures
from workbench.lens import by_language, latent, tune
from workbench.model.model import Model
from workbench.studies.analysis import OF_TEXTS, Analysis, Cell, Results, analysis
from workbench.studies.findings import lens as findings
from workbench.studies.forecast import Work
from workbench.studies.options import DEFAULTS, Options, common_key, open_model, refuse_chat
from workbench.studies.report import Section
from workbench.studies.sections import drawing, section
from workbench.text.corpus import chosen
from workbench.text.display.words import language
from workbench.text.languages import language_list
from workbench.text.readers import load_corpus
from workbench.text.words import load_words, translation_prompts

_TUNING_TEXTS = 24  # of each language, for the tuned lens
_LAYERS = "Layer 0 is the embedding, the last state the model's output; bands are 95 % intervals over concepts."


@analysis("lens", only_python=OF_TEXTS)
def run_lens(  # a parameter for each option of the command
    model: Any,
    *,
    source: str,
    target: str,
    out: str | Path,
    languages: str | Sequence[str] | None = None,
    words: str = "words",
    shots: int = 5,
    tuned: str | None = None,
    limit: int | None = None,
    options: Options = DEFAULTS,
) -> Analysis:
    """Read every layer of translation prompts through the lens, and write a report.

    Args:
        source: language of the words that are shown.
        target: language to translate into.
        languages: to compare; all of the words' when None.
        words: what `load_words` reads.
        shots: translations shown before each question.
        tuned: a corpus to train a tuned lens on, and read with it; the logit lens when None.
        limit: most concepts.

    Returns:
        The run folder, with `lens.nc`, `latent.nc`, with `tuned` also `tuned.nc`, and `report.html`.

    Raises:
        UnknownLanguage: a language is not among the words.
        BadPairs: the words of all languages begin alike.
    """
    refuse_chat(options, "the lens")
    frame = load_words(words)
    texts = None if tuned is None else load_corpus(tuned, limit=_TUNING_TEXTS)
    wanted = None if languages is None else language_list(languages)
    if wanted is not None:
        chosen(wanted, list(frame.columns), where="this word list")
    questions = list(translation_prompts(frame, source=source, target=target, shots=shots, limit=limit).values())
    loaded = open_model(model, options)
    key, cells = common_key(loaded, options, texts), []
    if texts is not None:
        cells = [Cell("tuned", {**key, "method": "tune"}, lambda _: tune(loaded, texts, **options.texts))]
    prompts = {"source": source, "target": target, "languages": wanted, "shots": shots, "limit": limit}
    key |= {"words": frame.attrs["hash"], **prompts}
    for name, method, read in (("lens", "lens", by_language), ("latent", "latent", latent)):
        cells.append(
            Cell(
                name,
                {**key, "method": method},
                lambda results, read=read: read(loaded, frame, tuned=results.get("tuned"), **prompts, **options.sweep),
                [Work(loaded, questions, 1, loaded.n_layers)],
            )
        )
    kind = "logit lens" if texts is None else "tuned lens"
    return Analysis(
        title=f"{kind.capitalize()} of {loaded.name}: {language(source)} into {language(target)}",
        question="In which language does each layer already know the answer?",
        cells=cells,
        sections=lambda results: _sections(results, kind, target),
        main=("lens", "latent"),
    )


def _sections(results: Results, kind: str, target: str) -> list[Section]:
    right, mass = results["lens"], results["latent"]
    return [
        section(
            "lens",
            right,
            drawing(figures.curves, right, "probability", mark=target),
            reading=f"The probability of the right word of each language, through the {kind}. Concepts whose words "
            f"begin alike are left out (at most {int(right.collided.max())} of {right.sizes['concept']}). {_LAYERS}",
            finding=findings.translation(right, target),
        ),
        section(
            "latent",
            mass,
            drawing(figures.curves, mass, "mass", mark=target),
            reading=f"The probability of all tokens that begin words of one language alone, through the {kind}, "
            f"whatever the word. {_LAYERS}",
            finding=findings.latent(mass),
        ),
        section(
            "latent",
            mass,
            drawing(figures.curves, mass, "entropy", question="How concentrated is what each layer would predict?"),
            reading=f"Entropy of the {kind}: high is spread over many tokens, 0 is all on one token. "
            f"In an early layer that is not an answer. {_LAYERS}",
            finding=findings.sureness(mass),
        ),
    ]


def translation_lens(
    model: Model, words: pd.DataFrame, options: Options, *, source: str, target: str, limit: int | None
) -> Analysis:
    """The lens by language on the words of a translation: what the demo shows of it."""
    key = {**common_key(model, options), "method": "lens", "words": words.attrs["hash"]}
    prompts = {"source": source, "target": target, "limit": limit}

    def sections(results: Results) -> list[Section]:
        right = results["lens"]
        return [
            section(
                "lens",
                right,
                drawing(figures.curves, right, "probability"),
                reading=f"Few-shot prompts ask for words of {language(target)} and show them in {language(source)}. "
                "Each line is a language: the probability of its word for the concept, read from the state before each "
                "layer (0 is the embedding) and, at the end, from the model's output. Concepts whose words begin with "
                f"another language's token are left out (at most {int(right.collided.max())} of "
                f"{right.sizes['concept']}).",
                finding=findings.translation(right, target),
            )
        ]

    key |= {"languages": list(words.columns), **prompts}
    works = [Work(model, list(translation_prompts(words, **prompts).values()), 1, 1)]
    cell = Cell("lens", key, lambda _: by_language(model, words, **prompts, **options.sweep), works)
    return Analysis(f"Logit lens of {model.name}", [cell], sections)
