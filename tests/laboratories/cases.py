"""Small materials for laboratories: a random model, three languages of eight words, and short sentences."""

from functools import cache

import numpy as np
import pandas as pd
import torch
import xarray as xr

import workbench as wb
from tests.models import byte_tokenizer, tiny
from workbench.laboratories import Materials, Recipe
from workbench.text.corpus import Corpus

CONCEPTS = ("dog", "cat", "sun", "egg", "tree", "fish", "hand", "moon")
WORDS = pd.DataFrame(
    {
        "de": ["Hund", "Katze", "Sonne", "Ei", "Baum", "Fisch", "Hand", "Mond"],
        "en": ["dog", "cat", "sun", "egg", "tree", "fish", "hand", "moon"],
        "fr": ["chien", "chat", "soleil", "oeuf", "arbre", "poisson", "main", "lune"],
    },
    index=pd.Index(CONCEPTS, name="concept"),
)
TEXTS = {
    "de": ("Der Hund", "Es regnet", "Na ja", "Die Katze", "Guten Tag", "Ein Baum"),
    "en": ("The dog", "It rains", "No way", "The cat", "Good day", "A tree"),
    "fr": ("Le chien", "Il pleut", "Non non", "Le chat", "Bonjour", "Un arbre"),
}
_SEEN = ("red", "white", "black", "green", "blue", "yellow", "brown", "two", "three", "four", "five", "seven")
SEEN_WORDS = wb.load_words(languages="de,en").loc[[*_SEEN, "water", "house", "tree"]]
CORPUS = Corpus(TEXTS, aligned=True, source="test")


def held_out(concept, source, target):
    """The first two concepts are measured, the others trained, in every direction."""
    return concept in CONCEPTS[:2]


def base(kind="llama"):
    """A random module that is not wrapped."""
    torch.manual_seed(0)
    return tiny(kind)


def materials(kind="llama"):
    return Materials(byte_tokenizer(), CORPUS.split("train"), CORPUS.split("test"), WORDS, held_out, base(kind))


def recipe(**changes):
    lab = wb.laboratories
    plain = Recipe("small", lab.questions(["de", "en"]), lab.answers(), lab.everything(), steps=2, batch=2, length=64)
    return plain.but(**changes)


def summary_of():
    """A Result of the smallest run."""
    lab, how = wb.laboratories, {"words": WORDS, "corpus": CORPUS, "tokenizer": byte_tokenizer(), "progress": False}
    return lab.run(recipe(steps=1), base(), measures=[lab.bits_per_byte(CORPUS)], controls=["none"], seeds=1, **how)


def public():
    """Small arguments of the public functions."""
    lab, made = wb.laboratories, materials()
    small = {"words": WORDS, "corpus": CORPUS, "tokenizer": byte_tokenizer()}
    quick = {"progress": False}
    whole = {"base": base(), **small, **quick, "quick": True}
    return {
        "laboratories.answers": {},
        "laboratories.text": {},
        "laboratories.match": {"teacher": base()},
        "laboratories.everything": {},
        "laboratories.layers": {"numbers": [0, 1]},
        "laboratories.embeddings": {"untie": True},
        "laboratories.lora": {"rank": 2, "alpha": 4.0, "targets": ["q_proj"]},
        "laboratories.head_mask": {},
        "laboratories.questions": {"languages": ["de", "en"], "directions": [("de", "en")], "form": "line"},
        "laboratories.lines": {"languages": ["de", "en"]},
        "laboratories.exact_match": {"materials": made, "directions": [("de", "en")], "shots": 1, "limit": 1},
        "laboratories.bits_per_byte": {"corpus": CORPUS, "name": "bits"},
        "laboratories.choice": {"task": wb.load_task(WORDS_TASK), "name": "choice"},
        "laboratories.own_language": {"corpus": CORPUS, "identify": lambda text: "de", "limit": 1},
        "laboratories.shuffled": {"recipe": recipe(), "materials": made},
        "laboratories.text_control": {"recipe": recipe(), "materials": made},
        "laboratories.random_part": {"recipe": recipe(), "materials": made},
        "laboratories.none": {"recipe": recipe(), "materials": made},
        "laboratories.read_base": {"base": base(), "tokenizer": byte_tokenizer(), "device": "cpu"},
        "laboratories.materials": {"base": lab.read_base(base(), byte_tokenizer()), "words": WORDS, "corpus": CORPUS},
        "laboratories.run": {
            "recipe": recipe(steps=1),
            "base": base(),
            "measures": [lab.bits_per_byte(CORPUS)],
            "controls": ["none"],
            "seeds": 1,
            **small,
            **quick,
        },
        "laboratories.stored": {"name": "more_from_less"},
        "laboratories.summary": {"results": {"small": summary_of()}},
        "laboratories.mutual_information": {"choices": [0, 0, 1], "languages": ["de", "de", "fr"], "permutations": 9},
        "laboratories.prompts": {"pool": 2, "length": 1, "keys": "fixed", "sharpness": 1.0, "seed": 0},
        "laboratories.prompt_pool": {**whole, "pool": 2, "length": 1, "controls": ("plain",), "steps": 1},
        "laboratories.schedule": {"condition": "last", "tokens": 2000},
        "laboratories.parallel_schedule": {
            "conditions": ("none", "last"),
            "tokens": 1600,
            "seeds": 1,
            "quick": False,
            **quick,
        },
        "laboratories.choose_layers": {"score": layer_score(), "parameters": 0.4},
        "laboratories.layer_score": {
            "firing": _counts()[1],
            "classes": wb.neurons.lape(_counts()[1]),
            "model": _counts()[0],
        },
        "laboratories.language_layers": {
            **whole,
            "trained": ("de", "en"),
            "parameters": 0.2,
            "score": layer_score(),
            "chosen": [1],
            "windows": 1,
        },
        "laboratories.vision_layers": {
            **whole,
            "words": SEEN_WORDS,
            "trained": ("de", "en"),
            "vision_steps": 1,
            "vision_batch": 1,
            "vision_rate": 1e-3,
            "parameters": 0.2,
            "score": layer_score(),
            "chosen": [1],
            "controls": ("none",),
            "pictures": 6,
        },
        "laboratories.more_from_less": {**whole, "trained": ("de", "en"), "controls": ("none",), "steps": 1},
    }


def layer_score():
    """Three layers, the second of which is the best."""
    axis = {"layer": [0, 1, 2]}
    return xr.Dataset({"score": ("layer", [0.1, 0.5, 0.2]), "share": ("layer", [0.18, 0.18, 0.18])}, axis)


@cache
def _counts():
    """Counts in which every neuron fires in one language only, by turns."""
    model = wb.load_model(base(), tokenizer=byte_tokenizer())
    counts = wb.neurons.firing(model, CORPUS, progress=False)
    turn = np.arange(model.n_neurons) % len(TEXTS)
    return model, counts.assign(fired=counts.fired * (turn == np.arange(len(TEXTS))[:, None])[:, None])


WORDS_TASK = [
    {"language": code, "id": str(row), "context": f"{code} {row}:", "options": ["a", "b"], "gold": row % 2}
    for code in ("de", "en")
    for row in range(2)
]
