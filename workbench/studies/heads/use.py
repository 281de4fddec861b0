"""Studies that use heads, as tables: a trained mask, two facts in two languages, the language of what is written."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from workbench.errors import BadArgument, BadPairs
from workbench.heads import importance, off_target, save_mask, top, transfer, tune_mask
from workbench.heads.groups import read_heads
from workbench.heads.use.tasks import read_tasks
from workbench.model.model import Model
from workbench.studies.options import Options, at_least_two, codes
from workbench.studies.patching.sweeps import find_pairs
from workbench.text.corpus import Corpus, chosen
from workbench.text.formats.decoding import read_json_lines
from workbench.text.languages import known

_HEAD = re.compile(r"L(\d+)H(\d+)", re.IGNORECASE)


def choose_heads(model: Model, heads: str, corpus: Any, share: float, options: Options) -> np.ndarray:
    """Heads named one by one, such as "L2H1,L4H0", or those of a language, such as "de": [layer, head] bool.

    A language's are the `share` of all heads that LAHIS ranks first for it, on the training half of the corpus.

    Raises:
        BadArgument: neither, or a head that does not exist.
        UnknownLanguage: not a language of the corpus.
    """
    shape = (model.n_layers, model.n_heads)
    named = [_HEAD.fullmatch(part.strip()) for part in heads.split(",")]
    if all(named):
        return read_heads([(int(one[1]), int(one[2])) for one in named if one], *shape)
    if not known(heads):
        raise BadArgument(f"heads {heads!r}: name them, as in L2H1,L4H0, or give a language code")
    texts = corpus if isinstance(corpus, Corpus) else options.corpus(corpus)
    heads = chosen([heads], texts.languages, where=texts.source)[0]
    scores = importance(model, texts.split("train").select(heads), **options.texts)
    return read_heads(top(scores, share=share)[heads], *shape)


def tune_mask_table(
    model: Any,
    tasks: Any,
    *,
    heads: str,
    corpus: Any = "parallel",
    share: float = 0.02,
    epochs: int = 2,
    rate: float = 1e-2,
    controls: int = 3,
    mask: Path | None = None,
    limit: int | None = None,
    options: Options | None = None,
) -> pd.DataFrame:
    """Held-out answers without a mask, with the trained one, and with one on random heads: a row each.

    Args:
        model: what `load_model` takes.
        tasks: a file that `read_tasks` reads, or "words:de-fr".
        heads: as for `choose_heads`.
        corpus: to choose a language's heads by.
        share: of all heads, for a language.
        epochs: passes over the training questions.
        rate: learning rate.
        controls: random sets of heads.
        mask: write the trained entries here.
        limit: most questions.
        options: how to compute.

    Returns:
        Accuracy with its interval and loss of each condition; in the other rows also what the tuned mask gains over
        them (`saved`, nats of the loss) with its interval and corrected p-value.
    """
    options = (options or Options()).plain("questions with answers")
    loaded = options.load(model)
    if limit is not None and limit < 1:
        raise BadArgument(f"limit={limit!r} keeps no question; give a whole number from 1")
    tasks = find_pairs(tasks, limit, options.seed) if str(tasks).startswith("words:") else read_tasks(tasks)[:limit]
    chosen = choose_heads(loaded, heads, corpus, share, options)
    found = tune_mask(loaded, tasks, heads=chosen, epochs=epochs, rate=rate, controls=controls, **options.sweep)
    if mask is not None:
        save_mask(found, mask)
    rows = found[["accuracy", "low", "high", "loss"]].to_dataframe()
    saved = found[["saved", "saved_low", "saved_high", "saved_p"]].to_dataframe()
    table = rows.join(saved.rename_axis("condition"))  # what the tuned mask saves against this row
    return table.reset_index().round(4)


def transfer_table(
    model: Any,
    conflicts: str | Path,
    *,
    heads: str,
    corpus: Any = "parallel",
    share: float = 0.02,
    scales: str = "0,3",
    controls: int = 5,
    limit: int | None = None,
    options: Options | None = None,
) -> pd.DataFrame:
    """Which of two conflicting facts is answered, at each scale of the heads.

    Args:
        model: what `load_model` takes.
        conflicts: JSONL, `prompt`, `own` and `other` in each line; see `heads.transfer`.
        heads: as for `choose_heads`.
        corpus: to choose a language's heads by.
        share: of all heads, for a language.
        scales: numbers with commas.
        controls: random sets of heads.
        limit: first conflicts to keep.
        options: how to compute.

    Raises:
        BadArgument: scales that are no numbers.
        BadPairs: the file cannot be read.
    """
    options = (options or Options()).plain("conflicting facts")
    try:
        wanted = [float(one) for one in scales.split(",")]
    except ValueError:
        raise BadArgument(f"scales {scales!r}: give numbers with commas, such as 0,3") from None
    if limit is not None and limit < 1:
        raise BadArgument(f"limit={limit!r} keeps no conflict; give a whole number from 1")
    asked = [item for _, item in read_json_lines(Path(conflicts), BadPairs)][:limit]
    loaded = options.load(model)
    chosen = choose_heads(loaded, heads, corpus, share, options)
    found = transfer(loaded, asked, heads=chosen, scales=wanted, controls=controls, **options.sweep)
    names = ("preference", "low", "high", "own_share", "moved", "moved_low", "moved_high", "p_value")
    return found[list(names)].to_dataframe().reset_index().round(4)


def off_target_table(
    model: Any,
    corpus: Any,
    *,
    heads: str,
    share: float = 0.02,
    scale: float = 0.0,
    target: str | None = None,
    prompt: int | None = 8,
    tokens: int = 24,
    controls: int = 20,
    languages: str | None = None,
    limit: int | None = None,
    options: Options | None = None,
) -> pd.DataFrame:
    """How often the model goes on in the wanted language, with the heads scaled and with random ones: a row a language.

    Args:
        model: what `load_model` takes.
        corpus: what `load_corpus` takes; the beginnings of the test half of its texts are the prompts.
        heads: as for `choose_heads`; a language's are chosen on the training half.
        share: of all heads, for a language.
        scale: of the heads' outputs.
        target: the wanted language; each prompt's own if None.
        prompt: tokens of each text that are the prompt.
        tokens: most tokens to write.
        controls: random sets of heads.
        languages: of the prompts; all when None.
        limit: first texts to keep of each language.
        options: how to compute.

    Returns:
        Shares of the whole model, the scaled heads and random ones, the range of the latter, what the heads do beyond
        random ones with its interval and corrected p-value, and how many texts written with the heads scaled are in
        no language that the identifier knows. The frame's `attrs` hold the same over all prompts.
    """
    options = options or Options()
    whole = options.corpus(corpus, limit=limit)
    texts = at_least_two(whole if codes(languages) is None else whole.select(languages or ""))
    loaded = options.load(model)
    chosen = choose_heads(loaded, heads, whole, share, options)
    found = off_target(
        loaded,
        texts.split("test"),
        chosen,
        scale=scale,
        target=target,
        prompt=prompt,
        tokens=tokens,
        controls=controls,
        **options.texts,
    )
    table = found["wanted"].to_dataframe()
    for condition in found.condition.values:
        table[condition] = found.share.sel(condition=condition).to_series()
    for name in ("control_low", "control_high", "beyond", "beyond_low", "beyond_high", "p_value"):
        table[name] = found[name].to_series()
    table["unidentified"] = found.unidentified.sel(condition="scaled").to_series().astype(int)
    table = table.reset_index().round(4)
    table.attrs = {name: found.attrs[name] for name in ("beyond", "beyond_low", "beyond_high", "beyond_p")}
    return table
