"""Swap layers: a model whose layers come from two experts, by a map."""

from collections.abc import Sequence
from pathlib import Path

from workbench.arguments import checked, one_of
from workbench.merging.pair import Pair
from workbench.merging.recipes.formulas import mean
from workbench.merging.recipes.lora import write_adapter
from workbench.merging.recipes.maps import PLACES, Place, check_map, layer_map
from workbench.merging.writing.merge import Dtype, record_of, write_merge


@checked
def swap(
    pair: Pair,
    layers: Sequence[str] | None = None,
    *,
    out: str | Path,
    ends: Place = "language",
    dtype: Dtype | None = None,
    progress: bool = True,
) -> Path:
    """Write a model whose layers come from the language expert, the task expert, or the mean of both.

    Nothing is trained. Tensors that come from one model are its bytes; the mean is taken in float32. Two adapters give
    an adapter: A and B of a module go together, and a mean stacks their ranks.

    Args:
        pair: the experts; a base is needed where a layer comes from it, and for adapters.
        layers: "language", "task", "mean" or "base" for each layer; default: `layer_map` of the paper. Try several:
            the papers agree on no best one.
        out: folder to write, which is not there yet. Config and tokenizer are the task expert's; `merge.json` says
            where each tensor comes from.
        ends: where embeddings, last norm and head come from.
        dtype: of the weights; default: that of the experts; not for adapters.

    Returns:
        The folder, which `load_model` takes.

    Raises:
        BadArgument: a map of another length, no base where it is needed, experts of several types without `dtype`, or
            adapters with it.
        BrokenModel: NaN or infinite weights, or a file that cannot be read.
        CannotWrite: the folder is there already, or cannot be written; nothing was changed.

    Example:
        >>> pair = wb.merging.pair(None, "polyglot-aligned", "polyglot-base")                    # doctest: +SKIP
        >>> wb.merging.swap(pair, ["language"] * 2 + ["task"] * 4, out="runs/swapped")           # doctest: +SKIP
    """
    one_of("ends", ends, PLACES)
    if pair.task.is_adapter:  # which do not say how many layers there are
        pair.need_base("a map of the layers of adapters")
    places = layer_map(pair.layers) if layers is None else check_map(layers, pair.layers)
    used = {*places, ends}
    if "base" in used:
        pair.need_base("a layer of the base")
    pair.warn_if_same()
    roles = sorted(used - {"mean"} | ({"task", "language"} if "mean" in used else set()))
    record = record_of(
        "merging.swap",
        {role: pair.members[role] for role in roles if role in pair.members},
        {"layers": places, "ends": ends, "dtype": dtype},
    )

    def origin(layer: int | None) -> str:
        return ends if layer is None else places[layer]

    if pair.task.is_adapter:
        shares = {"mean": {"task": 0.5, "language": 0.5}, "task": {"task": 1.0}, "language": {"language": 1.0}}
        return write_adapter(pair, out, lambda layer: shares.get(origin(layer), {}), record, dtype=dtype)
    halves = mean([pair.task.piece, pair.language.piece], [0.5, 0.5])
    return write_merge(
        out,
        pair.task,
        {**{role: member.piece for role, member in pair.members.items()}, "mean": halves},
        {name: origin(pair.task.group(name)[0]) for name in pair.names},
        record,
        dtype=dtype,
        members=[pair.members[role] for role in roles],
        progress=progress,
    )
