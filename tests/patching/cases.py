"""Models and pairs that the patching tests share."""

import random
from functools import cache

from tests.models import byte_tokenizer, tiny
from workbench.model.load import load_model
from workbench.text.pairs import Pair, Pairs

KINDS = ("llama", "gpt2", "gemma2", "mistral", "bloom", "cohere", "neox")


@cache
def wrapped(kind):
    """A tiny wrapped model; never edit it."""
    return load_model(tiny(kind), tokenizer=byte_tokenizer())


@cache
def plain(kind):
    """The same weights, unwrapped, for the oracles."""
    return tiny(kind)


def make_pairs(lengths, *, shared=3, seed=0):
    """Random pairs of the given lengths in bytes; each pair begins with `shared` equal ones."""
    rng = random.Random(seed)

    def text(length):
        return "".join(rng.choice("abcdefghij ") for _ in range(length - 1)) + "x"

    items = []
    for number, length in enumerate(lengths):
        start = text(shared)[:shared]
        answer, foil = rng.sample("klmnopq", 2)
        items.append(
            Pair(
                start + text(length - shared),
                start + text(length - shared),
                answer + "ord",
                foil + "ord",
                name=f"pair {number}",
            )
        )
    return Pairs(tuple(items), "made")


def ids(text):
    """Token ids of the byte tokenizer, BOS first."""
    return list(byte()(text)["input_ids"])


@cache
def byte():
    return byte_tokenizer()


def token(word):
    return byte()(word, add_special_tokens=False)["input_ids"][0]


def encoded(pairs):
    """[(source ids, target ids)]."""
    return [(ids(pair.source), ids(pair.target)) for pair in pairs]
