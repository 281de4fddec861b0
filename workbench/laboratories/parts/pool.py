"""A pool of prompts with keys, from which each text retrieves a mixture by the mean of its token embeddings."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from workbench.arguments import shown
from workbench.errors import BadArgument


class PromptPool(nn.Module):
    """Keys and prompts: a text with the query q receives softmax(q keys^T / sqrt d) prompts.

    Attributes:
        keys: [pool, d].
        prompts: [pool, position, d].
        languages: of each prompt, where the language of a text selects it; empty where the keys do.
    """

    def __init__(self, keys: Tensor, prompts: Tensor, *, train_keys: bool = True, languages: Sequence[str] = ()):
        super().__init__()
        self.keys = nn.Parameter(keys, requires_grad=train_keys)
        self.prompts = nn.Parameter(prompts)
        self.languages = tuple(languages)
        self._shares: Tensor | None = None

    def shares(self, queries: Tensor) -> Tensor:
        """How much of each prompt a text receives, from its query [row, d]: [row, pool], rows sum to 1.

        Raises:
            BadArgument: the language selects the prompt, and it was not given; or was given for other rows.
        """
        if self._shares is not None:
            if len(self._shares) not in (1, len(queries)):
                raise BadArgument(f"shares of prompts are given for {len(self._shares)} texts, but {len(queries)} came")
            return self._shares.expand(len(queries), -1)
        if self.languages:
            raise BadArgument(
                "each language has its own prompt: call the model inside `with in_languages(module, languages)`"
            )
        return (queries.float() @ self.keys.T / math.sqrt(self.keys.shape[1])).softmax(-1)

    def forward(self, queries: Tensor) -> Tensor:
        """The prompt of each text, [row, position, d]; queries: [row, d]."""
        return torch.einsum("rm,mpd->rpd", self.shares(queries), self.prompts)


@contextmanager
def fixed_shares(pool: PromptPool, shares: Tensor) -> Iterator[None]:
    """Inside, texts receive these shares of the prompts whatever their queries: [row, pool], or [1, pool] for all."""
    before, pool._shares = pool._shares, shares.to(pool.prompts)
    try:
        yield
    finally:
        pool._shares = before


@contextmanager
def in_languages(module: Any, languages: Sequence[str]) -> Iterator[None]:
    """Inside, each row of a batch is read with the prompt of its language; without effect where keys select prompts.

    Args:
        module: a model; without a pool nothing changes.
        languages: of each row, or one for all.

    Raises:
        BadArgument: a language has no prompt.
    """
    pool = getattr(module, "prompt_pool", None)
    if pool is None or not pool.languages:
        yield
        return
    if absent := sorted(set(languages) - set(pool.languages)):
        raise BadArgument(f"languages={shown(absent)} have no prompt (has: {', '.join(pool.languages)})")
    numbers = torch.tensor([pool.languages.index(language) for language in languages])
    with fixed_shares(pool, nn.functional.one_hot(numbers, len(pool.languages))):
        yield


def mean_embeddings(embedded: Tensor, real: Tensor) -> Tensor:
    """Queries [row, d]: the mean of the token embeddings [row, token, d] where `real` [row, token]; 0 without any."""
    weights = real.to(torch.float32)
    total = torch.einsum("rtd,rt->rd", embedded.float(), weights)
    return total / weights.sum(1, keepdim=True).clamp(min=1)
