"""The Model: a wrapped language model, its sites and its abilities."""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from einops import rearrange

from workbench.arguments import checked
from workbench.errors import NotFinite, UnsupportedSite, warn
from workbench.model.checks.costs import COSTS
from workbench.model.effective_weights import device_of, effective_weight, norm_scale, unchanged_norms
from workbench.model.forward.alone import alone
from workbench.model.forward.evaluation_mode import evaluating
from workbench.model.loading.precision import stated
from workbench.model.sites import kind
from workbench.text.batches import Batch, Encoded, collate, encode
from workbench.text.chat import adds_bos, template_hash
from workbench.text.corpus import Corpus
from workbench.text.tokens.around import around


@dataclass(eq=False)
class Model:
    """A causal language model wrapped by TransformerLens; made by `load_model`.

    Attributes:
        bridge: the `TransformerBridge`, raw (no folded weights); everything of TransformerLens works on it.
        abilities: what was seen to work when the model was loaded: edits of `head`, `neuron` and `pattern`, `restart`
            (a run from a layer on), `fused` (attention that never forms its pattern, used wherever the pattern is
            not read), `linear` (with patterns and norms' denominators constant, states are linear in what the layers
            before them write), `generate` (generation with a cache).
        parity: figures of the checks at loading, e.g. `logits` = largest difference to Hugging Face.
        n_neurons: MLP neurons per layer, as seen; 0 where the ability `neuron` is missing.
        memory: bytes that activations may take, or "auto": half of what is free.
        rows_that_saturate: rows of a matrix product from which more are no faster; None until it is measured.
        lost: why each missing ability is missing, with the size of the error that was seen.
        plain_head: logits are exactly the normed final state times the unembedding, as seen at loading.
        warned: abilities whose absence was warned of already.
    """

    bridge: Any
    tokenizer: Any
    name: str
    revision: str
    digest: str
    abilities: dict[str, bool] = field(default_factory=dict)
    parity: dict[str, float] = field(default_factory=dict)
    n_neurons: int = 0
    memory: int | str = "auto"
    rows_that_saturate: int | None = None
    lost: dict[str, str] = field(default_factory=dict)
    plain_head: bool = False
    warned: set[str] = field(default_factory=set)

    def __repr__(self) -> str:
        can = ", ".join(ability for ability, works in self.abilities.items() if works)
        return (
            f"Model({self.name}: {self.n_layers} layers x {self.n_heads} heads x {self.n_neurons} neurons, "
            f"{str(self.dtype).removeprefix('torch.')} on {self.device}; can: {can})"
        )

    @property
    def module(self) -> Any:
        """The Hugging Face module inside."""
        return self.bridge.original_model

    @property
    def config(self) -> Any:
        """The Hugging Face configuration."""
        return self.module.config

    @property
    def n_layers(self) -> int:
        """Number of decoder layers."""
        return len(self.bridge.blocks)

    @property
    def n_heads(self) -> int:
        """Number of attention (query) heads per layer."""
        return int(self.bridge.cfg.n_heads)

    @property
    def n_kv_heads(self) -> int:
        """Number of key and value heads per layer; as many as query heads where they are not shared."""
        return int(getattr(self.config, "num_key_value_heads", None) or self.n_heads)

    @property
    def d_head(self) -> int:
        """Width of one head's output."""
        return int(self.bridge.cfg.d_head)

    @property
    def d_model(self) -> int:
        """Width of the residual stream."""
        return int(self.bridge.cfg.d_model)

    @property
    def n_vocabulary(self) -> int:
        """Number of rows of the unembedding."""
        return int(self.module.get_output_embeddings().weight.shape[0])

    @property
    def n_embedded(self) -> int:
        """Number of rows of the embedding: token ids from here on cannot be read."""
        return int(self.module.get_input_embeddings().weight.shape[0])

    @property
    def n_context(self) -> int:
        """Longest sequence that the configuration allows, in tokens; of a multimodal model, its text part's."""
        config = self.config.get_text_config() if hasattr(self.config, "get_text_config") else self.config
        names = ("max_position_embeddings", "n_positions", "seq_length", "max_sequence_length")
        return next((int(getattr(config, name)) for name in names if getattr(config, name, None)), 2048)

    @property
    def device(self) -> torch.device:
        """Where the weights are, or the first of them."""
        return device_of(self.module)

    @property
    def dtype(self) -> torch.dtype:
        """The weights' type."""
        return next(self.module.parameters()).dtype

    @cached_property
    def parts(self) -> tuple[torch.nn.Module, ...]:
        """Every module inside."""
        return tuple(self.module.modules())

    @cached_property
    def block_parts(self) -> list[tuple[torch.nn.Module, ...]]:
        """Every module inside each layer."""
        return [tuple(block.modules()) for block in self.bridge.blocks]

    @property
    def pad_id(self) -> int:
        """The token that fills rows; it is masked everywhere, so any embedded token serves."""
        ids = (getattr(self.tokenizer, name, None) for name in ("pad_token_id", "eos_token_id"))
        return next((int(token) for token in ids if token is not None and int(token) < self.n_embedded), 0)

    @cached_property
    def architecture(self) -> str:
        """The name of the transformers class."""
        return type(self.module).__name__

    @property
    def info(self) -> dict[str, Any]:
        """What provenance records about the model."""
        return {
            "name": self.name,
            "architecture": self.architecture,
            "revision": self.revision,
            "hash": self.digest,
            "dtype": str(self.dtype).removeprefix("torch."),
            "device": str(self.device),
            "attention": "sdpa; eager where patterns are read" if self.abilities.get("fused") else "eager",
            "adds_bos": self.adds_bos,
            "chat_template": template_hash(self.tokenizer),
            "parity": self.parity,
            "lost": {ability: f"{why}; {COSTS[ability]}" for ability, why in self.lost.items()},
            "precision": self.precision,
        }

    @property
    def precision(self) -> str:
        """The weights' type and, where it is not float32, what it changed on a probe when the model was loaded."""
        return stated(self.dtype, self.parity)

    @cached_property
    def adds_bos(self) -> bool:
        """Whether the tokenizer itself puts BOS before a text."""
        return adds_bos(self.tokenizer)

    @cached_property
    def front(self) -> tuple[int, ...]:
        """The tokens that the tokenizer puts before every text, whatever their names."""
        return around(self.tokenizer)[0]

    @cached_property
    def behind(self) -> tuple[int, ...]:
        """The tokens that the tokenizer puts after every text; `encode` removes them."""
        return around(self.tokenizer)[1]

    @checked
    def encode(self, corpus: Corpus, *, truncate: bool = False) -> list[Encoded]:
        """Token ids of every text of a corpus, with what the tokenizer itself puts before it (mostly BOS)."""
        return encode(self.tokenizer, corpus, max_length=self.n_context, n_embedded=self.n_embedded, truncate=truncate)

    @checked
    def require(self, ability: str) -> None:
        """Refuse an ability that failed its check at loading.

        Raises:
            UnsupportedSite: names the ability, why it is missing, and what the model can do.
        """
        if not self.abilities.get(ability, False):
            can = ", ".join(name for name, works in self.abilities.items() if works) or "nothing"
            why = self.lost.get(ability, "edits there are missing or silently ignored")
            raise UnsupportedSite(f"{self.name!r} ({self.architecture}) cannot do {ability!r}: {why} (can: {can})")

    def warn_slow(self, ability: str) -> None:
        """Warn once that a missing ability makes what follows slower, and why it is missing."""
        if ability not in self.warned:
            self.warned.add(ability)
            way = {"restart": "every cell runs the whole model", "generate": "every token runs the whole text again"}
            why = self.lost.get(ability, "it was switched off")
            warn(f"{self.name!r} ({self.architecture}): {way[ability]}, which is equally exact but slower: {why}")

    @checked
    def hook_point(self, site: str, layer: int) -> Any:
        """The TransformerLens hook point (a torch module) of a kind of site in a layer.

        Raises:
            UnsupportedSite: the architecture has no such site, or no such layer.
        """
        name = kind(site).hook
        if not 0 <= layer < self.n_layers:
            raise UnsupportedSite(f"layer {layer} does not exist (has: 0 to {self.n_layers - 1})")
        point = self.bridge.blocks[layer]
        for attribute in name.split("."):
            point = getattr(point, attribute, None)
        if point is None:
            raise UnsupportedSite(f"{self.name!r} ({self.architecture}) has no {site!r} in layer {layer}")
        return point

    @cached_property
    def norms(self) -> list[Any]:
        """Every norm that TransformerLens wraps without changing what it computes."""
        return unchanged_norms(self.bridge)

    def attention_parts(self, layer: int) -> tuple[Any, Any]:
        """The attention of a layer and its output projection, whose input is the heads' outputs side by side."""
        attention = self.bridge.blocks[layer].attn
        return attention, attention.o

    def output_weight(self, layer: int) -> torch.Tensor:
        """The effective W_O of a layer: [head, d_head, d_model]."""
        weight = effective_weight(self.attention_parts(layer)[1], self.n_heads * self.d_head)
        return rearrange(weight, "(head d_head) d_model -> head d_head d_model", head=self.n_heads)

    def down_weight(self, layer: int) -> torch.Tensor:
        """The effective W_out of a layer's MLP: [neuron, d_model]."""
        return effective_weight(self.bridge.blocks[layer].mlp.out, self.n_neurons)

    def norm_scale(self) -> tuple[torch.Tensor, bool]:
        """What the last norm multiplies each number of a normed state by, [d_model], and whether it subtracts the mean.

        Raises:
            UnsupportedSite: it computes something else.
        """
        norm = self.bridge.ln_final
        dtype = next((part.dtype for part in norm.parameters()), self.dtype)
        return norm_scale(norm, self.d_model, torch.empty(0, dtype=dtype, device=device_of(norm)))

    def positions(self, mask: torch.Tensor) -> dict[str, torch.Tensor]:
        """Position ids that start at each row's first real token, for models that take them."""
        if "position_ids" not in inspect.signature(type(self.module.base_model).forward).parameters:
            return {}
        return {"position_ids": (mask.cumsum(1) - 1).clamp(min=0)}

    @checked
    @alone
    def states(self, batch: Batch, **options: Any) -> torch.Tensor:
        """The final residual stream after the last norm, [sample, position, d_model], without unembedding it."""
        options = {"use_cache": False, **options}
        with evaluating(self.parts):
            return self.module.base_model(
                input_ids=batch.ids, attention_mask=batch.mask, **self.positions(batch.mask), **options
            ).last_hidden_state

    @checked
    @alone
    def logits(self, batch: Batch | str | Sequence[str]) -> torch.Tensor:
        """Logits of every position, [sample, position, vocabulary], of a batch or of texts (see `batch`); hooks apply.

        Raises:
            NotFinite: a real position has a NaN logit.
        """
        batch = batch if isinstance(batch, Batch) else self.batch(batch)
        with evaluating(self.parts):
            logits = self.module(
                input_ids=batch.ids, attention_mask=batch.mask, use_cache=False, **self.positions(batch.mask)
            ).logits
        if not bool(torch.isfinite(logits[batch.mask.bool()]).all()):
            raise NotFinite(f"{self.name!r} gives logits that are NaN or infinite")
        return logits

    @checked
    def batch(self, texts: str | Sequence[str], *, side: str = "right") -> Batch:
        """Token ids and mask of some texts, on the model's device."""
        rows = Corpus({"": (texts,) if isinstance(texts, str) else tuple(texts)}, aligned=False, source="texts")
        return collate(self.encode(rows), self.pad_id, side).to(self.device)
