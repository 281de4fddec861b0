"""Soft mask: train a factor for each of a few heads, and nothing else (arXiv 2511.07498)."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor
from tqdm.auto import tqdm

from workbench.arguments import checked, finite, whole_number
from workbench.errors import BadArgument, Interrupted, NotFinite
from workbench.heads.groups import chosen_heads, random_groups
from workbench.heads.use.tasks import EncodedTasks, encode_tasks
from workbench.model.batching import texts_per_batch
from workbench.model.edits import edited
from workbench.model.forward.alone import alone, alone_inside
from workbench.model.forward.optimizer import adam_state
from workbench.model.gradients import frozen
from workbench.model.hooks import before, hooked
from workbench.model.model import Model
from workbench.results.interval_ends import interval_ends
from workbench.results.make import Variables, make_result
from workbench.results.resuming.progress import resumed
from workbench.results.statistics import corrected, interval, p_value
from workbench.text.characters import plain
from workbench.text.clusters import numbered
from workbench.text.corpus import digest
from workbench.text.tasks.questions import read_tasks

_CONDITIONS = ("none", "tuned", "random")


# Long: the options of the split, the training and the test are the method's own.
@checked
@alone
def tune_mask(
    model: Model,
    tasks: Any,
    *,
    heads: Iterable[Sequence[int]],
    epochs: int = 2,
    rate: float = 1e-2,
    decay: float = 0.0,
    held_out: float = 0.5,
    controls: int = 3,
    level: float = 0.95,
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
) -> xr.Dataset:
    """Train the mask entries of chosen heads on the loss of answers, and measure on questions that were not trained on.

    Each chosen head's output is multiplied by a number that starts at 1 and is moved by AdamW against the mean loss of
    the answers' tokens; all weights and all other entries stay as they are. The same is done for `controls` random sets
    of as many heads in each layer, to separate what these heads can learn from what any few numbers can.

    Args:
        model: the model; it is not changed.
        tasks: `Pairs`, questions, or a file; see `tasks.read_tasks`.
        heads: (layer, head) pairs to tune, or a [layer, head] mask; the paper takes the top 2 %.
        epochs: passes over the training questions.
        rate: AdamW's learning rate.
        decay: AdamW's weight decay of the chosen entries; entries that are not chosen are never touched.
        held_out: share of the questions to measure on, drawn by seed.
        controls: random sets of heads, from 1; where a layer has too few other heads, some of the chosen are used.
        batch_size: questions of a step; `"auto"` is 8. It changes the training.
        seed: of the split, the order and the random sets.

    Returns:
        `mask[layer, head]`, 1 where not chosen; `chosen[layer, head]`. On held-out questions: `accuracy[condition]`
        for none, tuned and random (mean of the controls), the share whose tokens all come first, with `low`, `high`
        over questions; `loss[condition]`, nats per answer token; `gain[against]`, tuned accuracy less that of none and
        of random, `gain_low`, `gain_high`, `p_value` (paired t-test over distinct questions, corrected); the same for
        the fall of the loss: `saved[against]`, `saved_low`, `saved_high`, `saved_p`; `correct` and
        `sample_loss[condition, sample]`; `random_accuracy` and `random_loss[control]`; `train_loss[step]`.

    Raises:
        BadArgument: an option out of range, no heads, a head that does not exist, fewer than four questions.
        BadPairs: questions without answers.
        UnsupportedSite: edits of head outputs do not work in this architecture.
        NotFinite: the loss became NaN or infinite; a smaller rate may help.
        Interrupted: Ctrl-C; `partial` holds the mask, if it was trained, without accuracies.

    Source:
        arXiv 2511.07498, section 6: AdamW, 1e-2, 2 epochs of 200 questions, about 20 numbers.

    Example:
        >>> pairs = wb.translation_pairs(wb.load_words(), source="de", target="fr")              # doctest: +SKIP
        >>> result = wb.heads.tune_mask(model, pairs, heads=[(2, 1), (4, 0)])                    # doctest: +SKIP
        >>> wb.heads.save_mask(result, "de-fr.json")                                             # doctest: +SKIP
    """
    for name, value in (("epochs", epochs), ("controls", controls)):
        whole_number(name, value, at_least=1)
    finite("rate", rate, above=0)
    finite("decay", decay, at_least=0)
    finite("held_out", held_out, above=0, below=1)
    training = {"epochs": epochs, "rate": rate, "decay": decay}
    testing = {"held_out": held_out, "controls": controls, "level": level}
    size = texts_per_batch(batch_size, auto=8)
    model.require("head")
    shape = (model.n_layers, model.n_heads)
    chosen = chosen_heads(heads, *shape)
    questions = read_tasks(tasks)
    own = numbered(plain(question.prompt) for question in questions)
    train, test = _split(own, held_out, seed)
    encoded = encode_tasks(model, questions)
    parameters = {"heads": np.argwhere(chosen).tolist(), **training, **testing, "batch_size": size}
    sets = [chosen, *random_groups("mask", chosen, controls, seed=seed)]
    trained: list[tuple[Tensor, list[float]]] = []  # the mask of each set, and the loss of each step

    recorded = {"questions": len(questions), "hash": digest([[q.prompt, q.answer] for q in questions])}

    def result(variables: Variables) -> xr.Dataset:
        mask, curve = trained[0] if trained else (torch.ones(shape), [])
        return make_result(
            {
                "mask": (("layer", "head"), mask, "factor of the head's output"),
                "chosen": (("layer", "head"), chosen, "whether the factor was trained"),
                "train_loss": (("step",), np.array(curve), "loss of each training step [nats]"),
                **variables,
            },
            {"condition": list(_CONDITIONS), "against": ["none", "random"]},
            method="heads.tune_mask",
            owners={"accuracy": ["low", "high"], "gain": ["p_value"]},
            parameters={**parameters, "tasks": recorded},
            model=model.info,
            seed=seed,
            attrs={"trained_on": len(train), "held_out": len(test)},
        )

    try:
        with tqdm(total=len(sets) * epochs, desc="soft mask", unit="epoch", disable=not progress) as bar:
            for group in sets:
                trained.append(_train(encoded, train, group, **training, size=size, seed=seed, bar=bar))
        measured = [_measure(encoded, test, mask, size) for mask, _ in ((torch.ones(shape), []), *trained)]
    except KeyboardInterrupt:
        raise Interrupted("interrupted; .partial holds the mask of the chosen heads", partial=result({})) from None
    return result(_variables(measured, own[test], level, seed))


def _split(clusters: np.ndarray, held_out: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows to train on and rows to measure on; all copies of a question, one cluster [question], are on one side."""
    distinct = int(clusters.max()) + 1
    if distinct < 4:
        raise BadArgument(
            f"{distinct} different questions cannot be split into training and held-out ones; give at least 4"
        )
    order = np.random.default_rng(seed).permutation(distinct)
    cut = min(len(order) - 2, max(2, round((1 - held_out) * len(order))))
    train = np.concatenate([np.flatnonzero(clusters == question) for question in order[:cut]])
    return train, np.flatnonzero(np.isin(clusters, order[cut:]))


def _train(
    encoded: EncodedTasks,
    rows: np.ndarray,
    chosen: np.ndarray,
    *,
    epochs: int,
    rate: float,
    decay: float,
    size: int,
    seed: int,
    bar: Any,
) -> tuple[Tensor, list[float]]:
    """The mask [layer, head] after training, and the loss of each step."""
    model = encoded.model
    places = torch.from_numpy(np.argwhere(chosen)).to(model.device).unbind(1)
    entries = torch.nn.Parameter(torch.ones(len(places[0]), device=model.device))  # AdamW trains nothing else
    optimizer = torch.optim.AdamW([entries], lr=rate, weight_decay=decay)
    base = torch.ones(chosen.shape, device=model.device)
    generator, curve = np.random.default_rng([seed, 1]), []
    state = {**adam_state(optimizer, entries=entries), "generator": generator, "curve": curve}
    for _ in resumed(range(epochs), state, skip=lambda _: bar.update()):
        order = generator.permutation(rows)
        for start in range(0, len(order), size):
            with torch.enable_grad(), masked(model, base.index_put(places, entries)):
                loss = encoded.losses(order[start : start + size].tolist())[0].mean()
                (slope,) = torch.autograd.grad(loss, entries)
            if not bool(torch.isfinite(slope).all()):
                raise NotFinite(f"the loss of the answers is NaN or infinite at rate={rate}; a smaller rate may help")
            entries.grad = slope
            optimizer.step()
            curve.append(float(loss.detach()))
        bar.update()
    return base.index_put(places, entries.detach()).cpu(), curve


@alone_inside
def masked(model: Model, mask: Tensor) -> Iterator[None]:
    """Inside, every head's output is multiplied by mask [layer, head], through which gradients flow."""
    rows = mask.repeat_interleave(model.d_head, 1)
    hooks = [before(model.attention_parts(i)[1], lambda z, row=row: z * row.to(z)) for i, row in enumerate(rows)]
    with hooked(hooks), frozen(model):
        yield


@torch.no_grad()
def _measure(encoded: EncodedTasks, rows: np.ndarray, mask: Tensor, size: int) -> np.ndarray:
    """Whether each question is answered, and the loss of its answer: [2, question]."""
    with edited(encoded.model, heads=mask):
        parts = [encoded.losses(rows[start : start + size].tolist()) for start in range(0, len(rows), size)]
    losses, right = (torch.cat(values).double().cpu().numpy() for values in zip(*parts, strict=True))
    return np.stack([right, losses])


def _variables(measured: list[np.ndarray], clusters: np.ndarray, level: float, seed: int) -> Variables:
    """Accuracies and losses with their intervals and tests; clusters [question] number the distinct questions."""
    random = np.stack(measured[2:])  # [control, 2, question]
    right, losses = np.stack([measured[0], measured[1], random.mean(0)], 1)  # [condition, question]
    how = {"axis": 1, "level": level, "seed": seed, "clusters": clusters}
    bounds = interval(right, **how)
    variables: Variables = {
        "accuracy": (("condition",), right.mean(1), "share of held-out questions answered"),
        **interval_ends(("condition",), bounds, "accuracy over questions", level=level),
        "loss": (("condition",), losses.mean(1), "loss of the answers on held-out questions [nats]"),
        "correct": (("condition", "sample"), right, "whether each held-out question was answered"),
        "sample_loss": (("condition", "sample"), losses, "loss of each held-out answer [nats]"),
        "random_accuracy": (("control",), random[:, 0].mean(1), "accuracy of each set of random heads"),
        "random_loss": (("control",), random[:, 1].mean(1), "loss of each set of random heads [nats]"),
    }
    others = [0, 2]
    for name, change, words, unit, p_name in (
        ("gain", right[1] - right[others], "accuracy above the other's", "", "p_value"),
        ("saved", losses[others] - losses[1], "loss below the other's", " [nats]", "saved_p"),
    ):
        axes, p = ("against",), corrected(p_value(change, axis=1, clusters=clusters))
        variables[name] = (axes, change.mean(1), f"{words}{unit}")
        variables |= interval_ends(axes, interval(change, **how), f"{name}{unit}", level=level, name=name)
        variables[p_name] = (axes, p, f"p-value that {name} is 0, corrected")
    return variables
