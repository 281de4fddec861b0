"""The effect of every edge to first order: a sender's change times the metric's slope at a receiver's input."""

from collections.abc import Iterator
from itertools import chain

import torch
from torch import Tensor

from workbench.errors import UnsupportedSite
from workbench.model.forward.layers import call_layer
from workbench.model.forward.packed_positions import Columns
from workbench.model.forward.recording import Recording, stack
from workbench.model.gradients import frozen
from workbench.model.hooks import StopForward, after, hooked
from workbench.model.metrics import Metric
from workbench.model.model import Model
from workbench.patching.edges.contributions import ContributionDifferences, norm_after_attention, projected
from workbench.patching.edges.graph import INSIDE, receivers, senders
from workbench.patching.engine.cells import split
from workbench.patching.engine.gradient import Gradients, activation_gradients, embedded
from workbench.patching.engine.layer_sites import count
from workbench.patching.engine.prompts import cells_at_once, first_difference
from workbench.text.batches import Batch

_APART = {torch.float32: 1e-3}  # of the largest slope; half precision is given a tenth


def estimate(
    model: Model, source: Recording, target: Batch, metric: Metric, *, steps: int = 0
) -> tuple[Tensor, Tensor, bool]:
    """The estimated change of the metric by each edge.

    Args:
        model: the model.
        source: the recorded source pass, with heads, keys and patterns.
        target: the target prompts, each as long as its source prompt.
        metric: the metric.
        steps: of integrated gradients; 0 takes the slope in the target run alone.

    Returns:
        change [sample, sender, receiver], float32, meaningless where there is no such edge;
        value of the target run [sample]; whether the model's blocks are parallel.

    Raises:
        UnsupportedSite: the parts of a layer do not sum to its output, or q, k and v cannot be reached.
    """
    start = first_difference(source.batch, target)  # positions before are the same in both runs and have no effect
    batch = target.to(model.device)
    mine, given = embedded(model, batch)[:, start:], source.residual[0][:, start:]

    def there(states: Tensor) -> Gradients:
        return activation_gradients(source, states, metric, batch, start=start, sites=["head", *INSIDE])

    own = there(mine)
    real = batch.mask[:, start:, None] == 1
    differences = ContributionDifferences(
        model,
        [
            (torch.where(real, theirs[:, start:], ours), ours)
            for theirs, ours in zip(source.residual, own.residual, strict=True)
        ],
        [
            (torch.where(real[..., None], theirs[:, start:], ours), ours)
            for theirs, ours in zip(source.z, own.at["head"], strict=True)
        ],
    )
    runs = (there(torch.lerp(mine, given, (step + 0.5) / steps)) for step in range(steps))  # midpoints, one at a time
    change = torch.zeros(len(mine), len(senders(model)), len(receivers(model)), device=mine.device)
    apart = torch.zeros(2)
    with frozen(model):
        for run in runs if steps else (own,):
            apart += _add(change, source, run, differences, start)
    parallel = bool(apart[1] < apart[0])
    if apart.min() > _APART.get(model.dtype, 0.1) * model.n_layers * max(steps, 1):
        raise UnsupportedSite(
            f"in {model.name!r} ({model.architecture}) the embedding, heads and MLPs do not simply add up to the "
            "residual stream, so it has no edges; patching.path and patching.attribution work on it"
        )
    return change / max(steps, 1), own.value, parallel


def _add(change: Tensor, source: Recording, run: Gradients, differences: ContributionDifferences, start: int) -> Tensor:
    """Add one run's edges; the errors of the slopes if blocks were sequential, and if they were parallel, [2]."""
    model, apart, column = source.model, torch.zeros(2), 0

    def add_change(slopes: Tensor, column: int, layer: int, *, heads_too: bool = False) -> None:
        """Add edges: all senders before a layer to receivers with slopes [receiver, sample, position, d_model]."""
        rows = [differences.by_row(before) for before in range(-1, layer)]
        rows += [differences.heads_by_row(layer)] if heads_too else []
        for row, moved in chain(*rows):
            changes = torch.einsum("rbpd,sbpd->bsr", slopes, moved)
            change[:, row : row + len(moved), column : column + len(slopes)] += changes

    for layer in range(model.n_layers):
        through = torch.zeros_like(run.residual_slope[layer])
        for site, units, slopes in _input_slopes(source, run, layer, start):
            at = sum(count(model, other) for other in INSIDE[: INSIDE.index(site)])
            add_change(slopes, column + at + units[0], layer)
            through += slopes.sum(0)
        column += sum(count(model, site) for site in INSIDE)
        between, after = run.residual_slope[layer] - through, run.residual_slope[layer + 1]
        add_change((between - after)[None], column, layer, heads_too=True)
        column += 1
        apart += _apart(model, run, layer, (between, after))
    add_change(run.residual_slope[-1][None], column, model.n_layers)
    return apart


def _input_slopes(source: Recording, run: Gradients, layer: int, start: int) -> Iterator[tuple[str, list[int], Tensor]]:
    """Slopes of the metric with respect to each head's own copy of what attention reads.

    Copies of the layer's input are projected to q, k and v; each copy is differentiated through one head alone.

    Yields:
        A site, its units, and their slopes [unit, sample, position, d_model].
    """
    model, states = source.model, run.residual[layer]
    size = cells_at_once(model, source.n_samples, source.n_positions - start, source.n_positions)
    for block in split(range(model.n_heads), size):
        copies, by_site = stack(states, len(block)).detach().requires_grad_(True), []
        with torch.enable_grad():
            for site, output in _inside(source, layer, copies, Columns(source, [start], copies=len(block))).items():
                units = [unit for unit in block if unit < count(model, site)]
                values = output.reshape(len(block), *states.shape[:2], -1, model.d_head)
                picked = [
                    values[copy, :, :, unit] * run.slope[site][layer][:, :, unit] for copy, unit in enumerate(units)
                ]
                if units:
                    slopes = torch.autograd.grad(torch.stack(picked).sum(), copies, retain_graph=True)[0]
                    by_site.append((site, units, slopes.unflatten(0, (len(block), -1))[: len(units)]))
        yield from by_site


def _inside(source: Recording, layer: int, states: Tensor, columns: Columns) -> dict[str, Tensor]:
    """q, k and v of a layer for states [copies * sample, column, d_model]; nothing after them is run."""
    model, seen = source.model, {}

    def keep(site: str):
        def hook(output: Tensor) -> None:
            seen[site] = output
            if len(seen) == len(INSIDE):
                raise StopForward

        return hook

    with hooked([after(model.hook_point(site, layer), keep(site)) for site in INSIDE]):
        call_layer(source, layer, states, columns)
    return seen


def _apart(model: Model, run: Gradients, layer: int, where: tuple[Tensor, Tensor]) -> Tensor:
    """The relative error of the heads' slopes if heads write where the residual stream has these slopes, [2]."""
    true, errors = run.slope["head"][layer], []
    norm = norm_after_attention(model, layer)
    for slope in where:
        if norm is not None:
            with torch.enable_grad():
                own = projected(model, layer, run.at["head"][layer]).detach().requires_grad_(True)
                slope = torch.autograd.grad(norm(own), own, slope)[0]
        made = torch.einsum("bpm,hdm->bphd", slope, model.output_weight(layer))
        errors.append(((made - true).abs().max() / true.abs().max().clamp(min=1e-12)).cpu())
    return torch.stack(errors).float()
