"""Put groups of tensors of an expert back to what they were before tuning."""

from collections.abc import Sequence
from pathlib import Path

from workbench.arguments import checked
from workbench.errors import BadArgument
from workbench.merging.groups import Group, chosen
from workbench.merging.pair import pair
from workbench.merging.writing.merge import Dtype, record_of, write_merge


@checked
def revert(
    expert: str | Path,
    base: str | Path,
    groups: Sequence[Group],
    *,
    out: str | Path,
    dtype: Dtype | None = None,
    progress: bool = True,
) -> Path:
    """Write an expert with some groups of its tensors put back: train everything, then undo a part.

    Args:
        expert: a tuned model, by name or folder.
        base: the model that it was tuned from.
        groups: what is put back: names of groups (q, k, v, o, gate, up, down, norm, ends; qkv and gate_up where they
            are one tensor; router, other), layers, or both as (layer, group).
        out: folder to write, which is not there yet; `merge.json` says where each tensor comes from.
        dtype: of the weights; default: that of both models.

    Returns:
        The folder, which `load_model` takes.

    Raises:
        BadArgument: a group that the model does not have, or models of several types without `dtype`.
        BrokenModel: models of other shapes, NaN weights, or an adapter: leave its modules out instead.
        CannotWrite: the folder is there already, or cannot be written; nothing was changed.

    Example:
        >>> wb.merging.revert("polyglot-aligned", "polyglot-base", ["ends", (3, "q")], out="runs/r")  # doctest: +SKIP
    """
    opened = pair(base, expert, expert)
    original = opened.need_base("revert")
    if opened.task.is_adapter:
        raise BadArgument(f"{expert!r} is an adapter: name fewer modules in its adapter_config.json instead")
    back = chosen({name: opened.task.group(name) for name in opened.task.names}, groups, expert)
    names = [list(group) if isinstance(group, tuple) else group for group in groups]
    members = {"expert": opened.task, "base": original}
    return write_merge(
        out,
        opened.task,
        {role: member.piece for role, member in members.items()},
        {name: "base" if name in back else "expert" for name in opened.names},
        record_of("merging.revert", members, {"groups": names, "dtype": dtype}),
        dtype=dtype,
        members=list(members.values()),
        progress=progress,
    )
