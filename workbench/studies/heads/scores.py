"""The study of attention heads: importance, ablation, roles."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workbench import figures
from workbench.heads import ablate, importance, roles
from workbench.model.model import Model
from workbench.studies.analysis import Analysis, Cell, Results, analysis
from workbench.studies.explore import attention_cells, write_explorer
from workbench.studies.findings import controls
from workbench.studies.findings import heads as findings
from workbench.studies.forecast import GRADIENT, Work
from workbench.studies.options import DEFAULTS, Options, common_key, open_model, open_texts
from workbench.studies.report import Section
from workbench.studies.sections import drawing, section
from workbench.text.corpus import Corpus


@analysis("heads find", only_python=("released_texts", "ablation_texts"))
def run_heads(
    model: Any,
    corpus: Any = "parallel",
    *,
    out: str | Path,
    languages: str | Sequence[str] | None = None,
    limit: int | None = None,
    released_texts: int | None = None,
    ablation_texts: int | None = None,
    options: Options = DEFAULTS,
) -> Analysis:
    """Find out which heads matter for which language, by LAHIS and by exact ablation, and write a report.

    Args:
        released_texts: first texts of each language for the released variant; all when None.
        ablation_texts: first texts of each language for ablation; all when None.

    Returns:
        The run folder, with `importance_paper.nc`, `importance_released.nc`, `roles.nc`, `ablation.nc`, `kinds.nc`,
        `patterns.nc`, `report.html`, `explorer.html`.
    """
    texts = open_texts(corpus, options, languages=languages, limit=limit)
    loaded = open_model(model, options)
    scores = heads_analysis(loaded, texts, options, released_texts=released_texts, ablation_texts=ablation_texts)
    return Analysis(
        title=f"Heads of {loaded.name} on {texts.source}",
        question="Which attention heads matter for which language?",
        cells=[*scores.cells, *attention_cells(loaded, texts, options)],
        sections=scores.sections,
        main=("importance_paper", "ablation"),
        beside=write_explorer,
    )


def heads_analysis(
    model: Model,
    corpus: Corpus,
    options: Options,
    *,
    released_texts: int | None = None,
    ablation_texts: int | None = None,
) -> Analysis:
    """The cells and sections of importance, roles and ablation."""

    def key(method: str, corpus: Corpus = corpus, **parameters: Any) -> dict[str, Any]:
        return {**common_key(model, options, corpus), "method": method, **parameters}

    def lahis(variant: str, corpus: Corpus) -> Cell:
        own = key("importance", corpus, variant=variant)
        works = [Work(model, corpus, GRADIENT, GRADIENT)]
        return Cell(
            f"importance_{variant}", own, lambda _: importance(model, corpus, variant=variant, **options.texts), works
        )

    some, few = (corpus if n is None else corpus.limit(n) for n in (ablation_texts, released_texts))
    heads = model.n_layers * model.n_heads  # without a head, the layers after it run again: half of all on average
    cells = [
        lahis("paper", corpus),
        lahis("released", few),
        Cell("roles", key("roles"), lambda results: roles(results["importance_paper"]), []),
        Cell(
            "ablation",
            key("ablate", some, how="zero"),
            lambda _: ablate(model, some, **options.texts),
            [Work(model, some, 1 + heads / 2, 1 + heads)],
        ),
    ]
    return Analysis(f"Heads of {model.name}", cells, lambda results: _sections(results, few, some))


def _sections(results: Results, released_on: Corpus, ablated_on: Corpus) -> list[Section]:
    paper, released = results["importance_paper"], results["importance_released"]
    kinds, removal = results["roles"], results["ablation"]
    question = "Which attention heads matter, as the authors' code computes it?"
    return [
        section(
            "importance_paper",
            paper,
            drawing(figures.heatmap, paper, "importance"),
            reading="Each panel is a language, each cell a head. Bright: making the head stronger would lower the loss "
            "of this language's texts (LAHIS as the paper defines it, from gradients).",
            finding=findings.importance(paper),
        ),
        section(
            "importance_released",
            released,
            drawing(figures.heatmap, released, "importance", question=question),
            reading="As above, with the score of the paper's released code: a product of two means, while the mask "
            f"takes a step of AdamW after every text. {_texts(released_on)}",
            finding=findings.variants(paper, released),
        ),
        section(
            "roles",
            kinds,
            drawing(figures.heatmap, kinds, "role"),
            reading="Each cell is a head. A head stands out for a language when its importance lies above the "
            f"{kinds.attrs['quantile']:g} quantile of that language's heads.",
            finding=findings.roles(kinds),
            control=controls.roles(kinds),
        ),
        section(
            "ablation",
            removal,
            drawing(figures.heatmap, removal, "delta"),
            reading="Each panel is a language, each cell a head. Red: the loss rises when the head's output is set to "
            "zero; blue: it falls. Point at a cell for its interval over texts and its corrected p-value. The table "
            "has each language's largest rise; the largest of many is likely a little too large. " + _texts(ablated_on),
            finding=findings.ablation(removal).then(findings.agreement(paper, removal)),
            table=findings.harms(removal),
        ),
    ]


def _texts(corpus: Corpus) -> str:
    counts = sorted(set(corpus.counts.values()))
    many = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    return f"Measured on {many} texts of each language."
