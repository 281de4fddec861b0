"""Short tables about a corpus and about a model, before anything is computed."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from workbench.options import DEFAULTS, Options
from workbench.text import languages as names
from workbench.text.readers import load_corpus


def corpus_table(
    corpus: Any,
    languages: str | Sequence[str] | None = None,
    *,
    deduplicate: bool = False,
    columns: Mapping[str, str | None] | None = None,
) -> pd.DataFrame:
    """The languages of a corpus: names, script, number and mean length of the texts.

    Args:
        corpus: what `load_corpus` takes.
        languages: to keep; all when None.
        deduplicate: drop texts that come again.
        columns: what the columns of its table hold; see `load_corpus`.

    Returns:
        A row for each language.
    """
    texts = load_corpus(corpus, languages=languages, deduplicate=deduplicate, columns=columns)
    rows = {}
    for code, rows_of in texts.texts.items():
        known = names.known(code)
        rows[code] = {
            "language": names.name(code) if known else "",
            "own name": names.autonym(code) if known else "",
            "script": names.script(code) if known else "",
            "texts": len(rows_of),
            "characters a text": round(sum(map(len, rows_of)) / len(rows_of), 1),
            "bytes a text": round(sum(len(text.encode()) for text in rows_of) / len(rows_of), 1),
            "aligned": "yes" if texts.aligned else "no",
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def model_table(model: Any, *, options: Options = DEFAULTS) -> pd.DataFrame:
    """What a model is, what can be done with it, and the numbers from its checks.

    Args:
        model: what `load_model` takes.
        options: how to load it.

    Returns:
        A column `value`, a row for each property; `can ...` rows are yes or no, the others say their unit.
    """
    from workbench.model.checks.costs import COSTS
    from workbench.studies.options import open_model

    loaded = open_model(model, options)
    rows: dict[str, Any] = {
        "name": loaded.name,
        "architecture": loaded.architecture,
        "revision": loaded.revision,
        "hash": loaded.digest,
        "layers": loaded.n_layers,
        "heads a layer": loaded.n_heads,
        "neurons a layer": loaded.n_neurons or "not readable",
        "residual stream": loaded.d_model,
        "vocabulary": loaded.n_vocabulary,
        "context [tokens]": loaded.n_context,
        "type": str(loaded.dtype).removeprefix("torch."),
        "device": str(loaded.device),
        "adds BOS": "yes" if loaded.adds_bos else "no",
        "in front of every text": " ".join(loaded.tokenizer.convert_ids_to_tokens(list(loaded.front))) or "nothing",
    }
    rows |= {f"can {what}": "yes" if works else "no" for what, works in loaded.abilities.items()}
    for what, reason in loaded.lost.items():
        rows |= {f"no {what}, because": reason, f"no {what}, so": COSTS[what]}
    rows |= {f"parity: {what} [logits]": f"{value:.3g}" for what, value in loaded.parity.items()}
    return pd.DataFrame({"value": rows})
