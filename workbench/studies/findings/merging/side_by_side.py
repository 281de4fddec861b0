"""What the numbers say about two models side by side."""

import numpy as np
import pandas as pd
import xarray as xr

from workbench.results.statistics import interval, p_value
from workbench.studies.findings.finding import Finding, finding
from workbench.studies.findings.patches import clusters_of, effect_of, position_of
from workbench.studies.findings.rank import BY_LOWER_END, BY_NEARER_END, Cell, ends, strongest
from workbench.studies.findings.sample import ALPHA, level_of, not_shown, undecided
from workbench.text.display.safe import plain_line
from workbench.text.display.words import chance, count, expected, language, listed, number, percent, place

_EQUAL = "Both models give the same distributions at every token."
_BY_DIVERGENCE = "by the lower end of the divergence's interval"
_UNITS = {"logit_difference": " logits", "nll": " nats"}


def outputs(result: xr.Dataset) -> Finding:
    """How far apart outputs are, and whose loss changed. Reads `kl`, `nll_change`, `other_choice`."""
    best = strongest(result.kl, *ends(result, "kl_low", "kl_high"))
    if best is None or best.value == 0:
        return Finding(_EQUAL if best is not None else "No text was read.")
    parts = [
        f"Outputs are furthest apart{best.ranked(_BY_DIVERGENCE)} in {language(best.at['language'])}: "
        f"{number(best.value)} nats a token{best.interval(level_of(result))}."
    ]
    if result.sizes["language"] > 1:
        least = result.isel(language=int(np.nanargmin(result.kl.values)))
        name, low, high = language(least.language.item()), float(least.kl_low), float(least.kl_high)
        ends_of = f" ({number(low)} to {number(high)})" if np.isfinite(low) else ""
        parts.append(f"They are nearest in {name} ({number(least.kl)}{ends_of}).")
    return finding(*parts, *_losses(result), _choices(result))


def _losses(result: xr.Dataset) -> list[str]:
    """In which languages the loss surely rose or fell."""
    p, change, codes = result.nll_change_p_value, result.nll_change, result["language"].values
    tested = np.isfinite(p.values)
    if not tested.any():
        return ["There are too few texts to test whether the loss changed."]
    parts = []
    for verb, sign in (("rises", 1), ("falls", -1)):
        sure = change.values * sign > 0
        named = np.flatnonzero(sure & (p.values < ALPHA))
        cells = [f"{language(codes[k])} {change.values[k]:+.3g}" for k in named]
        if cells:
            parts.append(f"The loss {verb} in {listed(cells)} nats (corrected p < {ALPHA:g}).")
    return parts or ["In no language can a change of the loss be shown (corrected p)."]


def _choices(result: xr.Dataset) -> str:
    shares = result.other_choice.values
    low, high = float(np.nanmin(shares)), float(np.nanmax(shares))
    share = percent(low) if low == high else f"{percent(low)} to {percent(high)}"
    return f"The likeliest next token is another one at {share} of the tokens."


def outputs_table(result: xr.Dataset) -> pd.DataFrame:
    """A row for each language, the furthest apart first."""
    columns = {
        "KL [nats]": "kl",
        "low": "kl_low",
        "high": "kl_high",
        "reverse KL": "reverse_kl",
        "loss before": "nll_before",
        "loss after": "nll_after",
        "change": "nll_change",
        "corrected p": "nll_change_p_value",
        "another choice": "other_choice",
    }
    rows = {title: result[name].values for title, name in columns.items()}
    table = pd.DataFrame(rows, index=pd.Index([language(code) for code in result["language"].values], name="language"))
    return table.sort_values("KL [nats]", ascending=False).round(4)


def tokens(result: xr.Dataset) -> Finding:
    """The single token that is furthest apart. Reads `token_kl` and its texts."""
    peaks = result.token_kl.values
    if not np.isfinite(peaks).any() or np.nanmax(peaks) == 0:
        return Finding(_EQUAL)
    at = np.unravel_index(np.nanargmax(peaks), peaks.shape)
    shown = {name: _visible(result[name].values[at]) for name in ("context", "next", "choice_before", "choice_after")}
    first, second = shown["choice_before"], shown["choice_after"]
    choice = (
        f"both models expect {first}, with other probabilities"
        if first == second
        else f"the likeliest token is {first} before and {second} after"
    )
    return Finding(
        f"The largest divergence at one token is {number(peaks[at])} nats, in "
        f"{language(result['language'].values[at[0]])} after {shown['context']}, where the text has {shown['next']}: "
        f"{choice}."
    )


def tokens_table(result: xr.Dataset) -> pd.DataFrame:
    """The largest token of each language."""
    first = result.isel(rank=0)
    columns = {"context": "context", "next": "next", "before": "choice_before", "after": "choice_after"}
    rows = {title: list(map(_visible, first[name].values)) for title, name in columns.items()}
    index = pd.Index([language(code) for code in result["language"].values], name="language")
    return pd.DataFrame({**rows, "KL [nats]": first.token_kl.values.round(3)}, index=index)


def states(result: xr.Dataset) -> Finding:
    """Where states part, and whether one vector is added everywhere. Reads `distance`, `common`, `halves`."""
    far = result.distance.transpose("language", "layer")
    if not np.nanmax(far.values) > 0:
        return Finding("The states of both models are equal at every layer.")
    apart = np.flatnonzero((far.values > 0).any(0))
    steps = np.diff(far.mean("language").values)
    best = strongest(far, *ends(result, "distance_low", "distance_high"))
    parts = [
        f"States differ from layer {int(far.layer[apart[0]])} on."
        if apart[0]
        else "States differ from the embedding on."
    ]
    if steps.size and steps.max() > 0:
        at = int(steps.argmax())
        parts.append(
            f"The difference grows most in layer {at}, from {number(far.mean('language')[at])} to "
            f"{number(far.mean('language')[at + 1])} of the state's size, in the mean over languages."
        )
    if best is not None:
        parts.append(
            f"It is largest{best.ranked(BY_LOWER_END)} for {language(best.at['language'])} at layer "
            f"{best.at['layer']}: {number(best.value)}{best.interval(level_of(result))}."
        )
    return finding(*parts, _shared_vector(result))


def _shared_vector(result: xr.Dataset) -> str:
    last = result.isel(layer=-1)
    if not np.isfinite(last.common.values).any():
        return ""
    low, high = float(last.common.min()), float(last.common.max())
    share = percent(low) if low == high else f"{percent(low)} to {percent(high)}"
    text = f"After the last layer {share} of the squared difference, by language, is one vector at all tokens"
    halves = last.halves.values[np.isfinite(last.halves.values)]
    return (
        f"{text}, and its cosine between even and odd texts is {number(halves.min())} or more."
        if halves.size
        else f"{text}."
    )


def lens(result: xr.Dataset) -> Finding:
    """Whether mean differences raise tokens beyond random directions. Reads `promoted_score`, `random_score`."""
    score, limit = result.promoted_score.isel(rank=0).transpose("language", "layer"), float(result.random_score)
    known = np.isfinite(score.values)
    if not known.any():
        return Finding("The states do not differ, so that there is nothing to read.")
    above = known & (score.values > limit)
    at = np.unravel_index(np.nanargmax(score.values), score.shape)
    cell = result.isel(rank=0, language=at[0], layer=at[1])
    where = f"{language(cell.language.item())} at layer {int(cell.layer)}"
    best = f"{_visible(cell.promoted.item())} for {where}, by {number(score.values[at])} standard deviations"
    if not above.any():
        return Finding(
            f"No mean difference raises a token beyond what 95 % of random directions reach ({number(limit)} standard "
            f"deviations); the highest is {best}."
        )
    return Finding(
        f"In {int(above.sum())} of {count(int(known.sum()), 'cell')} of language and layer the mean difference raises "
        f"a token beyond what 95 % of random directions reach ({number(limit)} standard deviations; "
        f"{expected(0.05 * known.sum())}); the highest is {best}."
    )


def lens_table(result: xr.Dataset) -> pd.DataFrame:
    """For each language the layer whose mean difference has the highest score, and its tokens."""
    rows = {}
    for k, code in enumerate(result["language"].values.tolist()):
        scores = result.promoted_score.isel(language=k, rank=0)
        if np.isfinite(scores.values).any():
            cell = result.isel(language=k, layer=int(np.nanargmax(scores.values)))
            rows[language(code)] = {
                "layer": int(cell.layer),
                "raises": ", ".join(map(_visible, cell.promoted.values)),
                "score": round(float(cell.promoted_score[0]), 2),
                "lowers": ", ".join(map(_visible, cell.suppressed.values)),
            }
    return pd.DataFrame.from_dict(rows, orient="index")


def heads(result: xr.Dataset) -> Finding:
    """Whose importance changed, and how far the order of heads stayed. Reads `change`, `rank_correlation`."""
    p = result.p_value.values
    tested, sure = int(np.isfinite(p).sum()), result.p_value < ALPHA
    ranks = result.rank_correlation.values
    order = (
        f"The order of the heads has a rank correlation of {number(np.nanmin(ranks))} to {number(np.nanmax(ranks))} "
        "between the models, by language."
        if np.isfinite(ranks).any()
        else ""
    )
    best = strongest(result.change.where(sure), *ends(result))
    if best is None:
        n = result.change.sizes["language"]
        few = not_shown(result, tested, tested=True, level=level_of(result), units="nats") if tested else ""
        return finding(
            f"No change of a head's importance can be shown in {count(n, 'language')} (corrected p).", few, order
        )
    named = (best.at["layer"], best.at["head"])
    return finding(
        f"{int(sure.sum())} of {count(tested, 'cell')} of language and head changed (corrected p < {ALPHA:g}; at most "
        f"about {number(ALPHA * int(sure.sum()))} of these by chance).",
        f"The largest change{best.ranked(BY_NEARER_END)} is that of {place(*named)} for "
        f"{language(best.at['language'])}: {best.value:+.3g} nats{best.interval(level_of(result))}.",
        order,
        heads=[named],
    )


def exchange_of_all(result: xr.Dataset) -> Finding:
    """From which layer on the rest of the model before continues as the model after would. Reads `whole`."""
    if same := alike(result):
        return same
    whole, low = result.whole.values, result.whole_low.values
    sure = np.flatnonzero(low > 0)
    over = np.flatnonzero(whole > 0.5)
    start = (
        f"With all states after layer {int(result.layer[over[0]])} from the model after, the model before gives more "
        f"than half of the difference: {number(whole[over[0]])} ({number(low[over[0]])} to "
        f"{number(result.whole_high.values[over[0]])})."
        if over.size
        else "At no layer do all states of the model after give half of the difference."
    )
    shown = (
        f"The interval lies above zero from layer {int(result.layer[sure[0]])} on."
        if sure.size and np.array_equal(sure, np.arange(sure[0], len(whole)))
        else f"The intervals of {sure.size} of {count(len(whole), 'layer')} lie above zero."
    )
    return finding(start, shown, f"After the last layer it is {number(whole[-1])}: the rest is in final norm and head.")


def exchange(result: xr.Dataset) -> Finding:
    """Which single state carries the difference. Reads `effect[layer, position]`."""
    if same := alike(result):
        return same
    inner = result.effect.transpose("layer", "position").isel(layer=slice(0, -1))
    best = strongest(inner, *(None if end is None else end.transpose("layer", "position")[:-1] for end in ends(result)))
    if best is None or (best.measured and not best.excludes_zero):
        return Finding("Before the last layer, no single state has an effect whose interval excludes zero.")
    return Finding(
        f"Before the last layer, the state after layer {best.at['layer']} at position "
        f"{position_of(result, best.at['position'])} carries most{best.last_ranked(BY_NEARER_END)}: "
        f"{effect_of(best, result)}."
    )


def alike(result: xr.Dataset) -> Finding | None:
    """That the two models cannot be distinguished on these prompts; None where they can."""
    gap, clusters = (result.value_after - result.value_before).values, clusters_of(result)
    p = float(p_value(gap, clusters=clusters))
    if p < ALPHA:
        return None
    known, level = gap[np.isfinite(gap)], level_of(result)
    metric, unit = _metric(result)
    change = Cell(
        {}, known.mean() if known.size else np.nan, *map(float, interval(gap, level=level, clusters=clusters))
    )
    return finding(
        "The two models are not distinguishable on these prompts, and an effect divides by their difference: it means "
        "nothing here.",
        f"From the model before to the model after, the {metric} changes by {number(change.value)}{unit} on average "
        f"over {count(known.size, 'prompt')}{change.interval(level)}; {chance(p)}."
        if np.isfinite(p)
        else "",
        undecided(known.size, "prompt", 1),
    )


def _metric(result: xr.Dataset) -> tuple[str, str]:
    """What was read, and its unit after a space."""
    name = str(result.attrs["metric"])
    return name.replace("_", " "), _UNITS.get(name, "")


def exchange_table(result: xr.Dataset) -> pd.DataFrame:
    """What each model gives without an exchange, and the difference: means over prompts, with intervals."""
    level, clusters = level_of(result), clusters_of(result)
    values = {"model before": result.value_before.values, "model after": result.value_after.values}
    values["after minus before"] = values["model after"] - values["model before"]
    rows = {
        name: [np.nanmean(each), *map(float, interval(each, level=level, clusters=clusters))]
        for name, each in values.items()
    }
    metric, unit = _metric(result)
    columns = [f"{metric} [{unit.strip()}]" if unit else metric, "low", "high"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).round(3).rename_axis("without exchange")


def _visible(text: str) -> str:
    """A token with its spaces and line ends visible, in quotation marks."""
    return f"“{plain_line(str(text).replace(' ', '␣').replace(chr(10), '↵'))}”"
