"""The study of language confusion: does a model answer in the language that is due, and which settings change that?"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from workbench import figures
from workbench.arguments import finite, whole_number
from workbench.evaluation import confusion, mitigation, respond
from workbench.evaluation.responses.passes import passes
from workbench.results.files import load_result
from workbench.results.hdf5.checksums import checksums
from workbench.results.make import make_result, provenance
from workbench.studies.analysis import OF_TEXTS, Analysis, Cell, Results, analysis
from workbench.studies.evaluation.prompts import (
    enough_examples,
    prompts_of,
    read_dictionary,
    read_examples,
    read_identifier,
    read_prompts,
)
from workbench.studies.evaluation.settings import combinations, under_edits
from workbench.studies.findings.evaluation import confusion as findings
from workbench.studies.findings.finding import Finding
from workbench.studies.options import DEFAULTS, Options, common_key, open_model, refuse_chat
from workbench.studies.report import Section
from workbench.studies.sections import Drawing, drawing, section
from workbench.text.corpus import Corpus, digest
from workbench.text.display.words import language, written
from workbench.text.tokens.segment import segmenters

_SHOWN = 3  # responses of each language in the report
_MOST_BARS = 8


# Long: a parameter for each option of the command.
@analysis("confusion", only_python=OF_TEXTS)
def run_confusion(
    model: Any,
    prompts: Any = "parallel",
    *,
    out: str | Path,
    languages: str | Sequence[str] | None = None,
    limit: int | None = None,
    identify: str = "fasttext",
    dictionary: str | None = None,
    segment: bool = False,
    tokens: int = 100,
    opening: int = 10,
    shots: str | int = "0",
    temperature: str | float = "0.3",
    beams: str | int = "1",
    top_p: float = 0.75,
    examples: str | None = None,
    groups: str | None = None,
    options: Options = DEFAULTS,
) -> Analysis:
    """Have a model answer prompts, count the answers in the language that is due, and write a report.

    Args:
        prompts: what `load_prompts` takes, a table of prompts, or a shipped corpus, whose texts the model continues.
        identify: fasttext (the extra `identify`; nearest to the benchmark), lingua (the same extra) or trigram.
        dictionary: a file with an English word in each line; without it English words are not counted.
        segment: split Chinese and Japanese into words, with the extra `segment`.
        tokens: most tokens of a response.
        opening: first tokens of a corpus's texts that the model continues.
        shots: examples before each prompt; of several numbers with commas the first is the main setting.
        temperature: the same; 0 takes the likeliest token.
        beams: the same; above 1 only where the temperature is 0.
        top_p: see `wb.evaluation.respond`.
        examples: a table with `language`, `question` and `answer`, for shots.
        groups: a saved Result with groups or a score of heads or neurons, each switched off, beside a random group; or
            with directions of languages, each added, beside a random one.

    Returns:
        The run folder, with `responses.nc`, `confusion.nc`, `recognised.nc` (the same rules on texts that are in their
        language), of several settings `mitigation.nc`, and `report.html`.

    Raises:
        BadCorpus, UnknownLanguage: prompts, examples or a dictionary that cannot be read.
        MissingExtra: the identifier or the segmenters are not installed; before the model is loaded.
        BadArgument: an option out of range, or an identifier that does not know a language.
    """
    refuse_chat(options, "a study of responses")
    settings = combinations({"shots": shots, "temperature": temperature, "beams": beams})
    for name, value in (("opening", opening), ("tokens", tokens)):
        whole_number(name, value, at_least=1)
    finite("top_p", top_p, above=0, at_most=1)
    shown_examples = read_examples(examples)
    texts, codes = read_prompts(prompts, languages=languages, limit=limit)
    enough_examples(shown_examples, codes, max(setting["shots"] for setting in settings.values()))
    judge = {
        "identify": read_identifier(identify, codes),
        "words": read_dictionary(dictionary),
        "segment": segmenters() if segment else None,
    }
    members = None if groups is None else load_result(groups)
    loaded = open_model(model, options)
    table = prompts_of(loaded, texts, opening)
    shared = {"tokens": tokens, "top_p": top_p, "examples": shown_examples, "batch_size": options.batch_size}
    named = {name: {**shared, **setting} for name, setting in settings.items()}
    first = next(iter(named))
    if members is not None:
        named |= under_edits(loaded, members, named[first], options.seed)
    sweep = {"seed": options.seed, "progress": options.progress}
    key = {**common_key(loaded, options), "prompts": digest(table.to_numpy().tolist()), "setting": named[first]}
    judged = {"identify": identify, "dictionary": digest(sorted(judge["words"] or ())), "segment": segment}
    truth = _truth(texts)
    cells = [
        Cell("responses", key, lambda _: as_result(respond(loaded, table, **named[first], **sweep))),
        Cell("confusion", {**key, **judged}, lambda results: _rates(results["responses"], judge, options.seed), []),
    ]
    if truth is not None:
        own = {"texts": digest(truth.to_numpy().tolist()), **judged, "seed": options.seed}
        cells.append(Cell("recognised", own, lambda _: confusion(truth, **judge, seed=options.seed), []))
    if len(named) > 1:
        edits = None if members is None else checksums(members)
        every = {**key, **judged, "settings": list(named), "groups": edits}
        cells.append(Cell("mitigation", every, lambda _: mitigation(loaded, table, named, **judge, **sweep)))
    return Analysis(
        title=f"Does {loaded.name} answer in the language that is due?",
        question="How often is the whole answer in the language that is due?",
        cells=cells,
        sections=lambda results: _sections(results, identify, judge),
        main=("confusion", "mitigation"),
    )


def _truth(texts: pd.DataFrame | Corpus) -> pd.DataFrame | None:
    """Texts that are in their language, as responses: those of a corpus, or monolingual prompts; None of others."""
    if isinstance(texts, Corpus):
        rows = [(code, text) for code, own in texts.texts.items() for text in own]
    elif "task" in texts and "monolingual" in set(texts["task"]):
        rows = texts.loc[texts["task"] == "monolingual", ["language", "prompt"]].to_numpy().tolist()
    else:
        return None
    return pd.DataFrame(rows, columns=["language", "completion"]).assign(task="texts", source="texts")


def as_result(responses: pd.DataFrame) -> xr.Dataset:
    """The table of `respond` as a Result: a variable for each column, [response]."""
    made = json.loads(responses.attrs["provenance"])
    columns = {str(name): (("response",), responses[name].astype(str).to_numpy(), str(name)) for name in responses}
    about = {"method": "evaluation.respond", "parameters": made["parameters"], "model": made["model"]}
    return make_result(columns, {}, **about, corpus=made.get("corpus"), seed=made.get("seed"))


def as_table(result: xr.Dataset) -> pd.DataFrame:
    """The table of such a Result, with its provenance, as `confusion` reads it."""
    table = pd.DataFrame({str(name): values.values for name, values in result.data_vars.items()})
    table.attrs["provenance"] = json.dumps(provenance(result))
    return table


def _rates(responses: xr.Dataset, judge: Mapping[str, Any], seed: int) -> xr.Dataset:
    return confusion(as_table(responses), **judge, seed=seed)


def _sections(results: Results, identify: str, judge: Mapping[str, Callable[..., Any]]) -> list[Section]:
    made, recognised = results["confusion"], results.get("recognised")
    shown = made.squeeze("task", drop=True) if made.sizes["task"] == 1 else made
    of_texts = (
        " Beside it, the same rule was applied to texts that are in their language." if recognised is not None else ""
    )
    sections = [
        section(
            "confusion",
            made,
            drawing(
                figures.bars, shown, "mean_line_pass", question="How often is the whole answer in the language due?"
            ),
            reading="The share of responses all of whose lines of five tokens or more are in the language, as mean "
            "over sources; whiskers are intervals over responses. Compare settings or models rather than languages: an "
            "identifier confuses some languages more than others.",
            finding=findings.confusion(made, identify=identify, recognised=recognised),
            control=f"There is no random control of a language.{of_texts}",
            table=findings.rates_table(made),
        )
    ]
    if "mitigation" in results:
        sections.append(_mitigation_section(results["mitigation"]))
    return [*sections, _responses_section(results["responses"], judge)]


def _mitigation_section(result: xr.Dataset) -> Section:
    draw = figures.bars if result.sizes["setting"] <= _MOST_BARS else figures.heatmap
    return section(
        "mitigation",
        result,
        drawing(draw, result, "line_pass", question="Which setting makes the answers come in the language due?"),
        reading="The share of responses wholly in the language, with intervals over prompts. All settings answer the "
        f"same prompts, and are compared with {result.attrs['baseline']!r} prompt by prompt.",
        finding=findings.mitigation(result),
        control="Settings are paired by prompt (McNemar's exact test, corrected over the table). Each group that is "
        "switched off has one random group of as many units in the same layers beside it, and each direction that is "
        "added a random one of the same lengths.",
    )


def _responses_section(result: xr.Dataset, judge: Mapping[str, Any]) -> Section:
    """Some responses of each language, those that fail first."""
    table = as_table(result)
    codes = table["language"].tolist()
    judged = passes(
        table["completion"].tolist(),
        codes,
        identify=judge["identify"],
        dictionary=judge["words"],
        segment=judge["segment"],
        bar=0.3,
    )
    rows = pd.DataFrame(
        {
            "language": [language(code) for code in codes],
            "prompt": [written(text) for text in table["prompt"]],
            "response": [written(text) for text in table["completion"]],
            "lines in it": [
                f"{right} of {of}" if of else "skipped" for right, of in zip(judged.right, judged.lines, strict=True)
            ],
            "order": np.where(judged.lines > judged.right, 0, np.where(judged.lines > 0, 1, 2)),
        }
    )
    some = rows.sort_values("order", kind="stable").groupby("language", sort=False).head(_SHOWN)
    some = some.sort_values("language", kind="stable").drop(columns="order").set_index("language")
    failed = int((judged.lines > judged.right).sum())
    return section(
        "responses",
        result,
        Drawing("What did the model write?"),
        reading=f"Up to {_SHOWN} responses of each language, those with a line in another language first. The file has "
        "all of them in full.",
        finding=Finding(f"{failed:,} of {len(rows):,} responses have a line that is not in the language that is due."),
        control="These are texts as they were written.",
        table=some,
    )
