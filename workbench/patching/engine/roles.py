"""Pairs aligned by token role: the source's subject goes where the target's subject is, whatever their positions."""

from collections.abc import Sequence

import torch
from torch import Tensor

from workbench.errors import BadPairs
from workbench.model.forward.recording import Recording
from workbench.model.forward.rerun import run_from_layer
from workbench.model.metrics import Metric
from workbench.patching.engine.cells import Cells, read
from workbench.patching.engine.layer_sites import SITE_KINDS, LayerPatch
from workbench.patching.engine.prompts import Prompts, label

SIDES = ("source", "target")


def role_columns(prompts: Prompts) -> tuple[list[str], dict[str, list[list[int]]]]:
    """The roles that all pairs have, and their positions, counted from the end (-1 is the last token).

    A role "subject" is at one position in both prompts of its pair; where the prompts differ, "source:subject" and
    "target:subject" give its position in each. Negative positions count from the end.

    Returns:
        roles in the order of the first pair; for `source` and `target`, positions [pair][role].

    Raises:
        BadPairs: a pair has no roles, no role is in all pairs, or a role lies outside its prompt.
    """
    columns_of_pairs: list[dict[str, tuple[int, int]]] = []
    for row, pair in enumerate(prompts.pairs):
        given = pair.roles or {}
        names = list(dict.fromkeys(name.partition(":")[2] or name for name in given))
        places = {}
        for name in names:
            both = [given.get(f"{side}:{name}", given.get(name)) for side in SIDES]
            if None in both:
                raise BadPairs(f"{label(prompts.pairs, row)}: role {name!r} is in one prompt only")
            ids = (prompts.source[row], prompts.target[row])
            places[name] = tuple(
                _from_end(prompts, row, name, side, position, len(tokens))
                for side, position, tokens in zip(SIDES, both, ids, strict=True)
            )
        if not places:
            raise BadPairs(
                f"{label(prompts.pairs, row)} has no roles; a sweep over roles needs them, for example "
                '{"source:subject": 3, "target:subject": 4, "last": -1}'
            )
        columns_of_pairs.append(places)
    shared = [name for name in columns_of_pairs[0] if all(name in places for places in columns_of_pairs)]
    if not shared:
        raise BadPairs("no role is in all pairs; name the same roles in each, such as subject and last")
    return shared, {
        side: [[places[name][number] for name in shared] for places in columns_of_pairs]
        for number, side in enumerate(SIDES)
    }


def _from_end(prompts: Prompts, row: int, name: str, side: str, position: int | None, length: int) -> int:
    assert position is not None
    if not -length <= position < length:
        raise BadPairs(
            f"{label(prompts.pairs, row)}: role {name!r} is at {position}, outside the {side} prompt, which has "
            f"{length} tokens (0 to {length - 1}, or -{length} to -1)"
        )
    return position if position < 0 else position - length


@torch.no_grad()
def roles(
    source: Recording, target: Recording, metric: Metric, site: str, given: Sequence[Sequence[int]], own: Sequence
) -> Cells:
    """Every layer and role; `given` and `own` are the positions from the end in both runs, [sample][role]."""
    rows = torch.arange(target.n_samples, device=target.batch.ids.device)
    theirs = torch.tensor(given, device=rows.device) + source.n_positions
    ours = torch.tensor(own, device=rows.device) + target.n_positions
    patch = LayerPatch(source, target, site) if site in SITE_KINDS else None
    for layer in range(target.model.n_layers):
        at = layer + (site != "residual")
        acts = patch.activations(layer) if patch else (source.residual[at], target.residual[at])
        for role in range(ours.shape[1]):
            patched, place = acts[0][rows, theirs[:, role]], ours[:, role]
            changed = (patched != acts[1][rows, place]).flatten(1).any(1)
            if not changed.any():
                yield layer, [role], None, None
                continue
            values = patched if patch is None else _output_with(patch, layer, acts[1], patched, rows, place)
            start = int(place.min())
            states = target.residual[at][:, start:].clone()
            states[rows, place - start] = values
            states = run_from_layer(patch.following if patch else target, at, states, start=start, last=metric.last)
            yield layer, [role], read(target, metric, states), changed[None]


def _output_with(patch: LayerPatch, layer: int, own: Tensor, patched: Tensor, rows: Tensor, place: Tensor) -> Tensor:
    """The layer's output at the position where an activation inside it was patched: [sample, d_model]."""
    exchanged = own.clone()
    exchanged[rows, place] = patched
    patch.ever_differed = True
    return patch.run(layer, [0], exchanged)[0][rows, place]
