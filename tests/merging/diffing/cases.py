"""Two tiny models of one shape: the second differs from the first where a test wants it."""

import torch

from tests.models import byte_tokenizer, tiny
from workbench.model.load import load_model
from workbench.text.corpus import Corpus

CORPUS = Corpus(
    {
        "de": ("Der Hund schläft", "Es regnet", "Na ja, gut", "Die Katze"),
        "en": ("The dog sleeps", "It rains now", "Oh well", "A cat"),
    },
    aligned=True,
    source="made",
)
QUICK = {"progress": False, "batch_size": 3}


def made(kind="llama", seed=0):
    return load_model(tiny(kind, seed), tokenizer=byte_tokenizer())


def moved(names, *, size=0.05, kind="llama"):
    """A model whose weights of these names were moved at random, and nothing else."""
    module = tiny(kind)
    torch.manual_seed(7)
    changed = 0
    with torch.no_grad():
        for name, weight in module.named_parameters():
            if any(part in name for part in names):
                weight += size * torch.randn_like(weight)
                changed += 1
    assert changed, names
    return load_model(module, tokenizer=byte_tokenizer())
