"""Log-probabilities of options: what options of an item, and items of a language, share is computed once.

Three steps of one pass with a key-value cache: the ids that all items of a language begin with (solved examples), once;
then the rest of each context, many items side by side; then the options' own ids, all options side by side. Logits are
computed only where an option's ids are read.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from workbench.errors import NotFinite
from workbench.evaluation.scoring.encode import Option
from workbench.model.forward.alone import alone
from workbench.model.forward.evaluation_mode import evaluating
from workbench.model.forward.fused_attention import fused
from workbench.model.loading.cache_argument import cache_name
from workbench.model.memory import sliced, texts_at_once
from workbench.model.metrics import unembed
from workbench.model.model import Model
from workbench.text.batches import pad

_CHUNK = 256  # rows of logits in memory at once
_LEAST_STEM = 8  # ids that items must share for a step of their own


def _common(rows: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """The ids that all rows begin with."""
    first, last = min(rows), max(rows)  # in the order of texts, all others begin with what these two share
    return first[
        : next((place for place, pair in enumerate(zip(first, last, strict=False)) if pair[0] != pair[1]), len(first))
    ]


@dataclass(frozen=True)
class Group:
    """Options after the same context.

    Attributes:
        language: number of the language.
        context: ids.
        tails: distinct ids that are scored after it.
        slots: for each tail the places of its scores in the answer.
    """

    language: int
    context: tuple[int, ...]
    tails: list[tuple[int, ...]]
    slots: list[list[int]]

    @property
    def common(self) -> tuple[int, ...]:
        """Ids of the input that all tails share: the context and their common beginning."""
        return self.context + _common([tail[:-1] for tail in self.tails])


@dataclass
class _Reads:
    """States to unembed, and what is read from each: (state, id, slot)."""

    states: list[Tensor] = field(default_factory=list)
    targets: list[tuple[int, int, list[int]]] = field(default_factory=list)
    count: int = 0

    def add(self, states: Tensor, targets: Sequence[tuple[int, int, list[int]]]) -> None:
        """States [row, d_model] and (row, id, slots)."""
        self.states.append(states)
        self.targets += [(self.count + row, token, slots) for row, token, slots in targets]
        self.count += len(states)


@alone
@torch.no_grad()
def log_probabilities(
    model: Model, options: Sequence[Option], *, batch_size: int, progress: bool = False, label: str = "options"
) -> np.ndarray:
    """The summed log-probability of each option's tail after its context: [option], nats, float64.

    Args:
        model: the model; inside `edited` with its edits.
        options: their tokens; equal ones are computed once.
        batch_size: contexts side by side.
        progress: show a progress bar.
        label: of the bar.

    Raises:
        NotFinite: a log-probability is NaN or infinite.
        TooLarge: a context does not fit the memory even alone.
    """
    scores = np.zeros(len(options))
    with (
        tqdm(total=len(options), desc=label, unit="option", disable=not progress) as bar,
        fused(model),
        evaluating(model.parts),
    ):
        for stem, groups in _by_stem(_grouped(options)):
            front = _Front(model, stem)
            for batch in _batches(model, groups, len(stem), batch_size):
                _read(model, front.score(batch), scores)
                bar.update(sum(len(slots) for group in batch for slots in group.slots))
    if not np.isfinite(scores).all():
        first = options[int(np.flatnonzero(~np.isfinite(scores))[0])]
        raise NotFinite(f"{model.name!r} gives log-probabilities that are NaN or infinite, first at {first.place}")
    return scores


def _grouped(options: Sequence[Option]) -> list[Group]:
    groups: dict[tuple[int, tuple[int, ...]], Group] = {}
    for slot, option in enumerate(options):
        key = (option.place[0], option.context)
        group = groups.setdefault(key, Group(*key, [], []))
        if option.tail in group.tails:
            group.slots[group.tails.index(option.tail)].append(slot)
        else:
            group.tails.append(option.tail)
            group.slots.append([slot])
    return list(groups.values())


def _by_stem(groups: list[Group]) -> Iterator[tuple[tuple[int, ...], list[Group]]]:
    """Groups with the ids that all of a language begin with; languages that share too little come together."""
    apart: list[Group] = []
    for _, own in groupby(groups, key=lambda group: group.language):
        together = list(own)
        # The last id of the shortest context is read, so it stays outside.
        stem = _common([group.context[:-1] for group in together])
        if len(stem) < _LEAST_STEM or len(together) < 2:
            apart += together
        else:
            yield stem, together
    if apart:
        yield (), apart


def _batches(model: Model, groups: list[Group], stem: int, batch_size: int) -> Iterator[list[Group]]:
    """Groups of about equal length; after a stem of equal length, because padding between the two would shift windows.

    A layer with a sliding window counts columns, so only padding in front of everything leaves it as it is.
    """
    ordered = sorted(groups, key=lambda group: len(group.common))
    runs = [list(run) for _, run in groupby(ordered, key=lambda g: len(g.common))] if stem else [ordered]
    most = max(len(group.tails) for group in groups)
    for run in runs:
        lengths = [len(group.common) + max(map(len, group.tails)) for group in run]
        start = 0
        for size in sliced(
            np.maximum.accumulate(lengths).tolist(), batch_size, lambda n: max(1, texts_at_once(model, n) // most)
        ):
            yield run[start : start + size]
            start += size


class _Front:
    """The ids that several contexts begin with, run once."""

    def __init__(self, model: Model, stem: tuple[int, ...]):
        self.model, self.stem = model, stem
        self.cached = model.abilities.get("generate", True)
        if stem and self.cached:
            self.cache = _new_cache()
            ids = torch.tensor([stem], device=model.device)
            _advance(model, ids, torch.ones_like(ids), self.cache)

    def score(self, groups: list[Group]) -> _Reads:
        """What is to be read for some groups: the context side by side, then the options."""
        if not self.cached:
            self.model.warn_slow("generate")
            return _whole(self.model, groups)
        model, width = self.model, len(self.stem)
        ids, mask = pad([group.common[width:] for group in groups], model.pad_id, "left")
        ids, mask = ids.to(model.device), mask.to(model.device)
        cache = _new_cache()
        if width:
            cache = _copied(self.cache, torch.zeros(len(groups), dtype=torch.long, device=model.device))
            mask = torch.cat([mask.new_ones(len(groups), width), mask], 1)
        states = _advance(model, ids, mask, cache)
        reads = _Reads()
        later: list[tuple[int, tuple[int, ...], int, list[int]]] = []  # row, tail, ids of it read before, slots
        for row, group in enumerate(groups):
            spare = len(group.common) - len(group.context)  # ids of the tails that all share
            targets = []
            for tail, slots in zip(group.tails, group.slots, strict=True):
                targets += [(place, token, slots) for place, token in enumerate(tail[: spare + 1])]
                if len(tail) > spare + 1:
                    later.append((row, tail, spare, slots))
            reads.add(states[row, states.shape[1] - spare - 1 :], targets)
        if later:
            self._options(later, mask, cache, reads)
        return reads

    def _options(
        self, later: list[tuple[int, tuple[int, ...], int, list[int]]], mask: Tensor, cache: Any, reads: _Reads
    ):
        """Run the options' own ids, all options side by side, after the contexts in the cache."""
        model = self.model
        rows = torch.tensor([row for row, *_ in later], device=model.device)
        ids, own = (
            part.to(model.device) for part in pad([tail[spare:-1] for _, tail, spare, _ in later], model.pad_id)
        )
        cache.batch_select_indices(rows)
        states = _advance(model, ids, torch.cat([mask[rows], own], 1), cache)
        for number, (_, tail, spare, slots) in enumerate(later):
            wanted = tail[spare + 1 :]
            reads.add(states[number, : len(wanted)], [(i, token, slots) for i, token in enumerate(wanted)])


def _whole(model: Model, groups: list[Group]) -> _Reads:
    """The plain way, for models whose cache is not exact: every option with its whole context."""
    rows = [(group, tail, slots) for group in groups for tail, slots in zip(group.tails, group.slots, strict=True)]
    ids, mask = (part.to(model.device) for part in pad([(*g.context, *tail)[:-1] for g, tail, _ in rows], model.pad_id))
    states = _advance(model, ids, mask, None)
    reads = _Reads()
    for row, (group, tail, slots) in enumerate(rows):
        start = len(group.context) - 1
        targets = [(place, token, slots) for place, token in enumerate(tail)]
        reads.add(states[row, start : start + len(tail)], targets)
    return reads


def _advance(model: Model, ids: Tensor, mask: Tensor, cache: Any) -> Tensor:
    """Normed final states of new ids [row, position] after what the cache has; the mask covers both."""
    places = {name: values[:, -ids.shape[1] :] for name, values in model.positions(mask).items()}
    base = model.module.base_model
    more = {"use_cache": False} if cache is None else {"use_cache": True, cache_name(base.forward): cache}
    return base(input_ids=ids, attention_mask=mask, **places, **more).last_hidden_state


def _new_cache() -> Any:
    from transformers import DynamicCache

    return DynamicCache()  # without a config, sliding layers keep every position too


def _copied(cache: Any, rows: Tensor) -> Any:
    """Some rows of a cache as a new one."""
    new = _new_cache()
    for number, layer in enumerate(cache.layers):
        new.update(layer.keys[rows], layer.values[rows], number)
    return new


def _read(model: Model, reads: _Reads, scores: np.ndarray) -> None:
    """Add the log-probability of each id to the scores of its slots."""
    hidden = torch.cat(reads.states)
    states, tokens = (torch.tensor([target[i] for target in reads.targets], device=hidden.device) for i in (0, 1))
    values = torch.empty(len(tokens), dtype=torch.float32, device=hidden.device)
    for start in range(0, len(hidden), _CHUNK):
        logits = unembed(model, hidden[start : start + _CHUNK]).float()
        inside = (states >= start) & (states < start + len(logits))
        local = states[inside] - start
        values[inside] = logits[local, tokens[inside]] - logits.logsumexp(1)[local]
    for value, (_, _, slots) in zip(values.double().cpu().tolist(), reads.targets, strict=True):
        scores[slots] += value
