"""What the comparison says: a sentence for each question, computed from the claims' verdicts over all models."""

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd
import xarray as xr

from workbench.arguments import checked
from workbench.atlas.across.claims import claims
from workbench.atlas.across.evidence import FAILS, HOLDS, UNDECIDED, UNMEASURED, VERDICTS, between, valued
from workbench.atlas.across.statements import (
    HEADS_LENGTH,
    HEADS_SCRIPT,
    NEURONS_LENGTH,
    NEURONS_SCRIPT,
    STATEMENTS,
    Statement,
)
from workbench.text.display.words import count, listed

_WORDS = {
    HOLDS: "holds in {count} of {measured}",
    FAILS: "does not hold in {count} of {measured}",
    UNDECIDED: "is undecided in {count} of {measured}",
    UNMEASURED: "is not measured in {count}",
}


@checked
def sentences(
    results: Mapping[str, Mapping[str, xr.Dataset]], *, level: float = 0.95, resamples: int = 1000, seed: int = 0
) -> list[str]:
    """Say in words how the models compare: one sentence for each claim, and what heads and neurons go by.

    Args:
        results: as in `claims`.
        resamples: bootstrap draws, and permutations of languages.

    Returns:
        A sentence for each claim with the number of models in which it holds, does not hold, is undecided or not
        measured, and their estimates with intervals; one on whether heads go by script or by token length, one on
        neurons; and for each model how many claims have which verdict.

    Raises:
        BadArgument: no models, a model without any result that is read, or an option out of range.
        BadResult: a result is of another kind than its name says.

    Example:
        >>> sentences({"polyglot": {"neurons/lape": wb.neurons.lape(counts)}})[0]                # doctest: +SKIP
    """
    return of_claims(claims(results, level=level, resamples=resamples, seed=seed))


def of_claims(table: pd.DataFrame) -> list[str]:
    """The sentences of a table that `claims` returned."""
    written = [_claim(table.query("claim == @statement.claim"), statement) for statement in STATEMENTS]
    written += [
        _reasons(table, "heads", HEADS_SCRIPT, HEADS_LENGTH),
        _reasons(table, "neurons", NEURONS_SCRIPT, NEURONS_LENGTH),
        _summary(table),
    ]
    return written


def _claim(rows: pd.DataFrame, statement: Statement) -> str:
    """In how many models a claim holds, with the models and their numbers."""
    measured = int((rows.verdict != UNMEASURED).sum())
    lead = f"That {statement.claim} ({statement.paper})"
    if not measured:
        return f"{lead} is not measured in any model."
    parts = []
    for verdict in VERDICTS:
        chosen = rows.query("verdict == @verdict")
        if len(chosen):
            models = [_numbers(row, statement.form) for row in chosen.to_dict("records")]
            counted = _WORDS[verdict].format(count=len(chosen), measured=count(measured, "model"))
            parts.append(f"{counted} ({'; '.join(models)})")
    return f"{lead} {listed(parts)}. Numbers: {statement.unit}; above {statement.bar:g} they speak for the claim."


def _numbers(row: Mapping[Hashable, Any], form: str) -> str:
    """A model with its estimate and interval."""
    if row["verdict"] == UNMEASURED:
        return str(row["model"])
    return f"{row['model']} {valued(row['estimate'], form)} [{between(row['low'], row['high'], form)}]"


def _reasons(table: pd.DataFrame, units: str, by_script: Statement, by_length: Statement) -> str:
    """Whether units go by script, by token length, by both or by neither, with the models."""
    verdicts = {
        statement: table[table.claim == statement.claim].set_index("model").verdict
        for statement in (by_script, by_length)
    }
    groups: dict[str, list[str]] = {}
    for model in verdicts[by_script].index:
        script, length = (verdicts[statement][model] for statement in (by_script, by_length))
        if UNMEASURED in (script, length):
            reason = "not measured"
        elif HOLDS in (script, length):
            first, other = ("script", "token length") if script == HOLDS else ("token length", "script")
            rest = f" ({other} is left open)" if UNDECIDED in (script, length) else f", not {other}"
            reason = "both" if script == length else first + rest
        else:
            reason = "neither is shown"
        groups.setdefault(reason, []).append(str(model))
    parts = [f"{reason} in {listed(models)}" for reason, models in groups.items()]
    return f"What {units} go by, script or token length: {'; '.join(parts)}."


def _summary(table: pd.DataFrame) -> str:
    """How many claims of each model have which verdict."""
    parts = []
    for model, rows in table.groupby("model", sort=False):
        counts = rows.verdict.value_counts()
        verdicts = [f"{verdict} {counts[verdict]}" for verdict in VERDICTS if verdict in counts]
        parts.append(f"{model} ({', '.join(verdicts)})")
    return f"Verdicts on {len(STATEMENTS)} claims: {'; '.join(parts)}."
