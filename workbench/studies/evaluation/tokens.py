"""The study of tokenizers: what each language costs in tokens, and whether models do better where it costs less."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from workbench import figures
from workbench.arguments import one_of
from workbench.errors import BadArgument, BadResult
from workbench.evaluation import efficiency, tokenization
from workbench.model.load import load_tokenizer
from workbench.results.files import load_result
from workbench.results.hdf5.checksums import checksums
from workbench.results.make import provenance
from workbench.studies.analysis import Analysis, Cell, Results, analysis
from workbench.studies.findings.evaluation import tokens as findings
from workbench.studies.options import DEFAULTS, Options, open_texts, refuse_chat
from workbench.studies.report import Section
from workbench.studies.sections import Drawing, drawing, section
from workbench.text.display.words import language
from workbench.text.tokens.segment import segmenters

MEASURES = ("tokens_per_word", "bytes_per_token", "tokens_per_row", "normalized_length", "parity")
_BARS = 48  # of a figure; more are cells


# Long: a parameter for each option of the command.
@analysis("tokens", only_python=["chat", "truncate"])
def run_tokens(
    tokenizers: str | Sequence[str],
    *,
    out: str | Path,
    corpus: Any = "parallel",
    languages: str | Sequence[str] | None = None,
    limit: int | None = None,
    segment: bool = False,
    accuracy: str | Sequence[str] | None = None,
    measure: str = "tokens_per_word",
    options: Options = DEFAULTS,
) -> Analysis:
    """Count what each language costs in tokens, and write a report.

    Args:
        tokenizers: names of models, as `load_model` takes; only their tokenizers are loaded. The first is the baseline.
        segment: split Chinese and Japanese into words, with the extra `segment`.
        accuracy: files of `wb.evaluation.accuracy`, a list or with commas, of the tokenizers' own models: whether
            accuracy goes with token efficiency.
        measure: of token efficiency, compared with accuracy.

    Returns:
        The run folder, with `tokenization.nc`, with `accuracy` also `efficiency.nc`, and `report.html`.

    Raises:
        BadResult: a file is no accuracy, or of a model whose tokenizer is not named.
        MissingExtra: `segment` without the extra.
    """
    refuse_chat(options, "a comparison of tokenizers")
    one_of("measure", measure, MEASURES)
    given = [tokenizers] if isinstance(tokenizers, str) else list(tokenizers)
    named = {short_name(name): name for name in given}
    if not given or len(named) < len(given):
        raise BadArgument(f"tokenizers={given}; give one or more, each with a name of its own")
    texts = open_texts(corpus, options, languages=languages, limit=limit, alone=True)
    splitters = segmenters() if segment else None
    scores = _accuracies(accuracy, named)
    loaded = {name: load_tokenizer(source) for name, source in named.items()}
    hashes = {name: tokenizer_hash(tokenizer) for name, tokenizer in loaded.items()}
    key = {"tokenizers": hashes, "corpus": {**texts.info, "order": list(texts.languages)}, "segment": segment}
    key["seed"] = options.seed
    count = lambda _: tokenization(loaded, texts, segment=splitters, seed=options.seed)  # noqa: E731
    cells = [Cell("tokenization", {**key, "method": "tokenization"}, count, [])]
    if scores:
        compared = {name: checksums(result) for name, result in scores.items()}
        cells.append(
            Cell(
                "efficiency",
                {**key, "method": "efficiency", "measure": measure, "accuracy": compared},
                lambda results: efficiency(results["tokenization"], scores, measure=measure, seed=options.seed),
                [],
            )
        )
    return Analysis(
        title=f"What {texts.source} costs in tokens: {', '.join(named)}",
        question="How many tokens does the same text take in each language?",
        cells=cells,
        sections=_sections,
        main=("efficiency",) if scores else (),
    )


def short_name(name: str) -> str:
    """A tokenizer's name in tables: of a path its last part."""
    return Path(name).name if Path(name).expanduser().exists() else name


def tokenizer_hash(tokenizer: Any) -> str:
    """SHA-256 of all that decides what a tokenizer makes of a text, as far as it says so."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    content = json.dumps(sorted(tokenizer.get_vocab().items())) if backend is None else backend.to_str()
    return hashlib.sha256(content.encode()).hexdigest()


def _accuracies(files: str | Sequence[str] | None, named: Mapping[str, str]) -> dict[str, xr.Dataset]:
    """Tokenizer to the accuracies of its model.

    Raises:
        BadResult: a file without accuracies, of a model without tokenizer here, two of one model, or only one file.
    """
    paths = [part.strip() for part in files.split(",")] if isinstance(files, str) else list(files or ())
    scores: dict[str, xr.Dataset] = {}
    for path in paths:
        result = load_result(path)
        model = (provenance(result).get("model") or {}).get("name", "")
        name = next((short for short, full in named.items() if model in (short, full)), None)
        if "accuracy" not in result or name is None or name in scores:
            what = "has no accuracy" if "accuracy" not in result else f"is of the model {model!r}"
            raise BadResult(f"{path} {what}; give one accuracy for each tokenizer (has: {', '.join(named)})")
        scores[name] = result
    if len(scores) == 1:
        raise BadResult(f"{paths[0]} is the only accuracy; a comparison takes those of two tokenizers or more")
    return scores


def _sections(results: Results) -> list[Section]:
    made = results["tokenization"]
    sections = []
    if np.isfinite(made.parity.values).any() and made.sizes["language"] > 1:
        sections.append(
            section(
                "tokenization",
                made,
                _drawn(made, "parity", "How many more tokens does the same text take than in the pivot?"),
                reading="Tokens of the texts over those of the same texts in "
                f"{language(made.attrs['pivot'])}: at 1 they cost the same. The table has every measure.",
                finding=findings.parity(made),
                table=findings.tokens_table(made),
            )
        )
    if np.isfinite(made.tokens_per_word.values).any() or not sections:
        sections.append(
            section(
                "tokenization",
                made,
                _drawn(made, "tokens_per_word", "How many tokens does a word take in each language?"),
                reading="Tokens over words, of all texts together. Languages have words of different lengths: compare "
                "tokenizers in a language rather than languages.",
                finding=findings.fertility(made),
                table=None if sections else findings.tokens_table(made),
            )
        )
    if "efficiency" in results:
        sections.append(_efficiency_section(results["efficiency"]))
    return sections


def _drawn(result: xr.Dataset, variable: str, question: str) -> Drawing:
    """Bars by language; cells where there would be too many bars."""
    if result.sizes["tokenizer"] == 1:
        result = result.squeeze("tokenizer", drop=True)
    many = result[variable].size > _BARS or result.sizes.get("tokenizer", 1) > 8
    return drawing(figures.heatmap if many else figures.bars, result, variable, question=question)


def _efficiency_section(result: xr.Dataset) -> Section:
    figure = figures.scatter(result, title="")
    return section(
        "efficiency",
        result,
        Drawing("Do models do better where their tokenizers need fewer tokens?", figure),
        reading="A point is a tokenizer, with the accuracy of its model in a language. Each colour is a language with "
        "its own line, the dashed line goes through all points.",
        finding=findings.efficiency(result),
        control="The relation within languages is the control of that over all points. Intervals draw tokenizers, the "
        "units that were chosen.",
    )
