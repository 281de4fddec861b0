"""Trainable parts: which parameters a recipe changes."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.utils.parametrize import register_parametrization as parametrized
from torch.nn.utils.parametrize import remove_parametrizations

from workbench.arguments import checked, whole_number
from workbench.errors import BadArgument, MissingExtra
from workbench.laboratories.recipe import Module, Trainable


@checked
def everything() -> Trainable:
    """All parameters.

    Example:
        >>> recipe = Recipe("mine", data, answers(), everything())                               # doctest: +SKIP
    """

    @contextmanager
    def trainable(module: Module) -> Iterator[Module]:
        module.requires_grad_(True)
        yield module

    return trainable


@checked
def layers(numbers: Sequence[int]) -> Trainable:
    """All parameters of some decoder layers, counted from 0.

    Raises:
        BadArgument: when it is used: the model has no such layer.

    Example:
        >>> recipe = Recipe("mine", data, answers(), layers([2, 3]))                             # doctest: +SKIP
    """
    chosen = [whole_number("layers", number) for number in numbers]

    @contextmanager
    def trainable(module: Module) -> Iterator[Module]:
        every = decoder_layers(module)
        if not chosen or max(chosen) >= len(every):
            raise BadArgument(f"layers={chosen}; this model has the layers 0 to {len(every) - 1}")
        only(module, [parameter for number in chosen for parameter in every[number].parameters()])
        yield module

    return trainable


@checked
def embeddings(*, untie: bool = False) -> Trainable:
    """The input embeddings; tied to the unembedding, they change the output too.

    Args:
        untie: give a tied unembedding a copy of its own first, which stays as it is.

    Example:
        >>> recipe = Recipe("mine", data, answers(), embeddings(untie=True))                     # doctest: +SKIP
    """

    @contextmanager
    def trainable(module: Module) -> Iterator[Module]:
        rows = module.get_input_embeddings().weight
        if untie and module.get_output_embeddings().weight is rows:
            module.config.tie_word_embeddings = False
            module.get_output_embeddings().weight = nn.Parameter(rows.detach().clone())
        only(module, [rows])
        yield module

    return trainable


@checked
def lora(*, rank: int = 8, alpha: float = 16.0, targets: Sequence[str] | None = None) -> Trainable:
    """Low-rank adapters, by peft; they are merged into the weights afterwards.

    Args:
        rank: of each adapter.
        alpha: its products are scaled by `alpha / rank`.
        targets: names of the linear maps that get one, such as `q_proj`; peft's own choice for the architecture, mostly
            queries and values, when None.

    Raises:
        MissingExtra: peft is not installed.
        BadArgument: when it is used: no part of the model has such a name.

    Source:
        Hu et al. 2021 (arXiv 2106.09685), by peft.

    Example:
        >>> recipe = Recipe("mine", data, answers(), lora(rank=4))                               # doctest: +SKIP
    """
    whole_number("rank", rank, at_least=1)
    try:
        import peft
    except ImportError:
        raise MissingExtra("lora needs peft: pip install babel-workbench[tuning]") from None

    @contextmanager
    def trainable(module: Module) -> Iterator[Module]:
        how: Any = {"r": rank, "lora_alpha": alpha, "target_modules": None if targets is None else list(targets)}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)  # of transformers, about a name that peft reads
                config = peft.LoraConfig(task_type="CAUSAL_LM", lora_dropout=0.0, **how)
                adapted: Any = peft.get_peft_model(module, config)
        except ValueError as error:
            raise BadArgument(f"targets={targets}: peft finds no such parts ({str(error)[:120]})") from error
        try:
            yield adapted
        finally:
            adapted.merge_and_unload()

    return trainable


@checked
def head_mask() -> Trainable:
    """One factor for the output of each head, from 1; they are multiplied into the output projections afterwards.

    Example:
        >>> recipe = Recipe("mine", data, answers(), head_mask(), rate=0.05)                     # doctest: +SKIP
    """

    @contextmanager
    def trainable(module: Module) -> Iterator[Module]:
        module.requires_grad_(False)
        heads = int(module.config.num_attention_heads)
        outputs = [_output_projection(layer) for layer in decoder_layers(module)]
        for output in outputs:
            weight: Any = output.weight
            factors = _Scaled(heads, transposed=not isinstance(output, nn.Linear)).to(weight.device)
            parametrized(output, "weight", factors, unsafe=True)
        try:
            yield module
        finally:
            for output in outputs:
                remove_parametrizations(output, "weight")

    return trainable


class _Scaled(nn.Module):
    """A projection of the heads' outputs, the columns of each head times its factor."""

    def __init__(self, heads: int, *, transposed: bool) -> None:
        super().__init__()
        self.factors, self.transposed = nn.Parameter(torch.ones(heads)), transposed

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        width = weight.shape[0 if self.transposed else 1] // len(self.factors)
        columns = self.factors.repeat_interleave(width)
        return weight * (columns[:, None] if self.transposed else columns)


def only(module: Module, parameters: Sequence[nn.Parameter]) -> None:
    """Let these parameters require a gradient, and no others."""
    module.requires_grad_(False)
    for parameter in parameters:
        parameter.requires_grad_(True)


def decoder_layers(module: Module) -> nn.ModuleList:
    """The list of decoder layers.

    Raises:
        BadArgument: the module has none of the configured length.
    """
    config = module.config.get_text_config() if hasattr(module.config, "get_text_config") else module.config
    for part in module.modules():
        if isinstance(part, nn.ModuleList) and len(part) == config.num_hidden_layers:
            return part
    raise BadArgument(f"a {type(module).__name__} has no list of {config.num_hidden_layers} decoder layers")


def _output_projection(layer: nn.Module) -> nn.Module:
    names = ("o_proj", "out_proj", "c_proj", "dense", "wo")
    for name, part in layer.named_modules():
        *owner, last = name.split(".")
        if last in names and any("attn" in word or "attention" in word for word in owner):
            return part
    raise BadArgument(f"a {type(layer).__name__} has no output projection of its attention that is known here")
