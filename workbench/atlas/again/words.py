"""Lens, concepts, answers and tokens, measured again on the shipped words and texts."""

import math

import numpy as np

from workbench.atlas.again.pieces import Piece, corpus_of, parameters, piece
from workbench.atlas.entry import Entry
from workbench.evaluation import accuracy, tokenization
from workbench.lens import by_language, latent
from workbench.model.load import load_tokenizer
from workbench.model.model import Model
from workbench.patching import concepts
from workbench.results.make import provenance
from workbench.text.tasks.load import load_task

_OF_ANSWERS = ("format", "normalize", "shots", "seam", "variant", "answer_only", "truncate")


def lens(model: Model, entry: Entry, name: str, rng: np.random.Generator, share: float) -> list[Piece]:
    """Read all layers again on the same prompts."""
    stored, how = entry.load(name), parameters(entry.load(name))
    read, variable = (latent, "mass") if stored.attrs["method"] == "lens.latent" else (by_language, "probability")
    places = {part: how[part] for part in ("source", "target", "languages", "shots")}
    again = read(model, "words", limit=stored.sizes["concept"], progress=False, **places)
    return [piece(name, stored, again, variable)]


def exchanged(model: Model, entry: Entry, name: str, rng: np.random.Generator, share: float) -> list[Piece]:
    """Patch the same pairs of concepts again."""
    stored, how = entry.load(name), parameters(entry.load(name))
    routes = {"source": how["source"][0], **{part: how[part] for part in ("target", "at", "shots")}}
    limit = stored.sizes["pair"]
    again = concepts(model, "words", limit=limit, seed=provenance(stored)["seed"], progress=False, **routes)
    return [piece(name, stored, again, "probability")]


def answered(model: Model, entry: Entry, name: str, rng: np.random.Generator, share: float) -> list[Piece]:
    """Ask the task's questions again in a language that the seed draws."""
    stored, how = entry.load(name), parameters(entry.load(name))
    codes = [str(code) for code in stored.language.values]
    number = max(1, math.ceil(share * len(codes)))
    languages = sorted(rng.choice(codes, number, replace=False).tolist())
    task = load_task("words", languages=languages, limit=stored.sizes["item"])
    options = {part: how[part] for part in _OF_ANSWERS}
    again = accuracy(model, task, progress=False, **options)
    return [piece(name, stored, again, variable) for variable in ("accuracy", "score")]


def counted(model: Model, entry: Entry, name: str, rng: np.random.Generator, share: float) -> list[Piece]:
    """Split the same texts into tokens again, with the model's tokenizer; others are loaded by their names."""
    stored = entry.load(name)
    names = [str(short) for short in stored.tokenizer.values]
    tokenizers = {short: model.tokenizer if short == entry.model else load_tokenizer(short) for short in names}
    again = tokenization(tokenizers, corpus_of(name, stored))
    return [piece(name, stored, again, variable) for variable in ("tokens", "parity")]
