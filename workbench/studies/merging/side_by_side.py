"""The study of two models: what differs in their outputs, states, heads and neurons, and where it comes from."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from workbench import figures
from workbench.arguments import one_of
from workbench.merging import side_by_side
from workbench.merging.diffing.same import require_same_tokens
from workbench.merging.side_by_side import possible_parts
from workbench.neurons.classes.ranking import check_share
from workbench.patching.engine.pair_metric import NAMES
from workbench.studies.analysis import Analysis, Cell, Results, analysis
from workbench.studies.findings.merging import side_by_side as findings
from workbench.studies.neurons.effects import compared
from workbench.studies.options import DEFAULTS, Options, common_key, open_model, open_texts
from workbench.studies.patching.sweeps import find_pairs
from workbench.studies.report import Section
from workbench.studies.sections import Drawing, drawing, section
from workbench.text.display.words import language

_POSITIONS = 24  # at the end of prompts, in the figure
_CONTINUED = "Number n of a layer is taken to be the same in both, as it is where one was trained from the other."


# Long: a parameter for each option of the command.
@analysis("compare")
def run_side_by_side(
    before: Any,
    after: Any,
    corpus: Any = "parallel",
    *,
    out: str | Path,
    languages: str | Sequence[str] | None = None,
    limit: int | None = None,
    pairs: Any = None,
    metric: str = "logit_difference",
    top_rate: float = 0.05,
    options: Options = DEFAULTS,
) -> Analysis:
    """Compare two models part by part, and write a report.

    Args:
        before: what `load_model` takes, or a Model.
        after: the same, of the second model.
        limit: first texts to keep of each language, and first pairs.
        pairs: prompts for the exchange of states; none when None.
        metric: read in the exchange: `logit_difference`, `answer_probability` or `nll`.
        top_rate: share of the neurons that are selected.

    Returns:
        The run folder, with `outputs.nc`, `states.nc`, `heads.nc`, `neurons.nc`, with `pairs` also `exchange.nc`, as
        far as the models' shapes allow, and `report.html`. Neurons are compared with two languages or more.

    Raises:
        BadArgument: the models have different tokenizers.
        BadPairs: the pairs cannot be read.
    """
    one_of("metric", metric, NAMES)
    check_share("top_rate", top_rate, closed=True)
    texts = open_texts(corpus, options, languages=languages, limit=limit, alone=True)
    prompts = None if pairs is None else find_pairs(pairs, limit, options.seed, chat=options.chat)
    first, second = (open_model(model, options) for model in (before, after))
    require_same_tokens(first, second)
    if isinstance(pairs, str):  # now with the tokens, so that prompts have one length
        prompts = find_pairs(pairs, limit, options.seed, first.tokenizer, chat=options.chat)
    key = {"before": common_key(first, options, texts), "after": common_key(second, options, texts)}
    own = {
        "neurons": {"top_rate": top_rate},
        "exchange": {"pairs": prompts.hash if prompts else None, "metric": metric},
    }
    given = {"pairs": prompts, "metric": metric, "top_rate": top_rate, **options.texts}

    def cell(part: str) -> Cell:
        def compute(_: Results) -> xr.Dataset:
            return side_by_side(first, second, texts, parts=[part], **given)[part]

        return Cell(part, {**key, "method": f"side_by_side {part}", **own.get(part, {})}, compute)

    return Analysis(
        title=f"{first.name} and {second.name} on {texts.source}",
        question="What differs between the two models, for which language and in which layer?",
        cells=[cell(part) for part in possible_parts(first, second, prompts is not None, len(texts.languages))],
        sections=_sections,
        main=("outputs",),
    )


def _sections(results: Results) -> list[Section]:
    made = {
        "outputs": _outputs,
        "states": _states,
        "heads": lambda result: [_heads(result)],
        "neurons": lambda result: [compared("neurons", result)],
        "exchange": _exchange,
    }
    return [each for part, result in results.items() for each in made[part](result)]


def _outputs(result: xr.Dataset) -> list[Section]:
    return [
        section(
            "outputs",
            result,
            drawing(figures.bars, result, "kl", question="How far apart are the two models' outputs in each language?"),
            reading="A bar is the Kullback-Leibler divergence of the model after from that before, a mean over the "
            "tokens of each text and over texts, computed from all logits; its whisker is the interval over texts. A "
            "model has 0 with itself.",
            finding=findings.outputs(result),
            table=findings.outputs_table(result),
        ),
        section(
            "outputs",
            result,
            Drawing("At which tokens are they furthest apart?"),
            reading="The token of each language with the largest divergence: the text before it, the token that "
            "follows there, and the likeliest one of each model.",
            finding=findings.tokens(result),
            table=findings.tokens_table(result),
            control="Extremes of all tokens: examples, and no estimate.",
        ),
    ]


def _states(result: xr.Dataset) -> list[Section]:
    sections = [
        section(
            "states",
            result,
            drawing(figures.curves, result, "distance", question="In which layer do the states of the models part?"),
            reading="Each line is a language: the size of the difference between the two models' states of a token, "
            "relative to the state before, a mean over all tokens but the first. Layer 0 is the embedding, the last "
            "state is after all layers. A change in one layer shows after it and not before.",
            finding=findings.states(result),
        )
    ]
    if "promoted" in result:
        sections.append(
            section(
                "states",
                result,
                drawing(
                    figures.curves, _highest(result), "score", question="Does the mean difference of states say a word?"
                ),
                reading="The mean difference of states, after minus before, through the final norm's scale and the "
                "unembedding. A line is the score of the token that it raises most: how far its logit lies above the "
                "mean of the vocabulary. The table has each language's layer with the highest score.",
                finding=findings.lens(result),
                table=findings.lens_table(result),
                control="The highest score of 95 % of random directions is at most "
                f"{float(result.random_score):.2f} standard deviations.",
            )
        )
    return sections


def _highest(result: xr.Dataset) -> xr.Dataset:
    """The score of the first token of each direction, `score[language, layer]`."""
    score = result.promoted_score.isel(rank=0, drop=True)
    return score.to_dataset(name="score").assign_attrs(result.attrs)


def _heads(result: xr.Dataset) -> Section:
    table = pd.DataFrame(
        {
            "rank correlation": result.rank_correlation.values,
            "low": result.rank_correlation_low.values,
            "high": result.rank_correlation_high.values,
        },
        index=pd.Index([language(code) for code in result["language"].values], name="language"),
    )
    return section(
        "heads",
        result,
        drawing(figures.heatmap, result, "change", question="Which heads became more or less important?"),
        reading="Importance (LAHIS) after minus before, in nats: above zero the language leans more on the head. "
        f"{_CONTINUED} The table has the rank correlation of all heads' importance before and after.",
        finding=findings.heads(result),
        table=table.round(3),
    )


def _exchange(result: xr.Dataset) -> list[Section]:
    """Both sections; without figures, whose effects would mean nothing, where the models cannot be distinguished."""
    same = findings.alike(result)
    scale = "0 is the model before, 1 the model after; prompts are the pairs' source prompts."
    whole = "From which layer on is the model before the model after?"
    single = "Which state carries what changed?"
    last = result.isel(position=slice(-_POSITIONS, None))
    return [
        section(
            "exchange",
            result,
            Drawing(whole) if same else drawing(figures.curves, result, "whole", question=whole),
            reading="All states after a layer come from the model after: layers up to this one are its own, the rest "
            f"those of the model before. {scale}",
            finding=findings.exchange_of_all(result),
            table=findings.exchange_table(result),
        ),
        section(
            "exchange",
            result,
            Drawing(single) if same else drawing(figures.heatmap, last, "effect", question=single),
            reading=f"The state after a layer at one position comes from the model after, at most the last "
            f"{_POSITIONS} positions. {scale}",
            finding=findings.exchange(result),
        ),
    ]
