"""A pair of experts and the model that both were tuned from, checked against each other."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from workbench.arguments import checked
from workbench.errors import BadArgument, BrokenModel, warn
from workbench.merging.checkpoint import DTYPES, Checkpoint, setting
from workbench.model.loading.adapter import changes_base
from workbench.model.loading.folder import has_tokenizer
from workbench.model.loading.read import LoadSettings, read_tokenizer
from workbench.text.display.naming import shortened

_DECIDING = ("model_type", "num_attention_heads", "num_key_value_heads", "n_head", "head_dim", "tie_word_embeddings")
_VOLATILE = ("transformers_version", "_name_or_path", "dtype", "torch_dtype", "use_cache", "architectures")
_DEFAULTS = (None, {}, [], "", False)  # a field that a config lacks, or gives as nothing
_FACTORS = (".lora_A.weight", ".lora_B.weight")


@dataclass(frozen=True, eq=False)
class Pair:
    """Two experts of one shape, and the model that both were tuned from; made by `pair`.

    Attributes:
        base: the model before tuning; None where no merge needs it.
        task: tuned on a task.
        language: tuned on a language.
    """

    base: Checkpoint | None
    task: Checkpoint
    language: Checkpoint

    def __repr__(self) -> str:
        return (
            f"Pair(base={self.base.name if self.base else None}, task={self.task.name}, language={self.language.name})"
        )

    @property
    def experts(self) -> dict[str, Checkpoint]:
        """`task` and `language`."""
        return {"task": self.task, "language": self.language}

    @property
    def members(self) -> dict[str, Checkpoint]:
        """All of them by their place in the pair."""
        return {**({"base": self.base} if self.base else {}), **self.experts}

    @property
    def names(self) -> tuple[str, ...]:
        """The tensors that all have."""
        return (self.base or self.task).names

    @property
    def layers(self) -> int:
        """How many layers the models have; of adapters without a base, up to the last that they change."""
        return max(member.layers for member in self.members.values())

    def need_base(self, what: str) -> Checkpoint:
        """The base.

        Raises:
            BadArgument: there is none.
        """
        if self.base is None:
            raise BadArgument(
                f"{what} needs the model that both were tuned from: give it as base, or with --base at the command line"
            )
        return self.base

    def warn_if_same(self) -> None:
        """Warn where both experts are the same files, so that a merge of them has nothing to merge."""
        if self.task.digest == self.language.digest:
            warn(f"{self.task.name!r} and {self.language.name!r} are the same model: there is nothing to merge")

    def delta(self, expert: str, name: str) -> Tensor:
        """Expert minus base of a tensor, float32; expert is `task` or `language`."""
        return self.experts[expert].tensor(name).float() - self.need_base("a difference").tensor(name).float()


@checked
def pair(base: str | Path | None, task: str | Path, language: str | Path) -> Pair:
    """Open two experts and their base: headers only, no weights are in memory.

    Args:
        base: the model that both were tuned from: a shipped model, a folder in hub format, or a name on the hub; None
            where the merge needs none, as in `swap` of whole models.
        task: the expert of a task, likewise; or the folder of a LoRA adapter.
        language: the expert of a language, likewise; an adapter where `task` is an adapter.

    Raises:
        UnknownModel: there is no model of a name.
        BrokenModel: other shapes, tensors, vocabularies or heads; pickled or quantised weights; an adapter that is not
            LoRA, or does not fit the base. NaN and infinite weights are refused where they are read.

    Example:
        >>> pair = wb.merging.pair("polyglot-base", "polyglot-aligned", "polyglot-base")         # doctest: +SKIP
    """
    opened: dict[Any, Checkpoint] = {}
    names = [name for name in (base, task, language) if name is not None]
    for name in names:
        opened.setdefault(name, Checkpoint.open(name))
    made = Pair(opened[base] if base is not None else None, opened[task], opened[language])
    if made.base and made.base.is_adapter:
        raise BrokenModel(f"{made.base.name!r} is an adapter; the base is a whole model")
    if made.task.is_adapter != made.language.is_adapter:
        adapter, other = sorted(made.experts.values(), key=lambda expert: not expert.is_adapter)
        raise BrokenModel(f"{adapter.name!r} is an adapter and {other.name!r} is not; give two of a kind")
    if made.task.is_adapter:
        for expert in made.experts.values():
            _check_adapter(expert, made.base)
        return made
    first, *others = made.members.values()
    for other in others:
        if other is not first:
            _check_same(first, other)
    return made


def _check_same(first: Checkpoint, other: Checkpoint) -> None:
    """Refuse two models whose tensors, heads or vocabularies differ; warn of other settings that do."""
    what = f"{first.name!r} and {other.name!r}"
    for field in _DECIDING:
        values = [setting(member.settings, field) for member in (first, other)]
        if values[0] != values[1]:
            raise BrokenModel(f"{what} cannot be merged: {field} is {values[0]} and {values[1]}")
    lacking = sorted(set(first.names) ^ set(other.names))
    if lacking:
        lacks = other if lacking[0] in first.stored else first
        raise BrokenModel(f"{what} have other tensors: {lacks.name!r} lacks {shortened(lacking)}")
    for name in first.names:
        shapes = [member.stored[name].shape for member in (first, other)]
        if shapes[0] != shapes[1]:
            raise BrokenModel(f"{what} have other shapes: {name} is {list(shapes[0])} and {list(shapes[1])}")
        types = [member.stored[name].dtype for member in (first, other)]
        if any(dtype not in DTYPES for dtype in types) and (types[0] != types[1] or not _equal(first, other, name)):
            raise BrokenModel(
                f"{what} store {name} as {types[0]} and {types[1]}: such numbers are no weights, and differ"
            )
    _check_vocabulary(first, other)
    fields = {*first.settings, *other.settings} - {*_VOLATILE, *_DECIDING}
    differing = sorted(
        field for field in fields if not _same(*(setting(member.settings, field) for member in (first, other)))
    )
    if differing:
        warn(f"{what} have other settings in their config.json ({shortened(differing)}); the first one's are used")


def _check_vocabulary(first: Checkpoint, other: Checkpoint) -> None:
    files = [member.folder / "tokenizer.json" for member in (first, other)]
    if all(file.is_file() for file in files):
        digests = {hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
        if len(digests) == 1:
            return
    vocabularies = [
        read_tokenizer(member.folder, member.name, LoadSettings(next(iter(DTYPES.values())))).get_vocab()
        for member in (first, other)
        if has_tokenizer(member.folder)
    ]
    if vocabularies[0] != vocabularies[-1]:
        differing = sorted(set(vocabularies[0].items()) ^ set(vocabularies[-1].items()), key=lambda item: item[1])
        raise BrokenModel(
            f"{first.name!r} and {other.name!r} have other vocabularies, first at token {differing[0][1]} "
            f"({differing[0][0]!r}): the same row of their embeddings means different words"
        )


def _check_adapter(adapter: Checkpoint, base: Checkpoint | None) -> None:
    """Refuse what is not pairs of factors, and factors that do not fit the base."""
    config = adapter.config
    kind = config.get("peft_type")
    if kind != "LORA" or config.get("use_dora") or config.get("fan_in_fan_out"):
        kind = kind if kind != "LORA" else "DoRA" if config.get("use_dora") else "LoRA of weights stored input first"
        raise BrokenModel(f"{adapter.name!r} is {kind}; only plain LoRA adapters are merged")
    if config.get("alora_invocation_tokens"):
        raise BrokenModel(f"{adapter.name!r} changes only what follows its alora_invocation_tokens; it has no weights")
    if changes_base(config):
        raise BrokenModel(
            f"{adapter.name!r} starts from a part of its base (init_lora_weights={config['init_lora_weights']!r}) that "
            "its factors replace; convert it to plain LoRA with PEFT's path_initial_model_for_weight_conversion, or "
            "merge it into its base first"
        )
    other = [name for name in adapter.names if not name.endswith(_FACTORS)]
    if other:
        raise BrokenModel(f"{adapter.name!r} changes more than LoRA's factors: {shortened(other)}")
    for name in adapter.names:
        module = name.rpartition(".lora_")[0]
        factors = [adapter.stored.get(module + end) for end in _FACTORS]
        shapes = [factor.shape for factor in factors if factor]
        if len(shapes) != 2 or any(len(shape) != 2 for shape in shapes) or shapes[0][0] != shapes[1][1]:
            raise BrokenModel(f"{adapter.name!r} has factors of {module} that do not fit each other")
        weight = base and base.stored.get(weight_name(name))
        if base and (not weight or weight.shape != (shapes[1][0], shapes[0][1])):
            raise BrokenModel(
                f"{adapter.name!r} does not fit {base.name!r}: it has no {weight_name(name)} of that shape"
            )


def weight_name(factor: str) -> str:
    """The name in the model of the weight that an adapter's factor changes."""
    return factor.removeprefix("base_model.model.").rpartition(".lora_")[0] + ".weight"


def _equal(first: Checkpoint, other: Checkpoint, name: str) -> bool:
    pieces = first.pieces(name)
    return all(bool((first.raw(name, *piece) == other.raw(name, *piece)).all()) for piece in pieces)


def _same(first: Any, second: Any) -> bool:
    return first == second or (first in _DEFAULTS and second in _DEFAULTS)
