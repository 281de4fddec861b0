"""Patch one activation at a time: over layers and positions, heads, neurons, heads and positions, or token roles."""

from collections.abc import Sequence
from typing import Any

import torch
import xarray as xr

from workbench.arguments import checked, one_of
from workbench.errors import BadArgument, UnsupportedSite
from workbench.model.forward.alone import alone
from workbench.model.forward.record import record
from workbench.model.forward.recording import Recording
from workbench.model.metrics import Metric
from workbench.model.model import Model
from workbench.patching.engine import cells, layer_sites
from workbench.patching.engine.fill import fill
from workbench.patching.engine.pair_metric import metric_for_pairs
from workbench.patching.engine.positions import forget_padding, numbers, tokens, with_example, with_example_of_roles
from workbench.patching.engine.prompts import PairBatch, Prompts, encode
from workbench.patching.engine.roles import role_columns, roles
from workbench.patching.engine.table import Table
from workbench.text.pairs import load_pairs

_STATES = (("layer", "position"), ("layer", "role"))
_HEADS = (("layer", "head"), ("layer", "head", "position"))
_KV_HEADS = (("layer", "kv_head"), ("layer", "kv_head", "position"))
WORKS = {
    "residual": _STATES,
    "residual_post": _STATES,
    "attention_out": _STATES,
    "mlp_out": _STATES,
    "head": _HEADS,
    "q": _HEADS,
    "k": _KV_HEADS,
    "v": _KV_HEADS,
    "pattern": _HEADS,
    "neuron": (("layer", "neuron"),),
}
_UNITS = (("head",), ("kv_head",), ("neuron",))  # the bar counts these; other axes have cells
DIRECTIONS = ("denoising", "noising")


@checked
@alone
@torch.no_grad()
def sweep(
    model: Model,
    pairs: Any,
    *,
    site: str = "residual",
    over: Sequence[str] | None = None,
    metric: str | Metric = "logit_difference",
    direction: str = "denoising",
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
) -> xr.Dataset:
    """Put the activation of one run into another, one cell at a time, and read the answer.

    Args:
        model: the model.
        pairs: Pairs, or what `load_pairs` reads. The two prompts of a pair have the same number of tokens, unless the
            sweep is over roles; lengths may differ between pairs, and positions are then counted from the end.
        site: `residual` (the state before each layer), `residual_post` (after it), `attention_out`, `mlp_out`,
            `head` (its output before W_O), `q`, `k`, `v`, `pattern` (a head's attention; at a position, that query's
            row), `neuron` (what the down projection reads).
        over: the axes. States and outputs go over ("layer", "position") or ("layer", "role"); heads and what belongs
            to them over ("layer", "head") at all positions at once, or ("layer", "head", "position"), with `kv_head`
            for keys and values; neurons over ("layer", "neuron"). The first of them where omitted.
        metric: `logit_difference`, `answer_probability` or `nll`, or a Metric.
        direction: `denoising` puts the source's activations into the target run: what is enough for the answer?
            `noising` puts the target's into the source run: what can it not do without? In the literature's words the
            source run is the clean one and the target run the corrupted one, in both directions.

    Returns:
        `effect[layer, position | head | ...]` = (mean value - mean target) / (mean source - mean target) over pairs: 0
        is the unpatched target run, 1 the source run (when noising, 0 is the unpatched source run and 1 the target
        run); `low`, `high` its 95 % bootstrap interval over distinct pairs; `value` the mean metric; `pair_effect` and
        `pair_value` the same for each pair (NaN where a pair lacks the position, or its two runs do not differ);
        `source_value[pair]`, `target_value[pair]`. The coordinate `token` names the positions where all pairs have the
        same token (source/target where those two differ); `source_token` and `target_token`, over positions or roles,
        are the tokens of the pair number `example_pair`, and `position_role` the role that all pairs have at a
        position. Attributes: `direction`, `example_pair`, `pairs_averaged` (`pairs_distinct` where some repeat), and
        `pairs_without_difference`, whose two runs give the same metric and which have no effect of their own.

    Raises:
        UnsupportedSite: no such site, or the architecture ignores edits there.
        BadArgument: axes, a direction or a metric that this site does not have.
        BadPairs: prompts of a pair differ in length (without roles), a role lies outside its prompt, or answer and
            foil begin with the same token.
        Interrupted: `partial` holds the cells that were finished.

    Source:
        Meng et al. 2022 (arXiv 2202.05262), Wang et al. 2022 (arXiv 2211.00593), Heimersheim and Nanda 2024
        (arXiv 2404.15255) for the two directions; agrees with `transformer_lens.patching.get_act_patch_*`.

    Example:
        >>> pairs = wb.translation_pairs("words", source="de", target="fr", tokenizer=model.tokenizer)  # doctest: +SKIP
        >>> sweep(model, pairs).effect.idxmax("layer")                                                  # doctest: +SKIP
    """
    axes = _axes(site, over)
    one_of("direction", direction, DIRECTIONS)
    _require(model, site)
    given = encode(model, load_pairs(pairs))
    named, columns = role_columns(given) if "role" in axes else ([], {})
    if not named:
        given.require_equal_lengths()
    pair_metric = metric_for_pairs(model, given, metric)
    noising = direction == "noising"
    prompts = given.swapped if noising else given
    if noising and columns:
        columns = {"source": columns["target"], "target": columns["source"]}
    inner = tuple(_size(model, prompts, site, axis, named) for axis in axes[1:])
    width = inner[0] if len(inner) == 1 else inner[0] * inner[1]
    table = Table(prompts, pair_metric, model.n_layers, width)

    def run(batch: PairBatch) -> None:
        source, target = _record(model, batch, site, axes)
        shift = inner[-1] - target.n_positions if axes[-1] == "position" else 0
        ran = width - shift * (width // inner[-1])
        table.begin(batch, cells.unpatched(source, table.metric), cells.unpatched(target, table.metric), ran)
        where = {side: [columns[side][row] for row in batch.rows] for side in columns}
        for layer, block, values, changed in _cells(site, axes, source, target, table.metric, inner[-1], where):
            table.put(layer, [column + shift for column in block], values, changed)

    sizes = " x ".join(f"{size} {axis}s" for axis, size in zip(axes, (model.n_layers, *inner), strict=True))
    what, unit = f"patching {site}: {sizes}", axes[1] if axes[1:] in _UNITS else "cell"
    filled = fill(table, model, run, what=what, unit=unit, progress=progress, batch_size=batch_size)
    parameters = {"site": site, "over": list(axes), "direction": direction}
    result = _result(model, table, given, axes, inner, named, parameters, seed)
    return filled.result(result)


def _axes(site: str, over: Sequence[str] | None) -> tuple[str, ...]:
    if site not in WORKS:
        works = "; ".join(f"{name!r} over {_in_words(axes)}" for name, axes in WORKS.items())
        raise UnsupportedSite(f"site={site!r} cannot be swept (works: {works})")
    works = WORKS[site]
    if over is None:
        return works[0]
    if isinstance(over, str) or tuple(over) not in works:
        raise BadArgument(f"site={site!r} over {over!r} is not offered; {site!r} goes over {_in_words(works)}")
    return tuple(over)


def _in_words(works: Sequence[tuple[str, ...]]) -> str:
    return ", or ".join(" and ".join(axes) for axes in works)


def _require(model: Model, site: str) -> None:
    if site in ("head", "pattern", "neuron"):
        model.require(site)
    if site in layer_sites.SITE_KINDS:
        model.hook_point(site, 0)


def _size(model: Model, prompts: Prompts, site: str, axis: str, named: list[str]) -> int:
    if axis == "role":
        return len(named)
    return prompts.width if axis == "position" else layer_sites.count(model, site)


def _record(model: Model, batch: PairBatch, site: str, axes: tuple[str, ...]) -> tuple[Recording, Recording]:
    """Both runs; with patterns where sites inside the layer are patched.

    Both keep keys there, so that equal prompts are run in the same way and are equal bit for bit.
    """
    if site == "head" and axes == ("layer", "head"):
        return record(model, batch.source, heads=True), record(model, batch.target, heads=True, keys=True)
    inside = site in layer_sites.SITE_KINDS
    source = record(model, batch.source, keys=inside, patterns=inside)
    return source, record(model, batch.target, keys=True, patterns=inside)


def _cells(
    site: str,
    axes: tuple[str, ...],
    source: Recording,
    target: Recording,
    metric: Metric,
    width: int,
    where: dict[str, list[list[int]]],
) -> cells.Cells:
    if "role" in axes:
        return roles(source, target, metric, site, where["source"], where["target"])
    if site not in layer_sites.SITE_KINDS:
        return cells.positions(source, target, metric, after=site == "residual_post")
    if "position" in axes:
        return layer_sites.positions(source, target, metric, site, width)
    if site == "head":
        return cells.heads(source, target, metric)
    return layer_sites.units(source, target, metric, site)


def _result(
    model: Model,
    table: Table,
    given: Prompts,
    axes: tuple[str, ...],
    inner: tuple[int, ...],
    named: list[str],
    parameters: dict[str, Any],
    seed: int,
) -> xr.Dataset:
    coords: dict[str, Sequence[Any]] = {"role": named} if named else {}
    if axes[-1] == "position":
        forget_padding(table)
        coords["position"] = numbers(table.prompts)
    result = table.result(
        model, axes, method="patching.sweep", parameters=parameters, seed=seed, coords=coords, inner=inner
    )
    if axes[-1] == "position":
        result = with_example(result.assign_coords(token=("position", tokens(model, given))), model, given)
    elif named:
        result = with_example_of_roles(result, model, given, role_columns(given)[1])
    result = _noising_names(result) if parameters["direction"] == "noising" else result
    result.attrs["direction"] = parameters["direction"]
    return result


def _noising_names(result: xr.Dataset) -> xr.Dataset:
    """The names of a noising sweep: the run that is patched is the pair's source run."""
    result = result.rename(source_value="target_value", target_value="source_value")
    for name in ("source_value", "target_value"):
        run = "source run" if name == "source_value" else "target run"
        long_name = result[name].attrs["long_name"].replace("unpatched target run", run).replace("source run", run)
        result[name].attrs["long_name"] = long_name
    result.effect.attrs["long_name"] = "normalized patching effect: 0 the unpatched source run, 1 the target run"
    result.pair_effect.attrs["long_name"] = "effect in each pair: 0 the unpatched source run, 1 the target run"
    return result
