"""Studies that use heads: a trained mask, two facts in two languages, the language of generated text."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from workbench import figures
from workbench.arguments import finite, numbers, whole_number
from workbench.errors import BadArgument, BadPairs
from workbench.heads import importance, off_target, save_mask, top, transfer, tune_mask
from workbench.heads.groups import read_heads
from workbench.heads.use.off_target import check_options
from workbench.model.model import Model
from workbench.studies.analysis import Analysis, Cell, Results, analysis
from workbench.studies.findings import use as findings
from workbench.studies.heads.named import named_heads
from workbench.studies.options import DEFAULTS, Options, at_least_two, common_key, open_model, open_texts, refuse_chat
from workbench.studies.patching.sweeps import find_pairs
from workbench.studies.report import Section
from workbench.studies.runs import Run
from workbench.studies.sections import drawing, section
from workbench.text.corpus import Corpus, chosen, digest
from workbench.text.formats.decoding import read_json_lines
from workbench.text.languages import known
from workbench.text.tasks.questions import read_tasks


def choose_heads(model: Model, heads: str, corpus: Any, share: float, options: Options) -> np.ndarray:
    """Heads named one by one, such as "L2H1,L4H0", or those of a language, such as "de": [layer, head] bool.

    A language's are the `share` of all heads that LAHIS ranks first for it, on the training half of the corpus.

    Raises:
        BadArgument: neither, or a head that does not exist.
        UnknownLanguage: not a language of the corpus.
    """
    shape = (model.n_layers, model.n_heads)
    if named := _named(heads):
        return read_heads(named, *shape)
    texts, language = _texts_of(heads, corpus, options)
    scores = importance(model, texts.split("train").select(language), **options.texts)
    return read_heads(top(scores, share=share)[language], *shape)


def _named(heads: str) -> list[tuple[int, int]]:
    """(layer, head) of heads named one by one; none where they are those of a language, BadArgument where neither."""
    named = named_heads(heads)
    if not named and not known(heads):
        raise BadArgument(f"heads {heads!r}: name them, as in L2H1,L4H0, or give a language code")
    return named


def _texts_of(language: str, corpus: Any, options: Options) -> tuple[Corpus, str]:
    """The texts by which heads are chosen, and the language's code in them."""
    texts = corpus if isinstance(corpus, Corpus) else open_texts(corpus, options, alone=True)
    return texts, chosen([language], texts.languages, where=texts.source)[0]


def _choice(heads: str, corpus: Any, share: float, options: Options) -> tuple[Corpus | None, dict[str, Any]]:
    """The texts by which heads are chosen, None where they are named, and what the choice depends on."""
    if named := _named(heads):
        return None, {"heads": named}
    finite("share", share, above=0, at_most=1)
    texts = _texts_of(heads, corpus, options)[0]
    return texts, {"heads": heads, "share": share, "chosen_on": texts.info}


# Long: a parameter for each option of the command.
@analysis("heads tune-mask")
def run_tune_mask(
    model: Any,
    tasks: Any,
    *,
    heads: str,
    out: str | Path,
    corpus: Any = "parallel",
    share: float = 0.02,
    epochs: int = 2,
    rate: float = 1e-2,
    controls: int = 3,
    mask: str | Path | None = None,
    limit: int | None = None,
    options: Options = DEFAULTS,
) -> Analysis:
    """Train one number for each of a few heads on a task, and compare with random heads on held-out questions.

    Args:
        tasks: a file that `read_tasks` reads, or "words:de-fr".
        heads: as for `choose_heads`.
        corpus: to choose a language's heads by.
        share: of all heads, for a language.
        epochs: passes over the training questions.
        rate: learning rate.
        controls: random sets of heads.
        mask: write the trained entries here.
        limit: most questions.

    Returns:
        The run folder, with `tune_mask.nc` and `report.html`.
    """
    refuse_chat(options, "questions with answers")
    for name, value in (("epochs", epochs), ("controls", controls), ("limit", 1 if limit is None else limit)):
        whole_number(name, value, at_least=1)
    finite("rate", rate, above=0)
    from_words = str(tasks).startswith("words:")
    questions = find_pairs(tasks, limit, options.seed) if from_words else read_tasks(tasks)[:limit]
    texts, choice = _choice(heads, corpus, share, options)
    loaded = open_model(model, options)
    how = {"epochs": epochs, "rate": rate, "controls": controls}
    key = {**common_key(loaded, options), "method": "tune_mask", **choice, **how}
    key["tasks"] = digest([[question.prompt, question.answer] for question in read_tasks(questions)])

    def train(_: Results) -> xr.Dataset:
        these = choose_heads(loaded, heads, texts, share, options)
        return tune_mask(loaded, questions, heads=these, **how, **options.sweep)

    def write_mask(_: Run, results: Results) -> None:
        if mask is not None:
            save_mask(results["tune_mask"], mask)

    cell, title = Cell("tune_mask", key, train), f"A mask on heads of {loaded.name}"
    return Analysis(title, [cell], lambda results: [_tuned(results["tune_mask"])], beside=write_mask)


def _tuned(result: xr.Dataset) -> Section:
    question = "Does a trained mask answer more held-out questions?"
    figure = drawing(figures.bars, result, "accuracy", question=question)
    reading = (
        "A bar is the share of held-out questions whose whole answer is the model's first choice, its whisker the "
        "interval over questions. The table has the loss too, and what the trained mask saves against each row."
    )
    control = "Masks that were trained alike on as many random heads of the same layers are the bar `random`."
    finding, table = findings.tuned(result), findings.tuned_table(result).set_index("condition")
    return section("tune_mask", result, figure, reading=reading, finding=finding, control=control, table=table)


@analysis("heads transfer")
def run_transfer(
    model: Any,
    conflicts: str | Path,
    *,
    heads: str,
    out: str | Path,
    corpus: Any = "parallel",
    share: float = 0.01,
    scales: str = "0,3",
    controls: int = 5,
    limit: int | None = None,
    options: Options = DEFAULTS,
) -> Analysis:
    """Two conflicting facts in two languages: which is answered when the heads of one are scaled?

    Args:
        conflicts: JSONL, `prompt`, `own` and `other` in each line; see `heads.transfer`.
        heads: as for `choose_heads`.
        corpus: to choose a language's heads by.
        share: of all heads, for a language.
        scales: numbers with commas.
        controls: random sets of heads.
        limit: first conflicts to keep.

    Returns:
        The run folder, with `transfer.nc` and `report.html`.

    Raises:
        BadArgument: scales that are no numbers.
        BadPairs: the file cannot be read.
    """
    refuse_chat(options, "conflicting facts")
    wanted = numbers("scales", scales, like="0,3")
    if not all(map(math.isfinite, wanted)) or 1.0 in wanted:
        raise BadArgument(f"scales={scales!r}; give finite numbers other than 1, which is always measured")
    for name, value in (("controls", controls), ("limit", 1 if limit is None else limit)):
        whole_number(name, value, at_least=1)
    questions = [item for _, item in read_json_lines(Path(conflicts), BadPairs)][:limit]
    texts, choice = _choice(heads, corpus, share, options)
    loaded = open_model(model, options)
    how = {"scales": wanted, "controls": controls}
    key = {**common_key(loaded, options), "method": "transfer", **choice, "conflicts": digest(questions), **how}

    def measure(_: Results) -> xr.Dataset:
        these = choose_heads(loaded, heads, texts, share, options)
        return transfer(loaded, questions, heads=these, **how, **options.sweep)

    cell, title = Cell("transfer", key, measure), f"Two facts in two languages, and heads of {loaded.name}"
    return Analysis(title, [cell], lambda results: [_transfer(results["transfer"])])


def _transfer(result: xr.Dataset) -> Section:
    question = "How far do scaled heads move the answer, beyond random heads?"
    figure = drawing(figures.curves, result.sortby("scale"), "moved", x="scale", question=question)
    reading = (
        "Across: what the heads' outputs are multiplied by; 1 is the model as it is. Up: how far the preference for "
        "the own answer moves, less what random heads move it."
    )
    control = "Random heads of the same layers are scaled alike, and what they do is taken off."
    finding, table = findings.transfer(result), findings.transfer_table(result).set_index("scale")
    return section("transfer", result, figure, reading=reading, finding=finding, control=control, table=table)


# Long: a parameter for each option of the command.
@analysis("heads off-target")
def run_off_target(
    model: Any,
    corpus: Any = "parallel",
    *,
    heads: str,
    out: str | Path,
    share: float = 0.02,
    scale: float = 0.0,
    target: str | None = None,
    prompt: int | None = 8,
    tokens: int = 24,
    controls: int = 20,
    languages: str | Sequence[str] | None = None,
    limit: int | None = None,
    options: Options = DEFAULTS,
) -> Analysis:
    """Let the model continue the beginnings of texts with heads scaled: how often in the wanted language?

    Args:
        corpus: what `load_corpus` takes; the beginnings of the test half of its texts are the prompts.
        heads: as for `choose_heads`; a language's are chosen on the training half.
        share: of all heads, for a language.
        scale: of the heads' outputs.
        target: the wanted language; each prompt's own if None.
        prompt: tokens of each text that are the prompt.
        tokens: most tokens to write.
        controls: random sets of heads.
        languages: of the prompts; all when None.

    Returns:
        The run folder, with `off_target.nc` and `report.html`.
    """
    whole = open_texts(corpus, options, limit=limit, alone=True)
    prompts = at_least_two(whole.select(languages or list(whole.languages)))
    check_options(prompts, scale=scale, target=target, prompt=prompt, tokens=tokens, controls=controls)
    choice = _choice(heads, whole, share, options)[1]
    loaded = open_model(model, options)
    how = {"scale": scale, "target": target, "prompt": prompt, "tokens": tokens, "controls": controls}
    key = {**common_key(loaded, options, prompts), "method": "off_target", **choice, **how}

    def measure(_: Results) -> xr.Dataset:
        these = choose_heads(loaded, heads, whole, share, options)
        return off_target(loaded, prompts.split("test"), these, **how, **options.texts)

    cell, title = Cell("off_target", key, measure), f"In which language {loaded.name} continues {whole.source}"
    return Analysis(title, [cell], lambda results: [_off_target(results["off_target"])])


def _off_target(result: xr.Dataset) -> Section:
    question = "In which language does the model continue with the heads scaled?"
    figure = drawing(figures.matrix, result, "share", question=question)
    reading = (
        "Rows: the whole model, the scaled heads and random heads. Each column is a language of the prompts: the share "
        "of them that is answered in the wanted language."
    )
    control = "Random heads of the same layers, as many and scaled alike, are the row `random`."
    finding, table = findings.off_target(result), findings.off_target_table(result).set_index("language")
    return section("off_target", result, figure, reading=reading, finding=finding, control=control, table=table)
