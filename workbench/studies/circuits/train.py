"""Training of a transcoder by a command: it resumes after a stop, is written whole, and is measured on other texts."""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import xarray as xr

from workbench.arguments import finite, one_of, whole_number
from workbench.circuits import quality, save, train
from workbench.circuits.layouts.parts import DTYPES
from workbench.circuits.layouts.registry import NAMES
from workbench.errors import BadArgument, Interrupted
from workbench.results.files import write_whole
from workbench.results.resuming.progress import forget, is_of_another, storing_progress
from workbench.results.writing.whole_folder import check_target, whole_folder
from workbench.studies.options import DEFAULTS, Options, open_model, open_texts, refuse_chat

_KINDS = ("cross_layer", "per_layer")
_RECORD = "training.json"
_NUMBER = 4  # bytes


# Long: a parameter for each option of the command.
def train_transcoder(
    model: Any = "polyglot",
    corpora: Sequence[Any] = ("parallel",),
    *,
    out: str | Path,
    shares: Sequence[float] | None = None,
    kind: Any = "cross_layer",
    features: int | None = None,
    steps: int = 3000,
    bf16: bool = False,
    layout: str = "circuit_tracer",
    dtype: str = "float32",
    languages: str | Sequence[str] | None = None,
    limit: int | None = None,
    options: Options = DEFAULTS,
) -> xr.Dataset:
    """Train a transcoder on one half of the texts, save it as a folder, and measure it on the other half.

    What was trained before a stop lies beside the folder, and the same call continues from there.

    Args:
        model: what `load_model` takes, or a Model.
        corpora: what `load_corpus` takes, one or several.
        out: the folder, which is not there yet; it is written whole or not at all, with the record `training.json`.
        shares: how often a token comes from each corpus; all alike when None.
        kind: as of `wb.circuits.train`.
        features: of each layer; six times the width when None.
        steps: of training.
        bf16: multiply matrices in bfloat16, where it is fast.
        layout: as of `wb.circuits.save`.
        dtype: of the stored weights.
        languages: to keep; all when None.
        limit: first texts to keep of each language.
        options: how to compute.

    Returns:
        What `wb.circuits.quality` measures on the other half of the first corpus.

    Raises:
        BadArgument: an option out of range, or a stopped training with others lies beside the folder.
        CannotWrite: the folder has files, or cannot be written; before anything is computed.
        Interrupted: Ctrl-C, SIGTERM or SIGHUP; the line says where the finished steps are.
    """
    refuse_chat(options, "the training of a transcoder")
    for name, value, choices in (("kind", kind, _KINDS), ("layout", layout, NAMES), ("dtype", dtype, DTYPES)):
        one_of(name, value, choices)
    whole_number("steps", steps, at_least=1)
    if features is not None:
        whole_number("features", features, at_least=1)
    for share in shares or ():
        finite("shares", share, above=0)
    if shares is not None and len(shares) != len(corpora):
        raise BadArgument(f"shares has {len(shares)} numbers for {len(corpora)} corpora; give one for each")
    out = Path(out).expanduser()
    check_target(out, 0)
    given = [open_texts(corpus, options, languages=languages, limit=limit, alone=True) for corpus in corpora]
    train_texts, test_texts = ([corpus.split(half) for corpus in given] for half in ("train", "test"))
    loaded = open_model(model, options)
    wide, depth = features or 6 * loaded.d_model, loaded.n_layers
    check_target(out, _NUMBER * wide * loaded.d_model * depth * (depth + 3) // 2)
    chosen = {"shares": shares, "kind": kind, "features": features, "steps": steps, "bf16": bf16, "seed": options.seed}
    finished = out.with_name(f"{out.name}.progress")
    key = json.dumps([loaded.info["hash"], chosen, [corpus.hash for corpus in train_texts]])
    if is_of_another(finished, key):
        raise BadArgument(
            f"{finished} holds the steps of a training with another model, texts or options; give the same ones to "
            "continue it, choose another folder, or remove that file"
        )
    start = time.monotonic()
    with storing_progress(finished, key):
        try:
            made = train(loaded, train_texts, **chosen, progress=options.progress)
        except (Interrupted, KeyboardInterrupt):
            raise Interrupted(
                f"the training stopped; its finished steps are in {finished}, and the same command continues from there"
            ) from None
    with whole_folder(out, 0) as new:
        save(made, new, layout=layout, dtype=dtype)
        measured = quality(made, loaded, test_texts[0], **options.sweep, truncate=True)
        record = {**made.record, "base": loaded.name, "minutes": round((time.monotonic() - start) / 60, 1)}
        record["tested"] = {"corpus": test_texts[0].info, **_numbers(measured)}
        write_whole(new / _RECORD, json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    forget(finished)
    return measured


def _numbers(result: xr.Dataset) -> dict[str, float]:
    """The main numbers of a quality, means over languages and layers."""
    values = {name: result[name] for name in ("explained", "l0", "dead")}
    values |= {
        f"{name}_{mode}": result[name].sel(mode=mode) for mode in result["mode"].values for name in ("kl", "agreement")
    }
    return {name: round(float(value.mean()), 4) for name, value in values.items()}
