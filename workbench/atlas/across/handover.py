"""When words are decided: handed over to the last token, taken over by the target language, English in between."""

import numpy as np

from workbench.atlas.across.depths import depths, middle_states
from workbench.atlas.across.evidence import Draws, Evidence, between, unmeasured
from workbench.atlas.across.reading import (
    CONCEPTS,
    LENS,
    OfModel,
    answers,
    concept_of_pair,
    find,
    lens_values,
    route,
    same_layers,
)
from workbench.patching.concepts.onset import leads, onset
from workbench.results.statistics import interval
from workbench.text.clusters import numbered

PIVOT = "en"
_RESAMPLES = 4000  # at least, for the narrow tails of an interval that is corrected for several layers


def concept_handover(results: OfModel, draws: Draws) -> Evidence:
    """The depth from which on the last token has the source's concept: patched there, it outweighs the target's.

    Prompts of all routes count alike; the interval resamples concepts.
    """
    matching = find(results, CONCEPTS)
    if not matching:
        return unmeasured(f"there is no {CONCEPTS}")
    same_layers(matching)
    lead = [
        leads(result.pair_probability.values, answers(result, name), "last")["concept"]
        for name, result in matching.items()
    ]
    concepts = [concept for result in matching.values() for concept in concept_of_pair(result)]
    return _onset(lead, concepts, "the source's concept outweighs the target's", len(matching), draws)


def target_takes_over(results: OfModel, draws: Draws) -> Evidence:
    """The depth from which on the lens gives the target language's word a higher probability than the shown one's."""
    matching = find(results, LENS)
    if not matching:
        return unmeasured(f"there is no {LENS}")
    same_layers(matching)
    lead, concepts = [], []
    for name, result in matching.items():
        shown, target = route(result, name)
        lead.append(lens_values(result, target) - lens_values(result, shown))
        concepts += [str(concept) for concept in result.concept.values]
    return _onset(lead, concepts, "the target language's word outweighs the shown one's", len(matching), draws)


def english_between(results: OfModel, draws: Draws) -> Evidence:
    """The most by which English's word exceeds the target's in the middle of the depth, from 1/3 to 2/3.

    Of routes without English. At each such depth the mean difference over prompts has an interval, at a level
    corrected for their number (Bonferroni); `low` and `high` are the highest of these intervals' ends. So `low` is
    above zero where English is ahead at some middle depth, and `high` below where it is behind at all of them.
    """
    matching = find(results, LENS)
    routes = {name: route(result, name) for name, result in matching.items()}
    matching = {name: matching[name] for name, ends in routes.items() if PIVOT not in ends}
    matching = {name: result for name, result in matching.items() if PIVOT in result.language.values}
    if not matching:
        return unmeasured(f"there is no {LENS} between two languages other than English")
    states = same_layers(matching)
    at = middle_states(states)
    english = np.concatenate([lens_values(result, PIVOT)[:, at] for result in matching.values()])
    target = np.concatenate([lens_values(result, routes[name][1])[:, at] for name, result in matching.items()])
    concepts = [str(concept) for result in matching.values() for concept in result.concept.values]
    known = ~np.isnan(english - target).any(1)
    if not known.any():
        return unmeasured("no concept has first tokens of its own in both English and the target language")
    difference = (english - target)[known]
    low, high = interval(
        difference,
        level=1 - (1 - draws.level) / len(at),
        resamples=max(_RESAMPLES, draws.resamples),
        seed=draws.seed,
        clusters=numbered(np.array(concepts)[known])[:, None],
    )
    best = int(difference.mean(0).argmax())
    evidence = Evidence(float(difference.mean(0)[best]), float(low.max()), float(high.max()))
    own, theirs = (float(values[known][:, best].mean()) for values in (english, target))
    return evidence.worded(
        f"in the middle of the depth, English does best at depth {depths(states)[at[best]]:.2f}, where the lens gives "
        f"its word {own:.2g} and the target's {theirs:.2g}: a difference of {evidence.estimate:+.2g} "
        f"({between(evidence.low, evidence.high, '+.2g')}, {int(known.sum())} prompts)"
    )


def _onset(lead: list[np.ndarray], concepts: list[str], what: str, routes: int, draws: Draws) -> Evidence:
    """The depth of an onset, from what one side is ahead, [pair, state] of each route."""
    values = np.concatenate(lead)
    states = values.shape[1]
    how = {"resamples": draws.resamples, "seed": draws.seed, "level": draws.level}
    first, low, high = onset(values, clusters=numbered(concepts), **how)
    if np.isnan(first):
        return unmeasured("no concept's first tokens are distinct")
    first, low, high = (value / (states - 1) if value < states else np.inf for value in (first, low, high))
    counted = "1 route" if routes == 1 else f"{routes} routes"
    if np.isinf(first):
        text = f"there is no depth from which on {what} ({between(low, high, '.2f')}, {counted})"
        return Evidence(first, low, high, text=text)
    return Evidence(first, low, high, text=f"{what} from depth {first:.2f} on ({between(low, high, '.2f')}, {counted})")
