"""Transfer: two conflicting facts in two languages; which is answered with one language's heads scaled?"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
import xarray as xr
from tqdm.auto import tqdm

from workbench.arguments import checked, finite, whole_number
from workbench.errors import BadArgument, BadPairs
from workbench.heads.groups import chosen_heads, random_groups
from workbench.heads.use.tasks import EncodedTasks, encode_tasks
from workbench.model.batching import texts_per_batch
from workbench.model.edits import edited
from workbench.model.forward.alone import alone
from workbench.model.model import Model
from workbench.results.interval_ends import interval_ends
from workbench.results.make import Variables, make_result
from workbench.results.resuming.progress import resumed
from workbench.results.statistics import corrected, interval, p_value
from workbench.text.characters import plain
from workbench.text.clusters import numbered
from workbench.text.corpus import digest
from workbench.text.tasks.questions import Question

_CELLS = ("scale",)


@checked
@alone
def transfer(
    model: Model,
    conflicts: Sequence[Mapping[str, str]],
    *,
    heads: Iterable[Sequence[int]],
    scales: Sequence[float] = (0.0, 3.0),
    controls: int = 5,
    level: float = 0.95,
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
) -> xr.Dataset:
    """Cross-lingual attention transfer (arXiv 2511.07498): do a language's heads carry what was stated in it?

    A prompt states one fact in the language of the heads and a conflicting one in another language, then asks. The
    preference is the loss of the other answer less that of the own one (per token): above 0 the model prefers the
    answer that was stated in the heads' language. It is measured with the heads unchanged, at each scale, and at the
    same scales for random heads of the same layers.

    Args:
        model: the model.
        conflicts: dicts with `prompt`, `own` (the answer that the heads' language stated) and `other`.
        heads: (layer, head) pairs, such as `top(scores, share=0.01)["de"]`, or a mask.
        scales: what their outputs are multiplied by; the paper scales by 3 or zeroes.
        controls: random sets of heads, from 1; where a layer has too few other heads, some of the chosen are used.

    Returns:
        `preference[scale]`, nats per token, mean over questions, with `low`, `high`; `own_share[scale]`, the share of
        questions whose own answer is preferred; `moved[scale]`, the change of the preference against scale 1, less the
        mean change with random heads, with `moved_low`, `moved_high` and `p_value` (t-test over distinct questions,
        corrected; NaN at scale 1); `control_shift[control, scale]`, each random set's change; `sample_preference[scale,
        sample]`. Scale 1 is first.

    Raises:
        BadArgument: an option out of range, no heads, or a head that does not exist.
        BadPairs: fewer than two conflicts, or one without prompt, own or other.

    Example:
        >>> facts = [{"prompt": "Anna wohnt in Rom. Anna lives in Oslo. Anna:", "own": " Rom", "other": " Oslo"}] * 2
        >>> wb.heads.transfer(model, facts, heads=[(2, 1)]).moved                                # doctest: +SKIP
    """
    whole_number("controls", controls, at_least=1)
    wanted = [finite("scales", scale) for scale in scales]
    if not wanted or 1.0 in wanted:
        raise BadArgument(f"scales={scales!r}; give finite numbers other than 1, which is always measured")
    size = texts_per_batch(batch_size)
    model.require("head")
    chosen = chosen_heads(heads, model.n_layers, model.n_heads)
    own, other = (_encoded(model, conflicts, name) for name in ("own", "other"))
    sets = [chosen, *random_groups("transfer", chosen, controls, seed=seed)]
    unscaled = _preference(own, other, np.ones(chosen.shape), size)
    scaled = np.empty((len(sets), len(wanted), len(unscaled)))
    with tqdm(total=len(sets) * len(wanted), desc="transfer", unit="run", disable=not progress) as bar:
        for i in resumed(range(len(sets)), {"found": scaled}, skip=lambda _: bar.update(len(wanted))):
            for j, scale in enumerate(wanted):
                scaled[i, j] = _preference(own, other, np.where(sets[i], scale, 1.0), size)
                bar.update()
    clusters = numbered(plain(conflict["prompt"]) for conflict in conflicts)
    measured = {"heads": np.argwhere(chosen).tolist(), "controls": controls}
    questions = {"questions": len(unscaled), "hash": digest([dict(conflict) for conflict in conflicts])}
    return make_result(
        _variables(unscaled, scaled, clusters, level, seed),
        {"scale": [1.0, *wanted]},
        method="heads.transfer",
        owners={"preference": ["low", "high"], "moved": ["p_value"]},
        parameters={**measured, "level": level, "batch_size": size, "conflicts": questions},
        model=model.info,
        seed=seed,
    )


def _variables(unscaled: np.ndarray, scaled: np.ndarray, clusters: np.ndarray, level: float, seed: int) -> Variables:
    """The Result's variables, from preferences [question] and [set, scale, question], the first set being the heads."""
    values = np.concatenate([unscaled[None], scaled[0]])  # [scale, question]
    changes = np.concatenate([np.zeros((len(scaled), 1, len(unscaled))), scaled - unscaled], 1)
    shift = changes[0] - changes[1:].mean(0)
    how = {"axis": 1, "clusters": clusters}
    bounds, of_shift = (interval(samples, level=level, seed=seed, **how) for samples in (values, shift))
    p = np.append(np.nan, corrected(p_value(shift[1:], **how)))  # scale 1 is what the others are compared with
    return {
        "preference": (_CELLS, values.mean(1), "loss of the other answer less that of the own one [nats]"),
        **interval_ends(_CELLS, bounds, "preference over questions [nats]", level=level),
        "own_share": (_CELLS, (values > 0).mean(1), "share of questions whose own answer is preferred"),
        "moved": (_CELLS, shift.mean(1), "change of the preference beyond that of random heads [nats]"),
        **interval_ends(_CELLS, of_shift, "moved over questions [nats]", level=level, name="moved"),
        "p_value": (_CELLS, p, "p-value that moved is 0, corrected"),
        "control_shift": (("control", "scale"), changes[1:].mean(2), "change with each set of random heads [nats]"),
        "sample_preference": (("scale", "sample"), values, "preference of each question [nats]"),
    }


def _encoded(model: Model, conflicts: Sequence[Mapping[str, str]], name: str) -> EncodedTasks:
    if len(conflicts) < 2:
        raise BadPairs(f"{len(conflicts)} conflicts; an interval takes at least two")
    for number, conflict in enumerate(conflicts):
        for field in ("prompt", name):
            value: Any = conflict.get(field) if isinstance(conflict, Mapping) else None
            if not isinstance(value, str) or not value.strip():
                raise BadPairs(f"conflict {number} has no {field}; each needs text in prompt, own and other")
    return encode_tasks(model, [Question(conflict["prompt"], conflict[name]) for conflict in conflicts])


@torch.no_grad()
def _preference(own: EncodedTasks, other: EncodedTasks, scales: np.ndarray, size: int) -> np.ndarray:
    """Loss of the other answer less that of the own one: [question]."""
    rows, parts = range(len(own.ids)), []
    with edited(own.model, heads=torch.from_numpy(scales)):
        for start in rows[::size]:
            part = rows[start : start + size]
            parts.append((other.losses(part)[0] - own.losses(part)[0]).double().cpu().numpy())
    return np.concatenate(parts)
