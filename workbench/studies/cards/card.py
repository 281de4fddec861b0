"""The card's numbers, measured again from the shipped weights and compared with those that are stored."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from workbench import shipped
from workbench.circuits.shipping.measure import numbers as transcoder_numbers
from workbench.errors import BadArgument
from workbench.model.load import load_model
from workbench.results.files import write_whole
from workbench.studies.cards.card_effects import measure_knockout, measure_patching
from workbench.studies.cards.transcoder_card import measure_transcoder
from workbench.text.readers import load_corpus
from workbench.text.words import load_words
from workbench.training.card import write_card
from workbench.training.data.prompts import read_words
from workbench.training.evaluate import evaluate
from workbench.training.pretrain import WORDS

STORED = "evaluation.json"
Numbers = Callable[[Mapping[str, Any]], Iterator[tuple[str, float, float]]]
"""An evaluation to every number of it: its name, its value, and how far another machine may be."""

_SHARES = {"exact_match": 0.01, "by_target": 0.04, "by_source": 0.04}  # 0.04: three or four of some eighty prompts


def run_card(
    model: str = "polyglot",
    *,
    corpus: str | Path | None = None,
    write: bool = False,
    prompts: int = 1000,
    controls: int = 5,
    texts: int | None = 20,
    pairs: int = 24,
    progress: bool = True,
) -> pd.DataFrame:
    """Measure everything that a shipped model's card states, and compare.

    Args:
        model: name or folder of a model or transcoder that has an evaluation (`write` makes one).
        corpus: folder of the training corpus. Bits per byte of held-out text, xz, 5-gram and continuations of held-out
            text need it; without it their stored numbers are shown as stored.
        write: store the new numbers and write the card of them.
        prompts: translation prompts of each kind.
        controls: random groups beside each group that is switched off.
        texts: sentences that groups are switched off on.
        pairs: pairs of concepts for each target language.
        progress: show progress bars.

    Returns:
        A row for each number: `stored`, `measured`, `reproduced` (yes, no, as stored, new), compared within
        `tolerance`, which covers other machines and thread counts.

    Raises:
        BadArgument: the model has no evaluation, or the corpus is not the training corpus.

    Example:
        >>> run_card("polyglot")                                                                 # doctest: +SKIP
    """
    folder = shipped.folder(model) if model in (*shipped.models(), *shipped.transcoders()) else Path(model)
    stored = read_stored(folder, model, needed=not write)
    if corpus is not None and not (Path(corpus) / "text").is_dir():
        raise BadArgument(f"--corpus {corpus} has no folder text/<language>; give the training corpus, or leave it out")
    training = None if corpus is None else Path(corpus)
    if (folder / "config.yaml").is_file():
        features = measure_transcoder(folder, stored, corpus=training, write=write, progress=progress)
        return compare(stored, features, numbers=transcoder_numbers)
    measured = evaluate(folder, training, read_words(WORDS), count=prompts, progress=progress)
    loaded = load_model(str(folder))
    sentences = load_corpus("parallel")
    measured["knockout"] = measure_knockout(loaded, sentences, controls=controls, limit=texts, progress=progress)
    measured["patching"] = measure_patching(loaded, load_words(), limit=pairs, progress=progress)
    if write:
        same = stored.get("weights") == measured["weights"]
        unchanged = {name: stored[name] for name in ("bits_per_byte", "language_held_out") if same and name in stored}
        write_whole(folder / STORED, json.dumps({**unchanged, **measured}, indent=1, ensure_ascii=False) + "\n")
        write_card(folder)
    return compare(stored, measured)


def read_stored(folder: Path, name: str, *, needed: bool) -> dict[str, Any]:
    """The numbers stored beside a model; empty where there are none and they are not `needed`.

    Raises:
        BadArgument: there are none, or they are not JSON.
    """
    path = folder / STORED
    if not path.is_file():
        if not needed and (folder / "training.json").is_file():
            return {}
        names = (*shipped.models(), *shipped.transcoders())
        have = [model for model in names if (shipped.folder(model) / STORED).is_file()]
        raise BadArgument(f"{name!r} has no {STORED} to compare with (has: {', '.join(have) or 'no shipped model'})")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BadArgument(f"{path.name} of {name!r} is not JSON: {error}; --write makes a new one") from error


def model_numbers(evaluation: Mapping[str, Any]) -> Iterator[tuple[str, float, float]]:
    """Every number of an evaluation that the card states: its name, its value, and how far another machine may be."""
    if "loss_slope" in evaluation:
        yield "loss slope [nats per million tokens]", evaluation["loss_slope"]["slope"], 1e-4
    for language, row in evaluation.get("bits_per_byte", {}).items():
        yield f"bits per byte, {language}", row["model"], 0.01
        yield f"bits per byte, {language}, 5-gram", row["ngram"], 1e-3
        yield f"bits per byte, {language}, xz", row["xz"], 0.02
    for language, value in evaluation.get("shipped_bits_per_byte", {}).items():
        yield f"bits per byte of shipped sentences, {language}", value, 0.01
    for kind in ("trained", "held_out"):
        part = evaluation.get("translation", {}).get(kind, {})
        for what, tolerance in _SHARES.items():
            if isinstance(part.get(what), dict):
                for language, value in part[what].items():
                    yield f"translation, {kind}, {what} {language}", value, tolerance
            elif what in part:
                yield f"translation, {kind}", part[what], tolerance
    for name, title in (("language", "shipped"), ("language_held_out", "held-out")):
        part = evaluation.get(name, {})
        if part:
            yield f"generated text in its language, {title} prompts", part["mean"], 0.02
        for language, value in part.get("generated", {}).items():
            yield f"generated text in {language}, {title} prompts", value, 0.1
    yield from _effects(evaluation)


def _effects(evaluation: Mapping[str, Any]) -> Iterator[tuple[str, float, float]]:
    """The numbers of the interventions."""
    knockout, patching = evaluation.get("knockout", {}), evaluation.get("patching", {})
    for site in ("heads", "neurons"):
        for language, row in knockout.get(site, {}).items():
            yield f"without the {site} of {language}: contrast [nats]", row["contrast"], 0.02 + 0.05 * abs(row["own"])
    if knockout:
        yield "languages hurt most by their own heads or neurons", len(knockout["languages_hurt"]), 1.0
    for language, row in patching.get("by_target", {}).items():
        yield f"mean patching: concept moved into {language}", row["moved"], 0.03
        yield f"mean patching: kept in {language}", row["kept"], 0.02
    if patching:
        yield "mean patching: onset [layers]", patching["onset"], 0.25
        yield "mean patching: languages", len(patching["languages_moved"]), 1.0


def compare(
    stored: Mapping[str, Any], measured: Mapping[str, Any], *, numbers: Numbers = model_numbers
) -> pd.DataFrame:
    """One row for each number of either: stored, measured, tolerance, reproduced."""
    before = {name: (value, tolerance) for name, value, tolerance in numbers(stored)}
    after = {name: (value, tolerance) for name, value, tolerance in numbers(measured)}
    rows = {}
    for name in {**after, **before}:  # measured ones first
        old, new = before.get(name, (None, 0.0))[0], after.get(name, (None, 0.0))[0]
        tolerance = after.get(name, before.get(name, (None, 0.0)))[1]
        if old is None:
            verdict = "new"
        elif new is None:
            verdict = "as stored"
        else:
            verdict = "yes" if abs(new - old) <= tolerance + 1e-9 else "no"
        rows[name] = {
            "stored": "" if old is None else f"{old:.4g}",
            "measured": "" if new is None else f"{new:.4g}",
            "tolerance": f"{tolerance:.2g}",
            "reproduced": verdict,
        }
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.attrs["same_weights"] = stored.get("weights") == measured.get("weights")
    return table


def verdict(table: pd.DataFrame) -> str:
    """One sentence: how many numbers were reproduced."""
    counts = Counter(table["reproduced"])
    yes, no, stored, new = (counts[name] for name in ("yes", "no", "as stored", "new"))
    parts = [f"{yes} of {yes + no} numbers that were measured again are reproduced."]
    if stored:
        parts.append(f"{stored} are shown as stored: they need --corpus.")
    if new:
        parts.append(f"{new} were not stored before.")
    if yes + no and not table.attrs.get("same_weights", True):
        parts.append("The stored numbers belong to other weights.")
    return " ".join(parts)
