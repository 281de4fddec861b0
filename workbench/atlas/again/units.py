"""Heads and neurons, measured again in a language that the seed draws."""

import math
from typing import Any

import numpy as np
import xarray as xr

from workbench.atlas.again.pieces import Piece, corpus_of, parameters, piece
from workbench.atlas.entry import Entry
from workbench.heads import ablate, importance, kinds, roles
from workbench.model.model import Model
from workbench.neurons import firing, knockout, lape, ternary

_SHARES = ("previous", "first", "current", "same", "induction", "entropy", "distance")


def ablation(model: Model, entry: Entry, name: str, rng: np.random.Generator, share: float) -> list[Piece]:
    """Switch some heads off again, in as many languages as the share takes."""
    stored = entry.load(name)
    corpus, size = corpus_of(name, stored), stored.sizes["layer"] * stored.sizes["head"]
    wanted = math.ceil(share * stored.delta.size)
    languages = sorted(
        rng.choice(stored.language.values, min(math.ceil(wanted / size), stored.sizes["language"]), False)
    )
    chosen = rng.choice(size, min(math.ceil(wanted / len(languages)), size), replace=False)
    heads = [(int(unit) // stored.sizes["head"], int(unit) % stored.sizes["head"]) for unit in sorted(chosen)]
    again = ablate(model, corpus.select(languages), how=parameters(stored)["how"], heads=heads, **_texts(stored))
    both = piece(name, stored, again, "delta")
    there = np.isfinite(both.again)
    return [Piece(name, "delta", *(part[there] for part in (both.stored, both.again, both.tolerance)))]


def scores(model: Model, entry: Entry, name: str, rng: np.random.Generator, share: float) -> list[Piece]:
    """Compute the importance of all heads again."""
    stored = entry.load(name)
    corpus, variant = corpus_of(name, stored).select(_drawn(stored, rng, share)), parameters(stored)["variant"]
    again = importance(model, corpus, variant=variant, **_texts(stored))
    return [piece(name, stored, again, "importance")]


def attention(model: Model, entry: Entry, name: str, rng: np.random.Generator, share: float) -> list[Piece]:
    """Read again what all heads attend to."""
    stored = entry.load(name)
    again = kinds(model, corpus_of(name, stored).select(_drawn(stored, rng, share)), **_texts(stored))
    return [piece(name, stored, again, variable) for variable in _SHARES]


def counts(model: Model, entry: Entry, name: str, rng: np.random.Generator, share: float) -> list[Piece]:
    """Count again how often all neurons fire."""
    stored = entry.load(name)
    again = firing(model, corpus_of(name, stored).select(_drawn(stored, rng, share)), **_texts(stored))
    return [piece(name, stored, again, variable) for variable in ("fired", "tokens")]


def removal(model: Model, entry: Entry, name: str, rng: np.random.Generator, share: float) -> list[Piece]:
    """Switch the neurons of one language off again, without random groups."""
    stored = entry.load(name)
    members = entry.load(f"{name.partition('/')[0]}/members")
    group = str(rng.choice(stored[str(stored.delta.dims[0])].values))
    corpus = corpus_of(name, stored).select(_drawn(stored, rng, share))
    again = knockout(model, corpus, members.sel(language=[group]), controls=0, **_texts(stored))
    return [piece(name, stored, again, "delta")]


def classes(model: Model, entry: Entry, name: str, rng: np.random.Generator, share: float) -> list[Piece]:
    """Sort heads or neurons again, by the stored scores or counts; no model is needed."""
    stored, how = entry.load(name), parameters(entry.load(name))
    if stored.attrs["method"] == "heads.roles":
        parent = entry.load(f"{name.partition('/')[0]}/importance_paper")
        return [piece(name, stored, roles(parent, quantile=how["quantile"], shared_by=how["shared_by"]), "role")]
    parent, rates = entry.load(f"{name.partition('/')[0]}/firing"), {"top_rate": how["top_rate"], "bar": how["bar"]}
    if stored.attrs["method"] == "neurons.lape":
        return [piece(name, stored, lape(parent, **rates), "member")]
    return [piece(name, stored, ternary(parent, variant=how["variant"], **rates), "kind")]


def _texts(stored: xr.Dataset) -> dict[str, Any]:
    """How a result's texts are read again."""
    return {"truncate": bool(parameters(stored).get("truncate", False)), "progress": False}


def _drawn(stored: xr.Dataset, rng: np.random.Generator, share: float) -> list[str]:
    """As many of a result's languages as the share takes, one or more, in their order."""
    codes = stored.language.values
    number = max(1, math.ceil(share * len(codes)))
    return [str(codes[place]) for place in sorted(rng.choice(len(codes), number, replace=False))]
