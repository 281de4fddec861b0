"""What the card of a transcoder states: its quality on held-out text, on new word prompts and on shipped sentences."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import xarray as xr

from workbench.circuits.shipping.mixture import prompts, texts
from workbench.circuits.transcoders.quality import quality
from workbench.circuits.transcoders.random_control import random
from workbench.circuits.transcoders.transcoder import Transcoder
from workbench.model.model import Model
from workbench.text.corpus import Corpus
from workbench.text.readers import load_corpus
from workbench.training.data.prompts import read_words
from workbench.training.held_out import held_out_directions
from workbench.training.pretrain import WORDS

TEXTS = 20
"""Of each language, in each corpus that is measured on."""

TITLES = {
    "prompts": "word prompts of directions that the model was not trained on",
    "sentences": "shipped sentences",
    "text": "held-out text",
}
_TOLERANCES = {"explained": 0.005, "layer": 0.005, "l0": 0.3, "dead": 0.005, "nll": 0.02, "kl": 0.02, "agreement": 0.01}


def measure(
    transcoder: Transcoder, model: Model, *, corpus: Path | None = None, progress: bool = True
) -> dict[str, Any]:
    """Every number of the card.

    Args:
        transcoder: of the model.
        model: the model.
        corpus: folder of the training corpus, for its held-out text; left out when None.
        progress: show progress bars.
    """
    words, held_out = read_words(WORDS), held_out_directions()
    corpora = {
        "prompts": prompts(words, held_out, count=TEXTS, seed=1, unseen=True),
        "sentences": load_corpus("parallel").limit(TEXTS),
    }
    if corpus is not None:
        corpora["text"] = texts(corpus, part="valid", count=TEXTS, seed=1)
    measured: dict[str, Any] = {"weights": transcoder.digest, "texts": TEXTS}
    measured |= {name: _numbers(transcoder, model, own, progress) for name, own in corpora.items()}
    chance = random(transcoder, model, prompts(words, held_out, count=4 * TEXTS, seed=2), progress=progress)
    return {**measured, "random": _numbers(chance, model, corpora["prompts"], progress)}


def _numbers(transcoder: Transcoder, model: Model, corpus: Corpus, progress: bool) -> dict[str, Any]:
    result = quality(transcoder, model, corpus, progress=progress)
    each = {str(language): _rounded(result.explained.sel(language=language)) for language in corpus.languages}
    modes = {
        str(mode): {name: _rounded(result[name].sel(mode=mode)) for name in ("nll", "kl", "agreement")}
        for mode in result["mode"].values
    }
    layers = {str(layer): _rounded(result.explained.sel(layer=layer)) for layer in transcoder.layers}
    counts = {"explained": _rounded(result.explained), "l0": _rounded(result.l0), "dead": _rounded(result.dead)}
    return {**counts, "nll": _rounded(result.baseline), "by_language": each, "by_layer": layers, **modes}


def _rounded(values: xr.DataArray) -> float:
    return round(float(values.mean()), 4)


def numbers(evaluation: Mapping[str, Any]) -> Iterator[tuple[str, float, float]]:
    """Every number that the card states: its name, its value, and how far another machine may be."""
    for name, title in {**TITLES, "random": "random features, word prompts"}.items():
        part = evaluation.get(name)
        if part is None:
            continue
        yield f"explained, {title}", part["explained"], _TOLERANCES["explained"]
        yield f"active features of a token and layer, {title}", part["l0"], _TOLERANCES["l0"]
        yield f"silent features, {title}", part["dead"], _TOLERANCES["dead"]
        yield f"loss of the model [nats], {title}", part["nll"], _TOLERANCES["nll"]
        for axis in ("layer", "language"):
            for label, value in part[f"by_{axis}"].items():
                yield f"explained in {axis} {label}, {title}", value, _TOLERANCES["layer"]
        for mode, words in (("replaced", "MLPs replaced"), ("mean_ablated", "MLPs mean-ablated")):
            for measure_, value in part[mode].items():
                yield f"{measure_}, {words}, {title}", value, _TOLERANCES[measure_]
