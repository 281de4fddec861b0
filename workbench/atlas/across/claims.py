"""Claims of papers, and whether they hold on each model."""

from collections.abc import Mapping

import pandas as pd
import xarray as xr

from workbench.arguments import checked, whole_number
from workbench.atlas.across.evidence import UNDECIDED, UNMEASURED, Draws
from workbench.atlas.across.reading import check_results
from workbench.atlas.across.statements import STATEMENTS

COLUMNS = ("claim", "paper", "model", "estimate", "low", "high", "p_value", "unit", "verdict", "sentence")

_VERBS = {UNDECIDED: "is undecided"}


@checked
def claims(
    results: Mapping[str, Mapping[str, xr.Dataset]], *, level: float = 0.95, resamples: int = 1000, seed: int = 0
) -> pd.DataFrame:
    """Measure claims of papers on the results of each model: an estimate with its interval, and a verdict.

    Each claim has a number, and holds above 0 if nothing else is written:

    - LAPE neurons, or the ternary method's specific ones, lie in the outer thirds of the layers: the share of a
      language's neurons there minus that of an even spread, mean over languages; Student's interval over languages.
    - The concept is handed over to the last token after the middle: depth from which on the source's concept outweighs
      the target's after patching the last token; holds above 0.5; bootstrap over concepts.
    - The target language takes over after the middle: depth from which on the lens gives its word a higher probability
      than the shown one's; holds above 0.5; bootstrap over concepts.
    - English is ahead in the middle: the most by which its word exceeds the target's at depths from 1/3 to 2/3, on
      routes without English; bootstrap over concepts, corrected for the number of depths.
    - A language has heads of its own: rank correlation of removal effects between halves of its sentences, minus that
      with other languages; Student's interval over languages.
    - Languages of one script, or of like token counts, share heads or neurons: partial correlation over pairs of
      languages, the other reason taken out; interval by delete-one-language jackknife, p-value by permuting languages.

    Args:
        results: model to its results by their names in the atlas, such as `{"polyglot": {"neurons/lape": ...}}`. Read
            are `heads/ablation`, `neurons/firing`, `neurons/lape`, `neurons/ternary`, and all `lens-*/lens` and
            `concepts-*/last`; what is not there is "not measured".
        resamples: bootstrap draws, and permutations of languages.

    Returns:
        A row for each claim and model: `claim`, `paper`, `model`, `estimate`, `low`, `high`, `p_value` (NaN without a
        permutation test), `unit`, `verdict`, and `sentence`, the numbers in words. The verdict is "holds" if the whole
        interval is on the claim's side, "does not hold" if it is on the other, else "undecided"; with a p-value
        both need p <= 1 - level. Means over fewer than six languages have no interval. "not measured" comes with the
        reason in its sentence.

    Raises:
        BadArgument: no models, a model without any of these results, or an option out of range.
        BadResult: a result is of another kind than its name says.

    Source:
        arXiv 2402.16438, 2505.21505, 2411.08745, 2402.10588, 2511.07498, 2604.05090 (`paper`); estimates and tests
        are ours. Mantel test: Smouse, Long and Sokal 1986.

    Example:
        >>> claims({"polyglot": {"neurons/lape": wb.neurons.lape(counts)}}).verdict             # doctest: +SKIP
    """
    whole_number("resamples", resamples, at_least=1)
    check_results(results)
    draws = Draws(level, resamples, seed)
    rows = []
    for statement in STATEMENTS:
        for model, own in results.items():
            evidence = statement.measure(own, draws)
            verdict = evidence.verdict(statement.bar, level)
            text = f"{evidence.text}; the claim {_VERBS.get(verdict, verdict)}"
            if verdict == UNMEASURED:
                text = f"not measured: {evidence.reason}"
            rows.append(
                {
                    "claim": statement.claim,
                    "paper": statement.paper,
                    "model": model,
                    "estimate": evidence.estimate,
                    "low": evidence.low,
                    "high": evidence.high,
                    "p_value": evidence.p_value,
                    "unit": statement.unit,
                    "verdict": verdict,
                    "sentence": f"{model}: {text}.",
                }
            )
    return pd.DataFrame(rows, columns=list(COLUMNS))
