"""Side by side: what differs between two models, such as a checkpoint and what was trained from it."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import xarray as xr

from workbench.arguments import checked, one_of
from workbench.errors import BadArgument, TooFewLanguages
from workbench.merging.diffing.exchange import exchange
from workbench.merging.diffing.heads import heads
from workbench.merging.diffing.outputs import outputs
from workbench.merging.diffing.same import require_same_shape, require_same_tokens, shape
from workbench.merging.diffing.states import states
from workbench.model.metrics import Metric
from workbench.model.model import Model
from workbench.neurons.classes.ranking import check_share
from workbench.neurons.classes.ternary import ternary
from workbench.neurons.compare import compare
from workbench.neurons.counts.firing import firing
from workbench.patching.engine.pair_metric import NAMES
from workbench.text.corpus import Corpus
from workbench.text.pairs import load_pairs

PARTS = {
    "outputs": (),
    "states": ("layers", "d_model"),
    "heads": ("layers", "heads"),
    "neurons": ("layers", "neurons"),
    "exchange": ("layers", "d_model"),
}
"""part -> the sizes that both models must share for it"""
_CLASSED = 2  # languages or more, from which on neurons have classes


# Long: the shared options of all its parts.
@checked
def side_by_side(
    before: Model,
    after: Model,
    corpus: Corpus,
    *,
    pairs: Any = None,
    parts: Sequence[str] | None = None,
    metric: str | Metric = "logit_difference",
    top_rate: float = 0.05,
    level: float = 0.95,
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
    truncate: bool = False,
) -> dict[str, xr.Dataset]:
    """Compare two models with one tokenizer, such as a checkpoint and what was trained from it.

    Both models are in memory at once. Layers, heads and neurons are compared number by number, which means something
    only where the second model was trained from the first, or both from a third.

    Args:
        before: the first model.
        after: the second.
        corpus: texts by language, for all parts but the exchange.
        pairs: prompts for the exchange: Pairs, or what `load_pairs` reads; each pair's source prompt is run.
        parts: of `outputs`, `states`, `heads`, `neurons`, `exchange`; when None all for which the models have the same
            shape, the neurons only with two languages or more, and the exchange only with `pairs`.
        metric: read in the exchange: `logit_difference`, `answer_probability` or `nll`, or a Metric.
        top_rate: share of the neurons that are selected.

    Returns:
        A Result for each part.

        `outputs`: per language `kl`, the divergence of the distribution after from that before, and `reverse_kl`, in
        nats a token, exact from all logits; `nll_change` with its corrected p-value; `other_choice`, the share of
        tokens before which the likeliest one is another; each with its interval over texts; and the tokens with the
        largest divergence (`token_kl`, `context`, `next`, `choice_before`, `choice_after` [language, rank]).

        `states`: per language and layer `distance` and `cosine` of the residual streams, with intervals;
        `difference[language, layer, d]`, their mean difference; `shift`, its relative length; `common`, the share of
        the change that is one vector; `halves`, the cosine between even and odd texts; the tokens that it promotes and
        suppresses through the logit lens, with their scores and that of random directions.

        `heads`: `change[language, layer, head]` of the importance, with interval and corrected p-value, and
        `rank_correlation[language]`.

        `neurons`: what `neurons.compare` returns for the ternary classes of both.

        `exchange`: `effect[layer, position]` of a state of the model after in the run of the model before, between 0
        (before) and 1 (after), and `whole[layer]`, of all positions at once; with intervals over prompts.

    Raises:
        BadArgument: the models differ in tokenizer or in a size that a named part needs, there is no such part, or the
            exchange has no pairs.
        BadPairs: answer and foil of a pair begin with the same token.
        TooFewLanguages: `parts` names the neurons, and the corpus has one language.
        UnsupportedSite: edits of heads or neurons do not work in this architecture.
        NotFinite: an activation, a loss or an output is NaN or infinite.
        Interrupted: Ctrl-C; `partial` holds what the part at work had.

    Source:
        Divergence of a tuned model from its base: Ouyang et al. 2022 (arXiv 2203.02155). Mean differences of states
        through the lens: Minder et al. 2025 (arXiv 2510.13900). States of one model in another: Prakash et al. 2024
        (arXiv 2402.14811, cross-model activation patching). The intervals and controls are ours.

    Example:
        >>> before, after = wb.load_model("polyglot-base"), wb.load_model("polyglot-aligned")      # doctest: +SKIP
        >>> wb.merging.side_by_side(before, after, wb.load_corpus(limit=24))["outputs"].kl         # doctest: +SKIP
    """
    if isinstance(metric, str):
        one_of("metric", metric, NAMES)
    check_share("top_rate", top_rate, closed=True)
    pairs = None if pairs is None else load_pairs(pairs)  # read before anything is computed
    require_same_tokens(before, after)
    how = {"progress": progress, "batch_size": batch_size, "seed": seed}
    texts = {**how, "level": level, "truncate": truncate}

    def classes_compared() -> xr.Dataset:
        counts = (firing(model, corpus, **how, truncate=truncate) for model in (before, after))
        return compare(*(ternary(each, top_rate=top_rate) for each in counts), level=level, seed=seed)

    computed: dict[str, Callable[[], xr.Dataset]] = {
        "outputs": partial(outputs, before, after, corpus, **texts),
        "states": partial(states, before, after, corpus, **texts),
        "heads": partial(heads, before, after, corpus, **texts),
        "neurons": classes_compared,
        "exchange": partial(exchange, before, after, pairs, metric=metric, **how),
    }
    return {part: computed[part]() for part in _chosen(before, after, corpus, pairs is not None, parts)}


def possible_parts(before: Model, after: Model, has_pairs: bool, languages: int) -> list[str]:
    """The parts that the shapes of two models allow; the exchange only with pairs, neurons with several languages."""
    first, second = shape(before), shape(after)
    allowed = [part for part, sizes in PARTS.items() if all(first[size] == second[size] for size in sizes)]
    can = {"exchange": has_pairs, "neurons": languages >= _CLASSED}
    return [part for part in allowed if can.get(part, True)]


def _chosen(before: Model, after: Model, corpus: Corpus, has_pairs: bool, parts: Sequence[str] | None) -> list[str]:
    """The parts to compute.

    Raises:
        BadArgument: no such part, one that the models' shapes do not allow, or the exchange without pairs.
        TooFewLanguages: the neurons of one language.
    """
    if parts is None:
        return possible_parts(before, after, has_pairs, len(corpus.languages))
    for part in parts:
        require_same_shape(before, after, *PARTS[one_of("parts", part, PARTS)])
    if "exchange" in parts and not has_pairs:
        raise BadArgument("parts names 'exchange', which runs prompts; give pairs= (see wb.load_pairs)")
    if "neurons" in parts and len(corpus.languages) < _CLASSED:
        raise TooFewLanguages(f"parts names 'neurons', whose classes need two languages; {corpus.source} has one")
    return [part for part in PARTS if part in parts]
