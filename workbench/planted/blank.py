"""A Llama of zeros whose weights are then constructed: neutral norms, decoys, noise, loading."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import transformers as hf
from torch import Tensor

from workbench.arguments import finite
from workbench.errors import BrokenModel
from workbench.model.load import load_model
from workbench.model.model import Model
from workbench.planted.lexicon import make_tokenizer

BALLAST = 2.0  # of every token, in a dimension of its own
HIDDEN = 4  # dimensions that only unused tokens have, and as many that only decoys write
SINK = 24.0  # score of what a head looks for; BOS has half of it, anything else 0
TURN = 10**-1.5  # radians a token of the second rotary pair; the first turns by 1, each later one by a 30th
STILL = (-1, -2)  # rotary pairs that do not turn within any text: for what a head looks for, and for BOS


class Space:
    """Allocates dimensions of the residual stream, in order."""

    def __init__(self) -> None:
        self.size = 0
        self.ballast = self.take(1)[0]
        self.bos = self.take(1)[0]
        self.hidden_in, self.hidden_out = self.take(HIDDEN), self.take(HIDDEN)

    def take(self, count: int) -> list[int]:
        """The next `count` dimensions."""
        self.size += count
        return list(range(self.size - count, self.size))


def blank(
    space: Space,
    vocabulary: int,
    *,
    power: float,
    layers: int,
    heads: int,
    copied: int,
    neurons: int = 4,
    context: int = 256,
) -> Any:
    """A Llama of zeros whose norms are the identity on every embedding.

    RMSNorm divides x by its root mean square and multiplies with a gain. Every token's embedding has the same squared
    length `power`, and every gain is sqrt(power / width): so the norm returns embeddings unchanged, and what heads and
    neurons add later rescales a position as a whole. It never mixes dimensions, and a dimension that is exactly zero
    stays exactly zero.

    Args:
        space: the allocated dimensions.
        vocabulary: number of tokens.
        power: squared length of every embedding.
        layers: decoder layers.
        heads: heads per layer.
        copied: dimensions that a head may copy; the head's width follows.
        neurons: neurons per layer.
        context: most tokens of a text.
    """
    width = max(16, copied + HIDDEN + copied % 2)
    size = -(-space.size // heads) * heads  # transformers needs a multiple
    config = hf.LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=size,
        intermediate_size=neurons,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        head_dim=width,
        hidden_act="relu",  # a silent neuron writes exactly nothing
        max_position_embeddings=context,
        rope_parameters={"rope_type": "default", "rope_theta": TURN ** (-width / 2)},
        tie_word_embeddings=False,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=0,
    )
    module = hf.LlamaForCausalLM(config).eval()
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            parameter.fill_((power / size) ** 0.5 if "norm" in name else 0.0)
    return module


class Writer:
    """A blank module and its tokenizer, whose weights it then sets.

    Args:
        tokens: words and marks of the grammar.
        space: the allocated dimensions.
        seed: of decoys, and of the noise and unused tokens.
        power: squared length of every embedding.
        **sizes: the other sizes of `blank`.
    """

    def __init__(self, tokens: Sequence[str], space: Space, *, seed: int, power: float, **sizes: int):
        self.tokenizer, self.space, self.seed = make_tokenizer(tokens), space, seed
        self.tokens: dict[str, int] = self.tokenizer.get_vocab()
        self.module = blank(space, len(self.tokens), power=power, **sizes)
        self.width = self.module.config.head_dim
        self.generator = torch.Generator().manual_seed(seed)
        self._set_unused(power)

    def embed(self, token: str, entries: Mapping[int, float]) -> None:
        """Set a token's embedding: the ballast, and these dimensions."""
        row = self.module.model.embed_tokens.weight[self.tokens[token]]
        row[self.space.ballast] = BALLAST
        for dimension, value in entries.items():
            row[dimension] = value

    def unembed(self, token: str, entries: Mapping[int, float]) -> None:
        """Add to a token's unembedding."""
        for dimension, value in entries.items():
            self.module.lm_head.weight[self.tokens[token], dimension] += value

    def attention(self, layer: int) -> Any:
        """The attention module of a layer."""
        return self.module.model.layers[layer].self_attn

    def look(
        self, layer: int, head: int, *, query: Sequence[int], key: Sequence[int], score: float = SINK, bos: float = 1.0
    ) -> None:
        """From positions with a dimension of `query`, attend to those with one of `key`; from all others, to BOS.

        `score` is that of what is looked for, and BOS, whose key is the inverse of its own number, has half of it.
        """
        attention, root = self.attention(layer), self.width**0.5
        turn = self.width // 2  # a rotary pair is (i, i + width / 2)
        seek, rest = (head * self.width + turn + pair for pair in STILL)
        attention.q_proj.weight[seek, list(query)] = score * root
        attention.k_proj.weight[seek, list(key)] = 1.0
        attention.q_proj.weight[rest, self.space.ballast] = score / 2 * root / BALLAST
        attention.k_proj.weight[rest, self.space.bos] = bos

    def copy(self, layer: int, head: int, pairs: Sequence[tuple[int, int]], scale: float) -> None:
        """Copy dimensions from the position that the head attends to to its own: (from, to) pairs, `scale` times."""
        attention = self.attention(layer)
        for place, target in enumerate(dict.fromkeys(target for _, target in pairs)):
            value = head * self.width + place
            attention.o_proj.weight[target, value] = scale
            attention.v_proj.weight[value, [source for source, to in pairs if to == target]] = 1.0

    def decoys(self, planted: Mapping[tuple[int, int], float], *, copied: int) -> None:
        """Let every head copy between the hidden dimensions, the unplanted ones a little stronger than the planted.

        Only unused tokens have hidden dimensions, so in the texts a decoy's output is exactly zero. So a large weight
        proves nothing, and the checks at loading see that every layer's heads work. `planted` is (layer, head) to the
        strength with which it writes, of `copied` dimensions.
        """
        strength = max(planted.values(), default=1.0)
        for layer in range(self.module.config.num_hidden_layers):
            attention = self.attention(layer)
            for head in range(self.module.config.num_attention_heads):
                norm = (0.1 if (layer, head) in planted else 1.1) * copied**0.5
                values = slice((head + 1) * self.width - HIDDEN, (head + 1) * self.width)
                attention.v_proj.weight[values, self.space.hidden_in] = self._square(norm)
                attention.o_proj.weight[self.space.hidden_out, values] = self._square(norm * strength)

    def _set_unused(self, power: float) -> None:
        """Random embeddings, of the common length, for the tokens that no text has, and their own unembedding."""
        embedding, head = self.module.model.embed_tokens.weight, self.module.lm_head.weight
        rows = [i for token, i in self.tokens.items() if token.startswith("<") and token != "<bos>"]
        for row in sorted(rows):  # a vocabulary comes in any order
            drawn = torch.randn(embedding.shape[1], generator=self.generator)
            drawn[self.space.bos] = 0  # a head rests at BOS alone
            embedding[row] = drawn * (power**0.5 / drawn.norm())
            head[row, self.space.hidden_out] = torch.randn(HIDDEN, generator=self.generator)

    def _square(self, norm: float) -> Tensor:
        """Random weights of this norm between hidden dimensions."""
        drawn = torch.randn(HIDDEN, HIDDEN, generator=self.generator)
        return drawn * (norm / drawn.norm())

    @torch.no_grad()
    def loaded(self, name: str, *, needs: Sequence[str], noise: float) -> Model:
        """Wrap and check the module, on the CPU: these models are small.

        Before, normal noise is added to every weight: its deviation is `noise` times the root mean square of the
        weight's matrix.

        Raises:
            BadArgument: noise below 0, or not a finite number.
            BrokenModel: a check found that what was planted cannot be edited.
        """
        if noise := finite("noise", noise, at_least=0):
            generator = torch.Generator().manual_seed(self.seed)
            for _, parameter in sorted(self.module.named_parameters()):
                size = parameter.square().mean().sqrt()
                parameter += noise * size * torch.randn(parameter.shape, generator=generator)
        model = load_model(self.module, tokenizer=self.tokenizer, device="cpu")
        model.name = name
        missing = [ability for ability in needs if not model.abilities[ability]]
        if missing:
            raise BrokenModel(f"{name} was built without working {', '.join(missing)}; use another seed or less noise")
        return model
