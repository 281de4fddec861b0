"""Combine two experts: means, task vectors, TIES, DARE, and stacked adapters."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from workbench.arguments import checked, finite
from workbench.errors import BadArgument
from workbench.merging.checkpoint import DTYPES, Checkpoint
from workbench.merging.pair import Pair
from workbench.merging.recipes.formulas import added, agreed, mean
from workbench.merging.recipes.lora import write_adapter
from workbench.merging.recipes.sources import Source, difference, whole
from workbench.merging.recipes.sparsify import Largest, random_part
from workbench.merging.writing.merge import Dtype, record_of, write_merge

How = Literal["linear", "arithmetic", "ties", "dare", "lora"]
_DENSITY = {"ties": 0.2, "dare": 0.1}  # the share that the papers keep


@checked
def combine(
    pair: Pair,
    how: How = "linear",
    *,
    out: str | Path,
    weights: Sequence[float] = (1.0, 1.0),
    density: float | None = None,
    scope: Literal["tensor", "vector"] = "tensor",
    rescale: Literal["density", "norm"] = "density",
    dtype: Dtype | None = None,
    seed: int = 0,
    progress: bool = True,
) -> Path:
    """Write a model that is made of both experts in every tensor.

    With tau = expert - base in float32:

    - linear: the weighted mean of the experts (https://arxiv.org/abs/2203.05482); no base is needed.
    - arithmetic: base + weighted sum of taus (https://arxiv.org/abs/2212.04089).
    - ties: the largest weights of each tau remain; base + mean of those that have the sign of their sum
      (https://arxiv.org/abs/2306.01708).
    - dare: random weights of each tau remain and are scaled up; base + weighted sum (https://arxiv.org/abs/2311.03099).
    - lora: an adapter that adds the weighted sum of what two adapters add; ranks are stacked, factors never averaged.

    Two adapters are merged into their base first, for all but lora.

    Args:
        pair: the experts and, but for linear and lora, their base.
        how: see above.
        out: folder to write, which is not there yet; config and tokenizer are the task expert's, the base's for
            adapters.
        weights: of task and language.
        density: the share of each tau that remains, for ties (default 0.2) and dare (0.1).
        scope: ties takes the largest of each tensor, as mergekit does, or of all as one vector, as the paper.
        rescale: dare divides by the density, as the paper, or restores the sum of sizes of each tensor, as mergekit.
        dtype: of the weights; default: that of the models; not for lora.

    Returns:
        The folder, which `load_model` takes.

    Raises:
        BadArgument: no base, weights that sum to 0 in a mean, an option that `how` does not have, or models of several
            types without `dtype`.
        BrokenModel: NaN or infinite weights, or a file that cannot be read.
        NotFinite: a merged weight is too large for its type.
        CannotWrite: the folder is there already, or cannot be written; nothing was changed.

    Example:
        >>> pair = wb.merging.pair("polyglot-base", "polyglot-aligned", "runs/tuned")            # doctest: +SKIP
        >>> wb.merging.combine(pair, "ties", density=0.2, out="runs/merged")                     # doctest: +SKIP
    """
    shares = _shares(weights, how)
    density = _density(density, how)
    for name, value, default, method in (("scope", scope, "tensor", "ties"), ("rescale", rescale, "density", "dare")):
        if value != default and how != method:
            raise BadArgument(f"{name}={value!r} is an option of how={method!r}; leave it out for how={how!r}")
    pair.warn_if_same()
    parameters = {"how": how, "weights": shares, "density": density, "dtype": dtype}
    if how == "lora":
        if not pair.task.is_adapter:
            raise BadArgument("how='lora' stacks two adapters, and these are whole models; give how='arithmetic'")
        record = record_of("merging.combine", pair.experts, parameters)
        return write_adapter(pair, out, lambda _: dict(zip(pair.experts, shares, strict=True)), record, dtype=dtype)
    if how == "ties":
        parameters["scope"] = scope
    elif how == "dare":
        parameters |= {"rescale": rescale, "seed": seed}
    like, *others = _members(pair, how).values()
    return write_merge(
        out,
        like if pair.task.is_adapter else pair.task,
        {how: _source(pair, parameters)},
        dict.fromkeys(like.names, how),
        record_of("merging.combine", _members(pair, how), parameters),
        dtype=dtype,
        members=[like, *(other for other in others if not other.is_adapter)],
        progress=progress,
    )


def _members(pair: Pair, how: How) -> dict[str, Checkpoint]:
    """The models that are read: the base too, but for the mean of two whole models."""
    if how == "linear" and not pair.task.is_adapter:
        return pair.experts
    pair.need_base(f"how={how!r}")
    return pair.members


def _source(pair: Pair, parameters: Mapping[str, Any]) -> Source:
    """What gives the merged weights."""
    how, weights, density = (parameters[name] for name in ("how", "weights", "density"))
    experts = pair.experts.values()
    if how == "linear":
        return mean([whole(expert, pair.base) for expert in experts], weights)
    base = pair.need_base(f"how={how!r}")
    taus = [difference(expert, base) for expert in experts]
    if how == "ties":
        floats = [name for name in base.names if base.stored[name].dtype in DTYPES]
        names = floats if parameters["scope"] == "vector" else None
        return agreed(base, [Largest(tau, base.pieces, density, names) for tau in taus], weights)
    if how == "dare":
        norm, seed = parameters["rescale"] == "norm", parameters["seed"]
        taus = [
            random_part(tau, base.pieces, density, f"{seed} {role}", norm=norm)
            for role, tau in zip(pair.experts, taus, strict=True)
        ]
    return added(base, taus, weights)


def _shares(weights: Sequence[float], how: How) -> list[float]:
    shares = [finite(f"weights[{place}]", weight) for place, weight in enumerate(weights)]
    if len(shares) != 2:
        raise BadArgument(f"weights has {len(shares)} entries; give two, of the task and of the language expert")
    if how == "linear" and sum(shares) == 0:
        raise BadArgument(f"weights={shares} sum to 0, so that there is no mean; give how='arithmetic' to subtract")
    return shares


def _density(density: float | None, how: How) -> float | None:
    """The share that remains, where a method leaves weights out."""
    if how not in _DENSITY:
        if density is not None:
            raise BadArgument(
                f"density={density:g} is an option of how='ties' and 'dare'; leave it out for how={how!r}"
            )
        return None
    return _DENSITY[how] if density is None else finite("density", density, above=0, at_most=1)
