"""What analyses cost on the machine at hand: the model is timed once, and each analysis's passes are counted."""

import time
from typing import Any

import pandas as pd

from workbench.model.memory import budget, readable
from workbench.model.model import Model
from workbench.options import DEFAULTS, Options
from workbench.studies.forecast import GRADIENT, seconds, seconds_per_token
from workbench.studies.options import open_model, open_texts
from workbench.studies.study.jobs import function_of

_ANALYSES: dict[str, dict[str, Any]] = {
    "heads": {},
    "neurons": {},
    "head_knockout": {},
    "neuron_knockout": {},
    "patch": {"pairs": "words:de-fr"},
    "lens": {"source": "de", "target": "fr"},
}


def bench(
    model: Any = "polyglot", *, corpus: Any = "parallel", limit: int | None = 100, options: Options = DEFAULTS
) -> pd.DataFrame:
    """Time a model on this machine, and say what the usual analyses of a corpus will take.

    Args:
        model: what `load_model` takes, or a Model.
        corpus: what `load_corpus` takes.
        limit: first texts of each language; all when None.
        options: how to compute.

    Returns:
        A row for each measurement, indexed by what it is, with `value`, as text: loading, tokens a second of a forward
        pass and of one with its gradient, memory; then the analyses by their names in a study file, with their times.
        Where a part of an analysis is not known before, it says so.

    Example:
        >>> wb.studies.bench("polyglot", limit=20)                                              # doctest: +SKIP
    """
    start = time.perf_counter()
    loaded = open_model(model, options)
    rows = {} if isinstance(model, Model) else {"loading": f"{time.perf_counter() - start:.1f} s"}
    texts = open_texts(corpus, options, limit=limit)
    sample = loaded.encode(texts.limit(2), truncate=True)
    passing, reading = seconds_per_token(loaded, sample)
    weights = sum(part.numel() * part.element_size() for part in loaded.bridge.parameters())
    rows |= {
        "forward pass": f"{1 / (passing + reading):,.0f} tokens/s",
        "forward and backward pass": f"about {1 / (GRADIENT * (passing + reading)):,.0f} tokens/s",
        "weights": readable(weights),
        "memory for activations": readable(budget(loaded)),
    }
    about = f"{len(texts.languages)} languages, {sum(texts.counts.values()):,} texts"
    for run, arguments in _ANALYSES.items():
        given = {"limit": limit, **arguments}
        first = (loaded,) if "pairs" in given or "source" in given else (loaded, corpus)
        cells = function_of(run).build(*first, **given, out="", options=options).cells
        known = sum(seconds([cell.works for cell in cells if cell.works is not None]))
        unknown = [cell.name for cell in cells if cell.works is None]
        rest = f"; not known before: {', '.join(unknown)}" if unknown else ""
        rows[f"{run} ({about})" if len(first) > 1 else run] = f"{known:.0f} s{rest}"
    return pd.DataFrame({"value": rows}).rename_axis("what")
