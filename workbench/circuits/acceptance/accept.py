"""An acceptance rule: a circuit is necessary and sufficient in every language of a family, and more than chance."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import xarray as xr

from workbench.arguments import checked, finite, one_of, whole_number
from workbench.circuits.acceptance.parts import Parts
from workbench.circuits.acceptance.read_parts import read_parts
from workbench.circuits.acceptance.verdict import LEGS, Evidence, decide, invariant
from workbench.circuits.transcoders.transcoder import Transcoder
from workbench.errors import BadArgument, BadPairs, NotFinite, TooFewLanguages
from workbench.model.forward.alone import alone
from workbench.model.metrics import Metric
from workbench.model.model import Model
from workbench.patching.engine.effects import normalise
from workbench.patching.engine.pair_metric import metric_for_pairs
from workbench.patching.engine.prompts import Prompts, encode
from workbench.results.bootstrap import ends_of_draws
from workbench.results.interval_ends import interval_ends
from workbench.results.make import Variables, make_result
from workbench.results.resuming.stoppable import Stoppable
from workbench.results.statistics import corrected, interval
from workbench.text.pairs import load_pairs

_LEAST_PAIRS = 4
_SAME = 1e-6  # shares nearer than this are equal: rounding must not tell a set from its controls
_SHARES = {
    "necessity": "share of the task that is lost without the circuit",
    "sufficiency": "share of the task that the circuit does alone",
}


@dataclass(frozen=True)
class Runs:
    """The metric of one language's pairs: all and no units left [pair]; without and alone [1 + control, pair]."""

    whole: np.ndarray
    nothing: np.ndarray
    without: np.ndarray
    alone: np.ndarray


# Long: the parameters are the rule's own thresholds.
@checked
@alone
@torch.no_grad()
def accept(
    model: Model,
    pairs_by_language: Mapping[str, Any],
    parts: Any,
    *,
    transcoder: Transcoder | None = None,
    metric: str | Metric = "logit_difference",
    how: str = "mean",
    least_necessity: float = 0.5,
    least_sufficiency: float = 0.5,
    top: int = 20,
    controls: int = 20,
    level: float = 0.95,
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
) -> xr.Dataset:
    """Accept or reject a circuit: necessary and sufficient in every language of a family, and more than random sets.

    M is the mean metric of the source prompts of a language's pairs: F of the whole model, 0 with every unit of the
    circuit's kind ablated (all heads, say; the other kinds stay), C with the circuit alone left, F-C with the circuit
    alone ablated. necessity = (M(F) - M(F-C)) / (M(F) - M(0)), sufficiency = (M(C) - M(0)) / (M(F) - M(0)); both are 1
    for the whole model, 0 for nothing, and have no unit. The pairs should not be those that chose the circuit.

    A leg holds in a language where the lower end of its interval reaches the least share, fails where the upper end
    does not, and is unclear between. Random sets have as many units in the same layers; a leg's p-value is the rank of
    its smallest share over the languages among those of the random sets. Accepted: both legs hold in every language
    (they are invariant: one sign, enough size) and both ranks are significant. Rejected: a leg fails in some language,
    or random sets do as much. Undecided: the rest, and a language in which the units do not carry the task.

    Args:
        model: the model.
        pairs_by_language: for each language Pairs, or what `load_pairs` reads, such as
            `{code: wb.translation_pairs("words", source="en", target=code)}`: the reference family, one task in each.
        parts: the circuit: (layer, head) pairs; {"heads": ..., "neurons": ...} or {"features": (layer, feature) pairs};
            the Result of `patching.circuit`, of `patching.edges` (the heads that its strongest edges join) or of
            `circuits.graph`; any with member[layer, head] or [layer, neuron]; or `Parts`, units of your own.
        transcoder: of the features; their errors stay in place.
        metric: `logit_difference`, `answer_probability`, `nll`, or a Metric; more is better, unless it says
            `lower_is_better`.
        how: what an ablated unit gives: "mean", its mean over all positions of the language's source prompts; "zero";
            "patch", what it gives in the pair's target run at the same position, so that a sufficient circuit, patched
            from the source run, transfers the answer (the two prompts of a pair then have one length).
        least_necessity: share of the task that must be lost without the circuit.
        least_sufficiency: share of the task that the circuit must do alone.
        top: edges taken from the Result of `patching.edges`.
        controls: random sets, at least 1 / (1 - level) - 1, so that a rank can be significant.

    Returns:
        `necessity[language]`, `sufficiency[language]`, each with `_low`, `_high`, the bootstrap interval over pairs;
        `_control_mean`, `_control_low`, `_control_high`, the mean and central `level` of the random sets; `_p_value`,
        (1 + random sets that do as much in this language) / (1 + controls), Benjamini-Hochberg corrected over them.
        `holds[leg, language]`: yes, no or unclear; `invariant[leg]`, yes where it holds in every language;
        `p_value[leg]`, the rule's own, of the smallest share. `whole[language]`, `nothing[language]`, M(F) and M(0);
        `task[language]`, their difference, positive where the whole is better, with `_low`, `_high`; all three in the
        metric's unit. `control[leg, set, language]`, each random set's share. Attributes: `verdict`, "accepted",
        "rejected" or "undecided"; `reason`, in words; `units`, how many the circuit has.

    Raises:
        BadArgument: an option out of range, units that do not exist, too few other sets of as many units, features
            without `transcoder`.
        BadResult: a Result that names no parts, or of another model.
        BadPairs: fewer than four distinct pairs of a language, answer and foil begin alike, or lengths differ.
        TooFewLanguages: fewer than two.
        BadTranscoder: it is of another model.
        UnsupportedSite: this architecture's units cannot be edited.
        NotFinite: a metric is NaN or infinite.
        Interrupted: `partial` has the languages that were finished, NaN elsewhere, undecided.

    Source:
        Long 2025 (arXiv 2512.24842): necessity, sufficiency and invariance over a reference family. The shares, the
        thresholds, the controls and their test are ours.

    Example:
        >>> family = {code: wb.translation_pairs("words", source="en", target=code) for code in ("de", "fr")}
        >>> accept(model, family, [(2, 1), (4, 0)]).attrs["reason"]                              # doctest: +SKIP
    """
    one_of("how", how, ("mean", "zero", "patch"))
    for name, least in (("least_necessity", least_necessity), ("least_sufficiency", least_sufficiency)):
        finite(name, least, above=0)
    whole_number("top", top, at_least=1)
    whole_number("controls", controls, at_least=1)
    if 1 / (1 + controls) > 1 - level + 1e-9:
        raise BadArgument(f"controls={controls} can give no p-value of {1 - level:g}; raise controls or lower level")
    languages = [str(code) for code in pairs_by_language]
    prompts = _read(model, pairs_by_language, equal=how == "patch")
    own = read_parts(model, parts, prompts, transcoder=transcoder, top=top, how=how, batch_size=batch_size)
    sets = np.concatenate([own.member[None], own.random(controls, seed)])
    metrics = [metric_for_pairs(model, some, metric).metric for some in prompts]
    runs: list[Runs] = []

    def stopped() -> str:
        return f"interrupted: finished {', '.join(languages[: len(runs)]) or 'no language'}"

    with Stoppable("accepting", len(prompts) * 2 * (1 + len(sets)), "set", stopped, progress=progress) as loop:
        for some, reads in zip(prompts, metrics, strict=True):
            runs.append(_measure(own, some, reads, sets, loop))
    clusters = [some.pairs.clusters for some in prompts]
    shares = _shares(runs, clusters, len(languages), metrics[0], controls, level=level, seed=seed)
    variables, attrs = _judged(shares, languages, metrics[0], (least_necessity, least_sufficiency), level)
    options = {"metric": metrics[0].name, "how": how, "least_necessity": least_necessity, "parts": dict(own.record)}
    options |= {"least_sufficiency": least_sufficiency, "controls": controls, "level": level, "batch_size": batch_size}
    result = make_result(
        variables,
        {"language": languages, "leg": list(LEGS)},
        method="circuits.accept",
        parameters=options,
        model=model.info,
        corpus={code: some.pairs.info for code, some in zip(languages, prompts, strict=True)},
        seed=seed,
        attrs={**attrs, "units": int(own.member.sum())},
    )
    return loop.result(result)


def _read(model: Model, pairs_by_language: Mapping[str, Any], *, equal: bool) -> list[Prompts]:
    """The prompts of every language; with `equal` the two of a pair have one length."""
    if len(pairs_by_language) < 2:
        raise TooFewLanguages(f"invariance needs at least two languages; there are {list(pairs_by_language)}")
    prompts = [encode(model, load_pairs(pairs)) for pairs in pairs_by_language.values()]
    for code, some in zip(pairs_by_language, prompts, strict=True):
        distinct = int(some.pairs.clusters.max()) + 1
        if distinct < _LEAST_PAIRS:
            raise BadPairs(f"{code}: {distinct} pairs are too few for an interval (repeats count once); give 4")
        if equal:
            some.require_equal_lengths()
    return prompts


def _measure(parts: Parts, prompts: Prompts, metric: Metric, sets: np.ndarray, loop: Stoppable) -> Runs:
    """All runs of one language."""
    keeping_only = parts.measure(prompts, metric)

    def run(some: np.ndarray) -> np.ndarray:
        values = np.asarray(keeping_only(some), dtype=np.float64)
        if not np.isfinite(values).all():
            raise NotFinite(f"the {metric.noun} of {prompts.pairs.name} is not finite with {parts.noun} ablated")
        loop.bar.update(len(some))
        return values

    whole, nothing = run(np.stack([np.ones_like(parts.member), np.zeros_like(parts.member)]))
    return Runs(whole, nothing, run(~sets), run(sets))


def _shares(
    runs: list[Runs],
    clusters: list[np.ndarray],
    languages: int,
    metric: Metric,
    controls: int,
    *,
    level: float,
    seed: int,
) -> dict[str, np.ndarray]:
    """What follows from the runs: [language], or [leg, language]; NaN for languages that were not run."""
    shapes = {"whole": (), "nothing": (), "task": (), "task_low": (), "task_high": ()}
    shapes |= {"share": (2,), "low": (2,), "high": (2,), "control": (2, controls)}
    values = {name: np.full((*shape, languages), np.nan) for name, shape in shapes.items()}
    ends = ((1 - level) / 2, (1 + level) / 2)
    for k, (run, own) in enumerate(zip(runs, clusters, strict=False)):
        gap = (run.whole - run.nothing) * (-1 if metric.lower_is_better else 1)
        values["whole"][k], values["nothing"][k], values["task"][k] = (
            each.mean() for each in (run.whole, run.nothing, gap)
        )
        values["task_low"][k], values["task_high"][k] = interval(gap, level=level, seed=seed, clusters=own)
        legs = [(run.without, run.nothing, run.whole), (run.alone, run.whole, run.nothing)]
        for leg, (sets, full, none) in enumerate(legs):
            every = np.ones(len(full), dtype=bool)
            effects = normalise(sets.T[:, None], full, none, every, seed, own, ends)
            values["share"][leg, k], values["control"][leg, :, k] = effects.effect[0, 0], effects.effect[0, 1:]
            values["low"][leg, k], values["high"][leg, k] = effects.low[0, 0], effects.high[0, 0]
    return values


def _judged(
    values: dict[str, np.ndarray], languages: list[str], metric: Metric, least: tuple[float, float], level: float
) -> tuple[Variables, dict[str, str]]:
    """The variables of the Result, and the verdict with its reason."""
    control, share = values["control"], values["share"]
    rank = _rank(share[:, None], control)
    smallest = _rank(share.min(1, keepdims=True)[:, None], control.min(2, keepdims=True))[:, 0]
    low, high = values["low"], values["high"]
    evidence = {leg: Evidence(share[i], low[i], high[i], float(smallest[i]), least[i]) for i, leg in enumerate(LEGS)}
    verdict, reason, holds = decide(evidence, languages, values["task_low"], level)
    by_language, unit, noun = ("language",), metric.unit, metric.long_name
    bounds = values["task_low"], values["task_high"]
    variables: Variables = {}
    for i, leg in enumerate(LEGS):
        drawn = ends_of_draws(control[i], level)
        random = f"of the central {level:.0%} of the random sets"
        variables |= {
            leg: (by_language, share[i], _SHARES[leg]),
            **interval_ends(by_language, (low[i], high[i]), f"{leg} over pairs", level=level, name=leg),
            f"{leg}_control_mean": (by_language, control[i].mean(0), f"mean {leg} of the random sets"),
            f"{leg}_control_low": (by_language, drawn[0], f"lower end {random}"),
            f"{leg}_control_high": (by_language, drawn[1], f"upper end {random}"),
            f"{leg}_p_value": (by_language, corrected(rank[i]), "p-value of the rank among random sets, corrected"),
        }
    words = np.array([holds[leg] for leg in LEGS], dtype=object)
    family = np.array([invariant(holds[leg]) for leg in LEGS], dtype=object)
    variables |= {
        "holds": (("leg", "language"), words, "whether the leg holds in the language"),
        "invariant": (("leg",), family, "whether the leg holds in every language"),
        "p_value": (("leg",), smallest, "p-value of the smallest share over languages, among random sets"),
        "whole": (by_language, values["whole"], f"mean {noun} of the whole model [{unit}]"),
        "nothing": (by_language, values["nothing"], f"mean {noun} with every unit ablated [{unit}]"),
        "task": (by_language, values["task"], f"how much better the whole model is [{unit}]"),
        **interval_ends(by_language, bounds, f"task over pairs [{unit}]", level=level, name="task"),
        "control": (("leg", "set", "language"), control, "share of the task, of each random set"),
    }
    return variables, {"verdict": verdict, "reason": reason}


def _rank(share: np.ndarray, control: np.ndarray) -> np.ndarray:
    """p-values [leg, language] of shares [leg, 1, language] among those of random sets, [leg, set, language]."""
    as_much = (control >= share - _SAME).sum(1)
    return np.where(np.isnan(share[:, 0]), np.nan, (1 + as_much) / (1 + control.shape[1]))
