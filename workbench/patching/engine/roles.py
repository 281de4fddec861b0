"""Pairs aligned by token role: the source's subject goes where the target's subject is, whatever their positions."""

from collections.abc import Sequence

import torch
from torch import Tensor

from workbench.errors import BadPairs
from workbench.model.forward.recording import Recording
from workbench.model.forward.rerun import run_from_layer
from workbench.model.metrics import Metric
from workbench.patching.engine.cells import Cells, read
from workbench.patching.engine.layer_sites import PLACES, Inside
from workbench.patching.engine.prompts import Prompts, label

SIDES = ("source", "target")


def role_columns(prompts: Prompts) -> tuple[list[str], dict[str, list[list[int]]]]:
    """The roles that all pairs have, and where they stand, counted from the end (-1 is the last token).

    A role "subject" stands at one position in both prompts of its pair; where the prompts differ, "source:subject" and
    "target:subject" say where it stands in each. Negative positions count from the end.

    Returns:
        roles in the order of the first pair; for `source` and `target`, positions [pair][role].

    Raises:
        BadPairs: a pair has no roles, no role is in all pairs, or a role stands outside its prompt.
    """
    found: list[dict[str, tuple[int, int]]] = []
    for row, pair in enumerate(prompts.pairs):
        given = pair.roles or {}
        names = list(dict.fromkeys(name.partition(":")[2] or name for name in given))
        places = {}
        for name in names:
            one = [given.get(f"{side}:{name}", given.get(name)) for side in SIDES]
            if None in one:
                raise BadPairs(f"{label(prompts.pairs, row)}: role {name!r} stands in one prompt only")
            ids = (prompts.source[row], prompts.target[row])
            places[name] = tuple(
                _from_end(prompts, row, name, side, position, len(tokens))
                for side, position, tokens in zip(SIDES, one, ids, strict=True)
            )
        if not places:
            raise BadPairs(
                f"{label(prompts.pairs, row)} has no roles; a sweep over roles needs them, for example "
                '{"source:subject": 3, "target:subject": 4, "last": -1}'
            )
        found.append(places)
    shared = [name for name in found[0] if all(name in places for places in found)]
    if not shared:
        raise BadPairs("no role is in all pairs; name the same roles in each, such as subject and last")
    return shared, {
        side: [[places[name][number] for name in shared] for places in found] for number, side in enumerate(SIDES)
    }


def _from_end(prompts: Prompts, row: int, name: str, side: str, position: int | None, length: int) -> int:
    assert position is not None
    if not -length <= position < length:
        raise BadPairs(
            f"{label(prompts.pairs, row)}: role {name!r} stands at {position}, outside the {side} prompt, which has "
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
    inside = Inside(source, target, site) if site in PLACES else None
    for layer in range(target.model.n_layers):
        at = layer + (site != "residual")
        acts = inside.activations(layer) if inside else (source.residual[at], target.residual[at])
        for role in range(ours.shape[1]):
            put, place = acts[0][rows, theirs[:, role]], ours[:, role]
            changed = (put != acts[1][rows, place]).flatten(1).any(1)
            if not changed.any():
                yield layer, [role], None, None
                continue
            values = put if inside is None else _behind(inside, layer, acts[1], put, rows, place)
            start = int(place.min())
            states = target.residual[at][:, start:].clone()
            states[rows, place - start] = values
            states = run_from_layer(inside.following if inside else target, at, states, start=start, last=metric.last)
            yield layer, [role], read(target, metric, states), changed[None]


def _behind(inside: Inside, layer: int, own: Tensor, put: Tensor, rows: Tensor, place: Tensor) -> Tensor:
    """The layer's output where an activation inside it was exchanged: [sample, d_model]."""
    exchanged = own.clone()
    exchanged[rows, place] = put
    inside.ever_differed = True
    return inside.run(layer, [0], exchanged)[0][rows, place]
