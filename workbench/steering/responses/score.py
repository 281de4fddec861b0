"""Score steered responses: are they in the language, and do they still answer their prompts?"""

import json
from collections.abc import Callable

import numpy as np
import pandas as pd
import xarray as xr

from workbench.arguments import checked, whole_number
from workbench.errors import BadArgument, BadCorpus
from workbench.evaluation.responses.passes import named
from workbench.model.model import Model
from workbench.results.interval_ends import interval_ends
from workbench.results.make import Variables, make_result
from workbench.steering.responses.judge import Judged, judge
from workbench.steering.responses.rates import RATES, intervals
from workbench.text.characters import tokenizable_cells
from workbench.text.corpus import digest
from workbench.text.languages import check, known


# Long: what is judged, and how.
@checked
def score(
    model: Model,
    responses: pd.DataFrame,
    *,
    identify: Callable,
    language: str | None = None,
    relevance: Callable | None = None,
    others: int = 9,
    bar: float = 0.3,
    level: float = 0.95,
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
) -> xr.Dataset:
    """Measure how often responses are in a language, how often they suit their prompt, and both together.

    Success: a whole response is identified as the target language; one in no language that the identifier knows, or an
    empty one, counts as a failure and not as missing. Relevance: without a judge, a response is relevant where the
    model as it is, without steering, gives its tokens a higher mean log-probability after its own prompt than after
    each of `others` other prompts of the same language; an empty one is not. Chance is 1 / (1 + others).

    Args:
        model: the model, unsteered.
        responses: of `steer`, or a table with `prompt`, `completion` (or `text`), and perhaps `target` and `language`
            (of the prompt).
        identify: text to (code, score), or to a code or None, as for `wb.evaluation.confusion`.
        language: the target of all responses; the column `target` when None.
        relevance: a judge in place of the model: (prompt, response) to a number from 0 to 1.
        others: prompts to compare with, drawn from those in the table; all where there are fewer.
        bar: an answer of the identifier whose score is at most this is none.
        seed: of the other prompts and the bootstrap.

    Returns:
        `success`, `relevance`, `both` at once (the mean of their product, by response), and `harmonic`, the harmonic
        mean of the first two, which may credit different responses, by target [language], with `_low` and `_high`
        (Wilson for shares of distinct prompts, else bootstrap over prompts); `chance[language]` of relevance;
        `copied[language]`, the share that repeats its prompt (half of its runs of five characters occur there), which
        is relevant to no purpose; counts `responses`, `unidentified`, `empty`; and by response `succeeded`,
        `relevant`, `copies`, `identified`, `target`.

    Raises:
        BadCorpus: no response, a column is missing, or a single prompt, which has no other to compare with.
        BadArgument: no target, or the identifier or the judge returns something else.
        UnknownLanguage: the target is no language.
        TooLarge: a response does not fit after another prompt.

    Source:
        Success and the harmonic mean: Gurgurov et al. 2026, CLaS-Bench (arXiv 2601.08331), which lets a large model
        judge relevance; relevance by the model itself is ours.

    Example:
        >>> responses = wb.steering.steer(model, prompts, german, strength=0.5, layers=3)        # doctest: +SKIP
        >>> wb.steering.score(model, responses, identify=wb.text.by_fasttext())                  # doctest: +SKIP
    """
    whole_number("others", others, at_least=1)
    table = _table(responses, language)
    columns = {name: table[name].tolist() for name in ("prompt", "completion", "language", "target")}
    judged = judge(
        model,
        columns["prompt"],
        columns["completion"],
        languages=columns["language"],
        targets=columns["target"],
        identify=identify,
        bar=bar,
        relevance=relevance,
        others=others,
        batch_size=batch_size,
        progress=progress,
        seed=seed,
    )
    codes = list(dict.fromkeys(columns["target"]))
    made = json.loads(responses.attrs.get("provenance", "{}"))
    return make_result(
        _variables(judged, table, codes, level, seed),
        {"language": codes},
        method="steering.score",
        parameters={
            "identify": named(identify),
            "relevance": None if relevance is None else named(relevance),
            "others": others,
            "bar": bar,
            "level": level,
            "responses": made.get("parameters") or {},
        },
        model=model.info,
        corpus={"source": "responses", "hash": digest([columns["prompt"], columns["completion"]])},
        seed=seed,
        attrs={"level": level},
    )


def _table(responses: pd.DataFrame, language: str | None) -> pd.DataFrame:
    """The columns prompt, completion, language and target."""
    completion = "completion" if "completion" in responses else "text"
    missing = [name for name in ("prompt", completion) if name not in responses]
    if missing or responses.empty:
        raise BadCorpus(
            f"responses have {f'no column {missing[0]!r}' if missing else 'no rows'}; give those of wb.steering.steer"
        )
    targets = responses["target"].tolist() if "target" in responses else [""]
    if language is None and not all(isinstance(target, str) and target for target in targets):
        raise BadArgument("language=None, and the responses name no target; give the language that they should be in")
    if language is not None:
        targets = [language] * len(responses)
    languages = responses["language"].tolist() if "language" in responses else [""] * len(responses)
    return pd.DataFrame(
        {
            "prompt": tokenizable_cells(responses["prompt"]),
            "completion": tokenizable_cells(responses[completion].fillna("")),
            "language": [check(code) if known(code) else code for code in languages],
            "target": [check(target) for target in targets],
        }
    )


def _variables(judged: Judged, table: pd.DataFrame, codes: list[str], level: float, seed: int) -> Variables:
    """Variables by target language and by response."""
    rows = np.stack([judged.success, judged.relevant]).astype(float)
    prompts = table.groupby(["language", "prompt"], sort=False, dropna=False).ngroup().to_numpy()
    own = [table["target"].to_numpy() == code for code in codes]
    parts = [intervals(rows[:, mine], prompts[mine], level, seed) for mine in own]
    value, low, high = (np.stack(each) for each in zip(*parts, strict=True))  # [language, rate]
    variables: Variables = {}
    for number, (name, words) in enumerate(RATES.items()):
        bounds = low[:, number], high[:, number]
        variables[name] = (("language",), value[:, number], words)
        variables |= interval_ends(("language",), bounds, name, level=level, name=name)
    unidentified = judged.identified == ""

    def of(values: np.ndarray, how: Callable) -> np.ndarray:
        return np.array([how(values[mine]) for mine in own])

    variables |= {
        "chance": (("language",), of(judged.chance, np.mean), "relevance of responses that suit no prompt"),
        "copied": (("language",), of(judged.copied, np.mean), "share of responses that repeat their prompt"),
        "responses": (("language",), of(judged.success, len), "responses"),
        "unidentified": (("language",), of(unidentified, np.sum), "responses in no language that the identifier knows"),
        "empty": (("language",), of(judged.empty, np.sum), "responses without text"),
        "succeeded": (("response",), judged.success, "identified as the target language"),
        "relevant": (("response",), judged.relevant, "relevance to the prompt"),
        "copies": (("response",), judged.copied, "repeats the prompt"),
        "identified": (("response",), judged.identified, "language identified"),
        "target": (("response",), table["target"].to_numpy(dtype=object), "language due"),
    }
    return variables
