"""Patch one activation at a time, over layers and positions or over layers and heads."""

from collections.abc import Sequence
from typing import Any

import torch
import xarray as xr
from tqdm.auto import tqdm

from workbench.errors import BadArgument, Interrupted, UnsupportedSite
from workbench.model.metrics import Metric
from workbench.model.model import Model
from workbench.model.record import record
from workbench.model.recording import Recording
from workbench.patching import cells
from workbench.patching.answers import choose
from workbench.patching.pattern import patterns
from workbench.patching.positions import forget_padding, numbers, tokens
from workbench.patching.prompts import batches, encode
from workbench.patching.table import Table
from workbench.text.pairs import load_pairs

WORKS = {
    "residual": ("layer", "position"),
    "residual_post": ("layer", "position"),
    "head": ("layer", "head"),
    "pattern": ("layer", "head"),
}


@torch.no_grad()
def sweep(
    model: Model,
    pairs: Any,
    *,
    site: str = "residual",
    over: Sequence[str] | None = None,
    metric: str | Metric = "logit_difference",
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
) -> xr.Dataset:
    """Put the source run's activation into the target run, one cell at a time, and read the answer.

    Args:
        model: the model.
        pairs: Pairs, or what `load_pairs` reads. The two prompts of a pair have the same number of tokens; lengths may
            differ between pairs, and positions are then counted from the end.
        site: `residual` (the state in front of each layer) or `residual_post` (behind it), over layer and position;
            `head` (its output before W_O) or `pattern` (its attention), over layer and head, at all positions at once.
        over: the axes; those of the site where omitted.
        metric: `logit_difference`, `answer_probability` or `nll`, or a Metric.
        progress: show a progress bar.
        batch_size: pairs per forward pass.
        seed: of the bootstrap.

    Returns:
        `effect[layer, position | head]` = (mean value - mean target) / (mean source - mean target) over pairs: 0 is the
        unpatched target run, 1 the source run; `low`, `high` its 95 % bootstrap interval over pairs; `value` the mean
        metric; `pair_effect` and `pair_value` the same for each pair (NaN where a pair lacks the position, or its two
        runs do not differ); `source_value[pair]`, `target_value[pair]`. The coordinate `token` names the positions
        where all pairs have the same token (source/target where those two differ). Attributes: `pairs_averaged`, and
        `pairs_without_difference`, whose two runs give the same metric and which have no effect of their own.

    Raises:
        UnsupportedSite: no such site, or the architecture ignores edits there.
        BadArgument: axes or a metric that this site does not have.
        BadPairs: prompts of a pair differ in length, or answer and foil begin with the same token.
        Interrupted: `partial` holds the cells that were finished.

    Source:
        Meng et al. 2022 (arXiv 2202.05262), Wang et al. 2022 (arXiv 2211.00593); agrees with
        `transformer_lens.patching.get_act_patch_resid_pre`, `..._attn_head_out_all_pos`, `..._pattern_all_pos`.

    Example:
        >>> pairs = wb.translation_pairs("words", source="de", target="fr", tokenizer=model.tokenizer)  # doctest: +SKIP
        >>> sweep(model, pairs).effect.idxmax("layer")                                                  # doctest: +SKIP
    """
    axes = _axes(site, over)
    model.require("restart")
    if site in ("head", "pattern"):
        model.require(site)
    prompts = encode(model, load_pairs(pairs))
    prompts.require_equal_lengths()
    reading = choose(model, prompts, metric)
    width = prompts.width if axes[1] == "position" else model.n_heads
    table = Table(prompts, reading, model.n_layers, width)
    bar = tqdm(total=len(prompts) * model.n_layers, desc=f"patching {site}", unit="layer", disable=not progress)
    stopped = ""
    try:
        for batch in batches(model, prompts, batch_size):
            patterns = site == "pattern"
            source = record(model, batch.source, heads=site == "head", patterns=patterns)
            target = record(model, batch.target, heads=site == "head", keys=not patterns, patterns=patterns)
            one = reading.of(batch.rows)
            shift = width - target.n_positions if axes[1] == "position" else 0
            table.begin(batch, cells.unpatched(source, one), cells.unpatched(target, one), width - shift)
            for layer, columns, values, changed in _cells(site, source, target, one):
                done = table.layers_done
                table.put(layer, [column + shift for column in columns], values, changed)
                bar.update((table.layers_done - done) * len(batch.rows))
            table.end()
    except KeyboardInterrupt:
        stopped = table.stopped()
    finally:
        bar.close()
    coords: dict[str, Sequence[Any]] = {}
    if axes[1] == "position":
        forget_padding(table)
        coords["position"] = numbers(prompts)
    result = table.result(
        model,
        axes,
        method="patching.sweep",
        parameters={"site": site, "over": list(axes)},
        seed=seed,
        coords=coords,
    )
    if axes[1] == "position":
        result = result.assign_coords(token=("position", tokens(model, prompts)))
    if stopped:
        raise Interrupted(stopped, partial=result)
    return result


def _axes(site: str, over: Sequence[str] | None) -> tuple[str, str]:
    if site not in WORKS:
        works = "; ".join(f"{name!r} over {' and '.join(axes)}" for name, axes in WORKS.items())
        raise UnsupportedSite(f"site={site!r} cannot be swept (works: {works})")
    axes = WORKS[site]
    if over is not None and (isinstance(over, str) or tuple(over) != axes):
        raise BadArgument(f"site={site!r} over {over!r} is not offered; {site!r} goes over {axes}")
    return axes


def _cells(site: str, source: Recording, target: Recording, metric: Metric) -> cells.Cells:
    if site == "head":
        return cells.heads(source, target, metric)
    if site == "pattern":
        return patterns(source, target, metric)
    return cells.positions(source, target, metric, behind=site == "residual_post")
