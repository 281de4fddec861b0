"""A tiny model that translates English words into German and French, to teach with."""

import copy
from dataclasses import replace
from functools import cache

import numpy as np
import xarray as xr

import workbench as wb
from tests.laboratories.cases import CORPUS, materials
from tests.models import byte_tokenizer
from workbench.laboratories import Recipe
from workbench.laboratories.training.loop import train
from workbench.training.held_out import held_out_directions

DIRECTIONS = [("en", "de"), ("en", "fr")]
WORDS = wb.load_words(languages=["de", "en", "fr"]).head(24)  # some directions of which the hash holds out


def words_materials():
    """Materials of the words, with a random base."""
    return replace(materials(), words=WORDS, held_out=held_out_directions())


@cache
def _trained():
    """A module that knows all words by heart that are not held out."""
    made, lab = words_materials(), wb.laboratories
    data = lab.questions(directions=DIRECTIONS)
    train(made.base, Recipe("able", data, lab.answers(), lab.everything(), 100, 8, 64, rate=1e-2), made)
    return made.base


def able():
    """Materials whose base answers."""
    return replace(words_materials(), base=copy.deepcopy(_trained()))


def answers(values, languages=None):
    """Probabilities as `select_teachers` takes them."""
    values = np.asarray(values, dtype=float)
    codes = languages or list("abcdefgh"[: len(values)])
    return xr.DataArray(values, {"language": codes}, ("language", "item", "option"))


def public():
    """Small arguments of the public functions."""
    small = {"words": WORDS, "corpus": CORPUS, "tokenizer": byte_tokenizer(), "progress": False}
    whole = {"base": able().base, **small, "planting": 0, "quick": True, "controls": ("shuffled",)}
    return {
        "laboratories.distilled": {"source": "de", "target": "fr", "limit": 3},
        "laboratories.match_options": {},
        "laboratories.select_teachers": {"probabilities": answers(np.eye(3)[[[0, 1], [0, 1], [0, 2], [1, 1]]])},
        "laboratories.self_distillation": {**whole, "source": "de", "target": "fr"},
        "laboratories.teachers": {**whole, "weak": ("fr",)},
    }
