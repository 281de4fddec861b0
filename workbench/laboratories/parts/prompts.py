"""Train prompts in front of a frozen model: one, or a pool from which each text retrieves its own."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

import torch

from workbench.arguments import checked, finite, shown, whole_number
from workbench.errors import BadArgument
from workbench.laboratories.parts.pool import PromptPool
from workbench.laboratories.parts.prompted import install, remove
from workbench.laboratories.recipe import Module, Trainable

NOISE = 0.1  # of a prompt before training, in standard deviations of the embeddings
_TEXTS, _LENGTH = 64, 32  # random texts, whose queries say how long a query is


@checked
def prompts(
    pool: int | Sequence[str] = 16,
    length: int = 4,
    *,
    keys: Literal["learned", "fixed"] = "learned",
    sharpness: float = 1.5,
    seed: int | None = None,
) -> Trainable:
    """Train a pool of prompts and nothing else: of each text the mean token embedding q retrieves a mixture of them.

    softmax(q keys^T / sqrt d) prompts, [position, d], stands behind the first token where that is the model's BOS, in
    front of the text elsewhere. Where the training ends, the model goes on computing with the prompts, and returns its
    original positions; a pool that was not trained is taken out again. Texts are read without a cache.

    Args:
        pool: number of prompts; 1 is a plain prompt. Or languages: one prompt for each, selected by the language of the
            text (`in_languages`) and not by keys.
        length: positions of a prompt; with 0 the model computes what it did.
        keys: "fixed": random keys that are not trained, a control.
        sharpness: standard deviation over keys of a random text's scores before training; small, every text receives
            the mean of all prompts, and large, one prompt.
        seed: of keys and prompts before training; when None, that of the training.

    Returns:
        A Trainable for a Recipe; the module that it yields has the pool as `module.prompt_pool`.

    Raises:
        BadArgument: no prompt, a language twice; or, when training begins, a model that already has prompts.
        UnsupportedSite: when training begins: the model does not compute the same from embeddings as from tokens.

    Source:
        Zeng et al. 2023, arXiv 2306.07610 (XLM-P), for a causal model that is frozen; Lester et al. 2021, arXiv
        2104.08691 (a plain prompt).

    Example:
        >>> import workbench as wb
        >>> trainable = wb.laboratories.prompts(4, length=2)
    """
    languages = () if isinstance(pool, int) else tuple(pool)
    count = whole_number("pool", pool if isinstance(pool, int) else len(languages), at_least=1)
    whole_number("length", length)
    finite("sharpness", sharpness, above=0)
    if len(set(languages)) < len(languages):
        raise BadArgument(f"pool={shown(pool)} has a language twice; each has one prompt")

    @contextmanager
    def train_prompts(module: Module) -> Iterator[Module]:
        how = {"train_keys": keys == "learned", "sharpness": sharpness, "languages": languages, "seed": seed}
        pool = initial(module, (count, length), **how)
        before = [parameter.detach().clone() for parameter in pool.parameters()]
        base = list(module.parameters())
        flags = [parameter.requires_grad for parameter in base]
        install(module, pool)
        try:
            for parameter in base:
                parameter.requires_grad_(False)
            yield module
        finally:
            for parameter, flag in zip(base, flags, strict=True):
                parameter.requires_grad_(flag)
            if all(torch.equal(old, new.to(old.device)) for old, new in zip(before, pool.parameters(), strict=True)):
                remove(module)

    return train_prompts


def initial(
    module: Module,
    shape: tuple[int, int],
    *,
    train_keys: bool,
    sharpness: float = 1.5,
    languages: Sequence[str] = (),
    seed: int | None = None,
) -> PromptPool:
    """An untrained pool of `shape` (pool, length) that hardly changes what the model computes.

    Each position of a prompt is the embedding of BOS, which models read anyway, with noise that tells prompts apart.
    """
    generator = torch.Generator().manual_seed(seed) if seed is not None else None
    embeddings, config = module.get_input_embeddings(), module.config
    neutral = next((token for token in (config.bos_token_id, config.eos_token_id) if isinstance(token, int)), 0)
    tokens = torch.randint(embeddings.weight.shape[0], (_TEXTS, _LENGTH), generator=generator)
    with torch.no_grad():
        start = embeddings(torch.tensor([neutral], device=embeddings.weight.device)).float()
        typical = embeddings(tokens.to(embeddings.weight.device)).float()
    count, length = shape
    width = typical.shape[-1]
    keys = torch.randn(count, width, generator=generator).to(typical.device)
    scale = sharpness * width**0.5 / typical.mean(1).norm(dim=1).mean()  # of q keys^T / sqrt d: `sharpness`
    noise = torch.randn(count, length, width, generator=generator).to(typical.device) * typical.std() * NOISE
    trained = train_keys and not languages and count > 1
    return PromptPool(keys * scale, start + noise, train_keys=trained, languages=languages)
