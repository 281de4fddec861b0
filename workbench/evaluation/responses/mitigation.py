"""What makes a model answer in the right language: settings compared on the same prompts."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from workbench.arguments import checked
from workbench.errors import BadArgument
from workbench.evaluation.responses.intervals import Ends, proportion
from workbench.evaluation.responses.passes import named, passes
from workbench.evaluation.responses.respond import check_options, check_prompts, respond
from workbench.model.model import Model
from workbench.results.interval_ends import interval_ends
from workbench.results.make import make_result
from workbench.results.proportions import mcnemar
from workbench.results.reading.directions import described, read_direction
from workbench.results.statistics import corrected, interval, mean_of_known
from workbench.text.corpus import digest
from workbench.text.languages import check
from workbench.text.tokens.segment import Segmenters

_CELL = ("setting", "language")


@checked
def mitigation(
    model: Model,
    prompts: pd.DataFrame,
    settings: Mapping[str, Mapping[str, Any]],
    *,
    identify: Callable,
    words: Collection[str] | None = None,
    segment: Segmenters | None = None,
    bar: float = 0.3,
    level: float = 0.95,
    progress: bool = True,
    seed: int = 0,
) -> xr.Dataset:
    """Line pass rates under several settings of `respond`, paired by prompt with the first.

    A setting is a dict of options of `wb.evaluation.respond`: shots, temperature, beams, scaled heads or neurons. In
    the paper's Command R base, one and five examples raised the crosslingual pass rate from 1.1 to 20.9 and 90.7
    percent; beams and a high temperature lowered it.

    Args:
        model: the model.
        prompts: of `wb.load_prompts` or `wb.evaluation.openings`.
        settings: name to options; the first is what the others are compared with.
        identify: as in `wb.evaluation.confusion`.
        words: English dictionary, as there; only lines are compared here, so it may be left out.
        segment: as there.
        bar: as there.
        seed: of the draws, the same in each setting unless it names its own.

    Returns:
        `line_pass[setting, language]` with `_low`, `_high` (Wilson); `change[setting, language]`, the difference to the
        first setting over prompts that neither skips, with `_low`, `_high` (bootstrap over prompts; where all of them
        change alike, from Wilson's intervals of those that become right and wrong) and `p_value` (exact McNemar,
        corrected over the table); `skipped` and `compared`, counts of prompts.

    Raises:
        BadArgument: no setting, or an option that `respond` does not take.
    """
    if not settings:
        raise BadArgument("settings={}; give at least one, such as {'greedy': {'temperature': 0}}")
    check_prompts(prompts)
    for name, options in settings.items():
        check_options(respond, options, f"setting {name!r}")
    languages = [check(code) for code in prompts["language"]]
    rows = []
    for options in settings.values():
        table = respond(model, prompts, **{"seed": seed, "progress": progress, **options})
        texts = table["completion"].tolist()
        judged = passes(texts, languages, identify=identify, dictionary=words, segment=segment, bar=bar)
        rows.append(np.where(judged.lines > 0, judged.lines == judged.right, np.nan))
    how = {"settings": {name: _recorded(model, options) for name, options in settings.items()}, "level": level}
    how |= {"bar": bar, "identify": named(identify), "prompts": digest(prompts["prompt"].tolist())}
    return _result(np.stack(rows), languages, how, model, seed)


def _recorded(model: Model, options: Mapping[str, Any]) -> dict[str, Any]:
    """What provenance records of a setting: its options, and of a direction its layers, lengths and hash."""
    if options.get("directions") is None:
        return dict(options)
    vectors = read_direction(options["directions"], model.n_layers, model.d_model, model=model.info)
    return {**options, "directions": described(vectors)}


def _result(
    passed: np.ndarray,
    languages: list[str],
    how: Mapping[str, Any],
    model: Model,
    seed: int,
) -> xr.Dataset:
    """The table of passes [setting, prompt], NaN where a response is skipped."""
    names, level, codes = list(how["settings"]), how["level"], list(dict.fromkeys(languages))
    own = np.array(languages)[:, None] == codes  # [prompt, language]
    by_language = np.where(own, passed[:, :, None], np.nan)  # [setting, prompt, language]
    change = by_language - by_language[:1]
    counts = [(change == sign).sum(1) for sign in (1, -1)]
    p = mcnemar(*counts)
    p[0] = np.nan
    variables = {}
    for name, values, words in (
        ("line_pass", by_language, "share of responses all of whose lines are in the language"),
        ("change", change, f"change of line_pass from {names[0]!r}, same prompts"),
    ):
        if name == "line_pass":
            bounds = proportion(np.nansum(values, 1), (~np.isnan(values)).sum(1), level)
        else:
            bounds = _of_change(values, counts, level, seed)
        variables[name] = (_CELL, mean_of_known(values, 1), words)
        variables |= interval_ends(_CELL, bounds, name, level=level, name=name)
    variables |= {
        "p_value": (_CELL, corrected(p), "p-value of the change (exact McNemar), corrected over the table"),
        "skipped": (_CELL, (np.isnan(by_language) & own).sum(1), "prompts whose response has no line of five tokens"),
        "compared": (_CELL, (~np.isnan(change)).sum(1), "prompts that neither setting skips"),
    }
    return make_result(
        variables,
        {"setting": names, "language": codes},
        method="evaluation.mitigation",
        parameters=how,
        model=model.info,
        seed=seed,
        attrs={"level": level, "baseline": names[0]},
        owners={"change": ["p_value"]},
    )


def _of_change(change: np.ndarray, counts: list[np.ndarray], level: float, seed: int) -> Ends:
    """The interval of the mean change [setting, prompt, language] to the first setting, whose own is 0.

    A bootstrap over prompts; where they all change alike it has no width, and Wilson's intervals of the prompts that
    gained and of those that lost, of which one is empty, are combined as those of two shares.
    """
    low, high = interval(change, axis=1, level=level, seed=seed)
    compared = (~np.isnan(change)).sum(1)
    (gain_low, gain_high), (loss_low, loss_high) = (proportion(count, compared, level) for count in counts)
    gained, lost = (np.divide(count, compared, out=np.zeros(low.shape), where=compared > 0) for count in counts)
    below = gained - lost - np.hypot(gained - gain_low, loss_high - lost)
    above = gained - lost + np.hypot(gain_high - gained, lost - loss_low)
    alike = (compared > 0) & (np.isnan(low) | (high - low < 1e-12))
    alike[0] = False
    return np.where(alike, below, low), np.where(alike, above, high)
