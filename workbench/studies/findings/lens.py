"""What the numbers say about the lens: which language leads, at which state, and how sure each state is."""

from dataclasses import dataclass

import numpy as np
import xarray as xr

from workbench.results.make import provenance
from workbench.results.statistics import interval
from workbench.studies.findings.finding import Finding, finding
from workbench.studies.findings.rank import BY_LOWER_END, Cell, ends, strongest
from workbench.studies.findings.sample import level_of, undecided
from workbench.text.clusters import recorded_clusters
from workbench.text.display.words import count, language, number


@dataclass(frozen=True)
class Lead:
    """How far a language is ahead of others, in the same concepts.

    Attributes:
        rivals: the other languages that can be read.
        mean: of the paired differences, [rival, layer].
        low: lower end of its interval; NaN where fewer than two concepts are shared.
        high: upper end.
        concepts: how many concepts each rival shares, [rival].
    """

    rivals: list[str]
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    concepts: np.ndarray

    @property
    def sure(self) -> np.ndarray:
        """At which states the language leads all others, [layer]: each interval lies above zero."""
        return np.all(self.low > 0, axis=0)

    def against(self, rival: int, layer: int) -> Cell:
        """The paired difference from a rival at a state."""
        return Cell({}, *(float(values[rival, layer]) for values in (self.mean, self.low, self.high)))


def lead(result: xr.Dataset, variable: str, target: str) -> Lead:
    """Paired differences of one language from every other. Reads `variable[concept, language, layer]`.

    That a language leads all others is shown where each single interval lies above zero; this needs no correction, for
    all of them have to (an intersection-union test: Berger 1982).
    """
    values = result[variable].transpose("concept", "language", "layer")
    read = [code for code in values.language.values.tolist() if np.isfinite(values.sel(language=code)).any()]
    rivals = [code for code in read if code != target]
    gaps = values.sel(language=[target]).values - values.sel(language=rivals).values
    known = np.isfinite(gaps)
    with np.errstate(invalid="ignore"):
        mean = np.where(known, gaps, 0.0).sum(0) / known.sum(0)
    made = provenance(result).get("corpus") if "provenance" in result.attrs else None
    same = recorded_clusters(made, ["concepts"], list(range(len(gaps))), joint=False)
    clusters = None if same is None else same[0][:, None, None]
    low, high = interval(gaps, level=level_of(result), clusters=clusters)
    return Lead(rivals, mean, low, high, known.all(-1).sum(0))


def translation(result: xr.Dataset, target: str) -> Finding:
    """From which state on the target language leads. Reads `probability`, `concept_probability`."""
    table = result.probability.transpose("language", "layer")
    table = table.isel(language=np.flatnonzero(np.isfinite(table.values).all(1)))
    name = language(target)
    if target not in table.language.values:
        return Finding(f"{name} cannot be read: its words begin with the same tokens as other languages' words.")
    if table.sizes["language"] < 2:
        return Finding(f"Only {name} can be read, so that nothing is compared.")
    if "concept_probability" not in result:
        return Finding(f"Whether {name}, the target language, leads cannot be decided without numbers of each concept.")
    ahead, level = lead(result, "concept_probability", target), level_of(result)
    last = ahead.mean.shape[1] - 1
    nearest = _nearest(ahead.low[:, last], ahead.mean[:, last])
    if not ahead.sure[last]:
        return _no_lead(ahead, last, name, level)
    unsure = np.flatnonzero(~ahead.sure)
    at = int(unsure[-1]) + 1 if unsure.size else 0
    end = f"by {_gap(ahead.against(nearest, last), level)} over {language(ahead.rivals[nearest])} at the output"
    why = "Its paired difference from every other language has an interval above zero there."
    if at == 0:
        return finding(f"{name}, the target language, leads at every state up to the output, {end}.", why)
    before = _nearest(ahead.low[:, at - 1], ahead.mean[:, at - 1])
    rival, gap = language(ahead.rivals[before]), ahead.against(before, at - 1)
    earlier = f"{rival} is ahead" if gap.high < 0 else f"a lead over {rival} cannot be shown"
    return finding(
        f"{name}, the target language, leads from state {int(result.layer[at])} up to the output, {end}; one state "
        f"earlier, {earlier}.",
        why,
    )


def _no_lead(ahead: Lead, last: int, name: str, level: float) -> Finding:
    """That another language leads at the output, or that this cannot be decided."""
    high = np.where(np.isnan(ahead.high[:, last]), np.inf, ahead.high[:, last])
    best = int(high.argmin())
    if high[best] < 0:
        rival, gap = language(ahead.rivals[best]), ahead.against(best, last)
        return Finding(
            f"{name}, the target language, does not lead at the output: its difference from {rival} is "
            f"{_gap(gap, level)}."
        )
    near = _nearest(ahead.low[:, last], ahead.mean[:, last])
    shared = int(ahead.concepts[near])
    return finding(
        f"Whether {name}, the target language, leads at the output cannot be decided: its difference from "
        f"{language(ahead.rivals[near])} is {_gap(ahead.against(near, last), level)} in {count(shared, 'concept')}.",
        undecided(shared, "concept", 1),
    )


def _nearest(low: np.ndarray, mean: np.ndarray) -> int:
    """The rival that a language is least surely ahead of: without an interval, or with the lowest lower end."""
    ranks = np.where(np.isnan(low), -np.inf, low)
    return int(np.lexsort((mean, ranks))[0])


def _gap(gap: Cell, level: float) -> str:
    return f"{number(gap.value)}{gap.interval(level)}"


def latent(result: xr.Dataset) -> Finding:
    """Words of which language the states predict. Reads `mass`, `concept_mass`, `shared`, attribute `asked`."""
    mass, target, level = result.mass.dropna("language", how="all"), str(result.attrs["asked"]), level_of(result)
    others = mass.drop_sel(language=target) if target in mass.language.values else mass
    parts = []
    if target in mass.language.values and others.sizes["language"]:
        ahead = int(lead(result, "concept_mass", target).sure.sum())
        where = (
            f"lead at {ahead} of {mass.sizes['layer']} states, where their paired difference from every other language "
            "has an interval above zero"
            if ahead
            else "can be shown to lead at no state"
        )
        end = number(float(mass.sel(language=target)[-1]))
        parts.append(f"Words of {language(target)} alone {where}; at the output they have {end}.")
    if others.sizes["language"]:
        rows = result.sel(language=others["language"])
        best = strongest(others, *ends(rows, "mass_low", "mass_high"))
        if best is not None:
            parts.append(
                f"Of the others, {language(best.at['language'])} reaches the most{best.ranked(BY_LOWER_END)} at state "
                f"{best.at['layer']}: {number(best.value)}{best.interval(level)}."
            )
    if np.isfinite(result.shared.values).all():
        parts.append(f"Tokens that several languages share have {number(float(result.shared[-1]))} at the output.")
    return finding(*parts)


def sureness(result: xr.Dataset) -> Finding:
    """How entropy and the answer's rank change with depth. Reads `entropy`, `rank`."""
    entropy, rank = result.entropy.values, result["rank"].values
    ranks = result.entropy_low.values if "entropy_low" in result else entropy  # as of all that is ranked, the lower end
    best = int(ranks[1:-1].argmax()) + 1 if entropy.size > 2 else 0
    return Finding(
        f"Between embedding and output, entropy is highest at state {int(result.layer[best])} ({number(entropy[best])} "
        f"nats) and {number(entropy[-1])} nats at the output; the answer's rank is {number(rank[best])} there and "
        f"{number(rank[-1])} at the output."
    )
