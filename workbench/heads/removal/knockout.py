"""Knock-out: what each language loses without a group of heads, against random heads of the same layers."""

from functools import partial

import numpy as np
import xarray as xr

from workbench.arguments import checked, whole_number
from workbench.errors import BadArgument
from workbench.heads.finished_languages import in_words
from workbench.heads.groups import random_groups, read_groups
from workbench.heads.removal.diagonal import diagonal
from workbench.heads.scores.measure import Table, fill_table
from workbench.model.batching import by_language, texts_per_batch
from workbench.model.forward.alone import alone
from workbench.model.metrics import Metric, nll
from workbench.model.model import Model
from workbench.results.controls import OWNERS, beyond_controls
from workbench.results.groups import Groups
from workbench.results.interval_ends import interval_ends
from workbench.results.make import Variables, make_result
from workbench.results.resuming.stoppable import Stoppable
from workbench.text.corpus import Corpus
from workbench.text.order import sort_texts

_CELLS = ("group", "language")


# Long: the options are those of the paper's table and of its controls and tests.
@checked
@alone
def knockout(
    model: Model,
    corpus: Corpus,
    groups: Groups,
    *,
    metric: Metric = nll,
    controls: int = 20,
    scale: float = 0.0,
    level: float = 0.95,
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
    truncate: bool = False,
) -> xr.Dataset:
    """Switch off each group of heads and measure every language: the language x language matrix of the LAHIS paper.

    A head that is off outputs 0 at every position. delta = NLL without the group - NLL. Each group is compared with
    `controls` random groups of as many heads in each layer, drawn from the heads outside it (also from its own where a
    layer has too few others). It is exact: all that follows the group is run again.

    Args:
        model: the model.
        corpus: texts by language.
        groups: a Result of `roles`, whose languages become the groups, or of any score of heads, of which each
            language's strongest 2 % are taken (see `top`), or a dict of group -> (layer, head) pairs, such as
            `top(scores, share=0.01)`. A group without heads changes nothing.
        metric: what is measured of each text, with each group and without.
        controls: random groups for each group; with 0 their variables are NaN.
        scale: what the heads' outputs are multiplied by: 0 switches off, 2 doubles.

    Returns:
        In nats, or the metric's unit: `delta[group, language]`, mean over texts; `low`, `high`, its bootstrap interval;
        `control_mean`, the mean over the random groups; `control_low`, `control_high`, the central `level` of the
        random groups' deltas; `excess` = delta - control_mean, with `excess_low`, `excess_high` over texts and
        `p_value`, the t-test over texts that it is 0, Benjamini-Hochberg corrected over all cells (both count repeated
        texts once); `control_delta[group, control, language]`; `sample_delta` and `sample_control[group, language,
        sample]`, each text's change without the group and its mean change without a random group; `baseline[language]`.

        The diagonal against the rest: `contrast[group]`, the excess (with `controls=0` the delta) in the language whose
        code the group has less its mean in the others, with `contrast_low`, `contrast_high` over texts; and as
        attributes `diagonal`, the mean contrast, `diagonal_low`, `diagonal_high`, and `diagonal_p`, the one-sided
        permutation test over which group belongs to which language (9,999 shuffles). NaN where no group has a
        language's code.

        And `heads[group]`, their number; `shared[group]`, the share of a control's heads that are the group's.

    Raises:
        BadArgument: an option out of range, no group, or a head that does not exist.
        BadResult: `groups` belongs to another model.
        UnsupportedSite: edits of head outputs do not work in this architecture.
        NotFinite: a loss is NaN or infinite.
        TooLarge: a text exceeds the context and `truncate` is off.
        Interrupted: `partial` holds the languages that were finished, NaN elsewhere.

    Source:
        arXiv 2511.07498, section 4 (perplexity without the top 2 % of heads); the controls and tests are ours.

    Example:
        >>> roles = wb.heads.roles(wb.heads.importance(model, corpus))                           # doctest: +SKIP
        >>> wb.figures.matrix(wb.heads.knockout(model, corpus, roles), "excess")                 # doctest: +SKIP
    """
    whole_number("controls", controls)
    if scale == 1:
        raise BadArgument(f"scale={scale!r}; give a finite number other than 1, 0 switches off")
    size = texts_per_batch(batch_size)
    model.require("head")
    named = read_groups(groups, model.n_layers, model.n_heads)
    masks = np.stack(
        [np.concatenate([mask[None], random_groups(name, mask, controls, seed=seed)]) for name, mask in named.items()]
    )  # [group, itself and controls, layer, head]
    scales = np.where(masks, scale, 1.0).reshape(-1, model.n_layers, model.n_heads)
    encoded = model.encode(corpus, truncate=truncate)
    table = Table(corpus, len(scales))
    origin = groups.attrs.get("method") if isinstance(groups, xr.Dataset) else None
    heads = {name: np.argwhere(mask).tolist() for name, mask in named.items()}
    compared = {
        "metric": metric.name,
        "groups": {"heads": heads, "method": origin},
        "controls": controls,
        "scale": scale,
    }
    batches = by_language(model, encoded, batch_size=size)
    stopped = partial(in_words, corpus.languages, lambda: table.finished)
    with Stoppable("knock-out", len(batches) * len(scales), "pass", stopped, progress=progress) as loop:
        fill_table(table, model, batches, scales, metric=metric, step=loop.bar.update)
    variables, attrs = _variables(table, masks, list(named), metric, level, seed)
    result = make_result(
        variables,
        {"group": list(named), "language": list(corpus.languages)},
        method="heads.knockout",
        owners=OWNERS,
        parameters={**compared, "level": level, "batch_size": size, "truncate": truncate},
        model=model.info,
        corpus=corpus.info,
        seed=seed,
        attrs=attrs,
    )
    return loop.result(result)


def _variables(
    table: Table, masks: np.ndarray, names: list[str], metric: Metric, level: float, seed: int
) -> tuple[Variables, dict[str, float]]:
    """The Result's variables and the attributes of the diagonal."""
    raw = table.deltas.reshape(*masks.shape[:2], *table.losses.shape[1:])  # [group, itself and controls, language, ...]
    whole = sort_texts(table.corpus, raw)
    counts = np.where(table.finished, table.counts, np.nan)
    compared, average = whole[:, 0], np.full_like(raw[:, 0], np.nan)
    common = np.full(len(names), np.nan)
    if raw.shape[1] > 1:
        compared, average = compared - whole[:, 1:].mean(1), raw[:, 1:].mean(1)
        common = (masks[:, :1] & masks[:, 1:]).sum((2, 3)).mean(1)
    corpus, unit = table.corpus, metric.unit
    own, rows = (sort_texts(corpus, clusters) for clusters in (corpus.clusters, corpus.row_clusters))
    how = {"level": level, "seed": seed}
    across = diagonal(compared, names, list(corpus.languages), aligned=corpus.aligned, clusters=rows, **how)
    heads = masks[:, 0].sum((1, 2))
    words = {"axis": "group", "changed": "heads", "noun": metric.noun, "unit": unit}
    mean_change = f"mean change of each text's {metric.noun} over the random groups [{unit}]"
    variables = {
        **beyond_controls(whole, counts, clusters=own, **words, **how),
        "sample_delta": ((*_CELLS, "sample"), raw[:, 0], f"change of each text's {metric.noun} [{unit}]"),
        "sample_control": ((*_CELLS, "sample"), average, mean_change),
        "baseline": (("language",), table.baseline, f"mean {metric.long_name} [{unit}]"),
        "contrast": (("group",), across.contrast, f"change of the own language less the others' mean [{unit}]"),
        **interval_ends(
            ("group",), (across.low, across.high), f"contrast over texts [{unit}]", level=level, name="contrast"
        ),
        "heads": (("group",), heads, "heads of the group"),
        "shared": (("group",), common / np.maximum(heads, 1), "share of a control's heads that are the group's own"),
    }
    attrs = {
        "diagonal": across.mean,
        "diagonal_low": across.mean_low,
        "diagonal_high": across.mean_high,
        "diagonal_p": across.p_value,
    }
    return variables, attrs
