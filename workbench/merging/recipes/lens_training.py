"""Lens: train the last layers so that languages share what they have in common and part in their own subspace."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from torch import Tensor
from tqdm.auto import tqdm

from workbench.arguments import finite, whole_number
from workbench.errors import BadArgument, BadResult, NotFinite
from workbench.model.model import Model
from workbench.results.reading.directions import read_basis
from workbench.text.batches import Batch, Encoded, collate

TERMS: tuple[str, ...] = ("retain", "align", "separate")


@dataclass(frozen=True)
class LensTraining:
    """All hyperparameters of `lens`, by default those of the released code.

    Attributes:
        retain: weight of the term that keeps the pivot's states those of the frozen model.
        align: weight of the term that brings the common part of each language's states to that of the pivot's.
        separate: weight of the term that moves the part in the subspace of languages by the language's shift.
        strength: what the shift is multiplied by.
        rate: highest learning rate of AdamW.
        warmup: share of the steps in which the rate rises linearly; it then falls as a cosine.
        decay: weight decay.
        rows: of a step.
        epochs: how often each row is read.
    """

    retain: float = 1.0
    align: float = 1.0
    separate: float = 1.0
    strength: float = 1.0
    rate: float = 1e-5
    warmup: float = 0.05
    decay: float = 0.1
    rows: int = 8
    epochs: int = 1

    def __post_init__(self) -> None:
        for name in TERMS:
            finite(name, getattr(self, name), at_least=0)
        finite("strength", self.strength)
        finite("rate", self.rate, above=0)
        finite("warmup", self.warmup, at_least=0, below=1)
        finite("decay", self.decay, at_least=0)
        for name in ("rows", "epochs"):
            whole_number(name, getattr(self, name), at_least=1)

    @property
    def weights(self) -> dict[str, float]:
        """The weight of each term."""
        return {name: getattr(self, name) for name in TERMS}

    def factor(self, step: int, steps: int) -> float:
        """Factor on the learning rate of a step, from 0."""
        rising = self.warmup * steps
        if step + 1 < rising:
            return (step + 1) / rising
        return 0.5 * (1 + math.cos(math.pi * max(0.0, step - rising) / max(1.0, steps - rising)))


@dataclass(frozen=True)
class NormedSpace:
    """A subspace of the residual stream after the last layer, as the final norm's output has it.

    A norm divides each state by its size; the mean size of the states stands for that of each.

    Attributes:
        basis: orthonormal rows, [component, d].
        common: the direction that languages share, of length 1 and orthogonal to the basis, [d].
        shift: of each language from the pivot in the basis' span, [language, d].
    """

    basis: Tensor
    common: Tensor
    shift: dict[str, Tensor]

    @classmethod
    def of(cls, model: Model, subspace: xr.Dataset, pivot: str) -> NormedSpace:
        """Carry the last layer of what `wb.steering.subspace` returned through the final norm.

        Its own shifts may start from another language, or from a mean of several; these are of its means.

        Raises:
            BadArgument: the pivot is not among its languages.
            BadResult: it has no basis of this model.
            UnsupportedSite: the final norm does more than scale.
        """
        needed = {"basis": ("layer", "component", "d"), "agnostic": ("layer", "d"), "mean": ("language", "layer", "d")}
        for name, axes in needed.items():
            if name not in subspace or set(subspace[name].dims) != set(axes):
                raise BadResult(f"subspace has no {name}[{', '.join(axes)}]; give what wb.steering.subspace returned")
        read_basis(subspace, model.n_layers, model.d_model, model=model.info)  # refuses one of another model
        names = subspace["language"].to_numpy().tolist()
        if pivot not in names:
            raise BadArgument(f"pivot={pivot!r} is no language of the subspace (has: {', '.join(names)})")
        last = subspace.isel(layer=-1)
        vectors = {name: last[name].transpose(..., "d").values.astype(np.float64) for name in needed}
        if not all(np.isfinite(values).all() for values in vectors.values()):
            raise BadResult("subspace has numbers that are NaN or infinite")
        scale, centred = model.norm_scale()
        length = (
            float(last["residual_norm"])
            if "residual_norm" in last
            else float(np.linalg.norm(last["mean"], axis=-1).mean())
        )

        def carried(values: np.ndarray) -> np.ndarray:
            values = values - values.mean(-1, keepdims=True) if centred else values
            return values * scale.cpu().double().numpy() / (length / math.sqrt(model.d_model))

        rows = vectors["basis"][np.linalg.norm(vectors["basis"], axis=1) > 0]
        basis = np.linalg.qr(carried(rows).T)[0].T
        common = carried(vectors["agnostic"])
        common = common - common @ basis.T @ basis
        moved = vectors["mean"] - vectors["mean"][names.index(pivot)]
        shift = carried(moved @ rows.T @ rows) @ basis.T @ basis

        def made(values: np.ndarray) -> Tensor:
            return torch.as_tensor(values, dtype=torch.float32, device=model.device)

        return cls(
            made(basis), made(common / max(1e-30, np.linalg.norm(common))), dict(zip(names, made(shift), strict=True))
        )

    def inside(self, states: Tensor) -> Tensor:
        """The part of states [row, d] in the subspace of languages."""
        return states @ self.basis.T @ self.basis

    def shared(self, states: Tensor) -> Tensor:
        """Their part along the common direction."""
        return (states @ self.common)[:, None] * self.common


def pooled(model: Model, batch: Batch) -> Tensor:
    """Mean over the counted tokens of the states after the final norm, [row, d]."""
    weight = batch.counted / batch.counted.sum(1, keepdim=True)
    return torch.einsum("rp,rpd->rd", weight.to(model.dtype), model.states(batch)).float()


def terms(
    states: Tensor, frozen: Tensor, languages: Sequence[str], pivot: int, space: NormedSpace, strength: float
) -> dict[str, Tensor]:
    """The three terms of one row of texts that say the same, each a mean squared difference.

    Args:
        states: of the model that is trained, [language, d].
        frozen: the pivot's of the model before training, [d].
        languages: of the states.
        pivot: its place among them.
        space: the subspace.
        strength: what the shifts are multiplied by.
    """
    others = [place for place in range(len(languages)) if place != pivot]
    goal = space.inside(frozen[None]) + strength * torch.stack([space.shift[languages[place]] for place in others])
    return {
        "retain": (states[pivot] - frozen).square().mean(),
        "align": (space.shared(states[others]) - space.shared(states[pivot][None])).square().mean(),
        "separate": (space.inside(states[others]) - goal).square().mean(),
    }


def train(
    model: Model,
    encoded: Mapping[int, list[Encoded]],
    pivot: str,
    space: NormedSpace,
    trainable: Sequence[Tensor],
    recipe: LensTraining,
    *,
    seed: int,
    progress: bool,
) -> list[dict[str, float]]:
    """Train parameters of a model in place.

    Args:
        model: in float32; only `trainable` require a gradient.
        encoded: row to the text of each language.
        pivot: the language that stays in place.
        space: the subspace.
        trainable: the parameters.
        recipe: hyperparameters.
        seed: of the order of rows.
        progress: show a bar.

    Returns:
        The terms and the rate's factor of every step.

    Raises:
        NotFinite: a loss is NaN or infinite; names the step.
    """
    batches = {row: collate(texts, model.pad_id).to(model.device) for row, texts in encoded.items()}
    places = {row: batch.languages.index(pivot) for row, batch in batches.items()}
    with torch.no_grad():
        frozen = {row: pooled(model, batch)[places[row]] for row, batch in batches.items()}
    optimizer = torch.optim.AdamW(list(trainable), lr=recipe.rate, weight_decay=recipe.decay)
    generator, order = np.random.default_rng(seed), []
    for _ in range(recipe.epochs):
        order += generator.permutation(list(batches)).tolist()
    steps = math.ceil(len(order) / recipe.rows)
    history = []
    for step in tqdm(range(steps), desc="training", unit="step", disable=not progress):
        rows = order[step * recipe.rows : (step + 1) * recipe.rows]
        sums: dict[str, float] = dict.fromkeys(TERMS, 0.0)
        for row in rows:
            parts = terms(
                pooled(model, batches[row]), frozen[row], batches[row].languages, places[row], space, recipe.strength
            )
            loss = torch.stack([recipe.weights[name] * part for name, part in parts.items()]).sum() / len(rows)
            if not bool(torch.isfinite(loss)):
                raise NotFinite(f"the loss of step {step + 1} is {float(loss)}; try a lower rate than {recipe.rate:g}")
            loss.backward()
            sums = {name: sums[name] + float(part.detach()) / len(rows) for name, part in parts.items()}
        factor = recipe.factor(step, steps)
        for group in optimizer.param_groups:
            group["lr"] = recipe.rate * factor
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        history.append({"step": step + 1, **sums, "rate": factor})
    return history


def check_languages(languages: Sequence[str], pivot: str, space: NormedSpace) -> None:
    """Refuse a pivot that is not among the texts, and texts in a language that has no shift.

    Raises:
        BadArgument: names the language.
    """
    if pivot not in languages or len(languages) < 2:
        raise BadArgument(
            f"pivot={pivot!r} with texts in {', '.join(languages)}; give texts in it and in another language"
        )
    if missing := [language for language in languages if language not in space.shift]:
        raise BadArgument(f"subspace has no shift of {', '.join(missing)} (has: {', '.join(space.shift)})")
