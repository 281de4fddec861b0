"""The study of attention heads: importance, ablation, roles."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workbench import figures
from workbench.heads import ablate, importance, roles
from workbench.model.model import Model
from workbench.studies.explore import study_looks
from workbench.studies.findings import controls
from workbench.studies.findings import heads as findings
from workbench.studies.options import Options, at_least_two, common_key
from workbench.studies.report import Section, recipe, write_report
from workbench.studies.runs import Run, locks_folder, open_run
from workbench.studies.sections import section
from workbench.text.corpus import Corpus


@locks_folder
def run_heads(
    model: Any,
    corpus: Any = "parallel",
    *,
    out: str | Path,
    languages: str | Sequence[str] | None = None,
    limit: int | None = None,
    released_texts: int | None = None,
    ablation_texts: int | None = None,
    options: Options | None = None,
) -> Path:
    """Find out which heads matter for which language, by LAHIS and by exact ablation, and write a report.

    Args:
        model: what `load_model` takes, or a Model.
        corpus: what `load_corpus` takes.
        out: the run folder; cells that are there already with the same key are not computed again.
        languages: to keep; all when None.
        limit: first texts to keep of each language.
        released_texts: first texts of each language for the released variant; all when None.
        ablation_texts: first texts of each language for ablation; all when None.
        options: how to compute.

    Returns:
        The run folder, with `importance_paper.nc`, `importance_released.nc`, `roles.nc`, `ablation.nc`, `kinds.nc`,
        `patterns.nc`, `report.html`, `explorer.html`.

    Raises:
        CannotWrite: the folder cannot be written; before anything is computed.
        TooFewLanguages: fewer than two languages.
        Interrupted: Ctrl-C; the line says what is finished and where.
    """
    options = options or Options()
    run = open_run(out)
    texts = at_least_two(options.corpus(corpus, languages=languages, limit=limit))
    loaded = options.load(model)
    sections = study_heads(run, loaded, texts, options, released_texts=released_texts, ablation_texts=ablation_texts)
    study_looks(run, loaded, texts, options)
    few = {"released_texts": released_texts, "ablation_texts": ablation_texts}
    asked = {"languages": languages, "limit": limit, **few}
    write_report(
        run.folder,
        title=f"Heads of {loaded.name} on {texts.source}",
        question="Which attention heads matter for which language?",
        sections=sections,
        main=("importance_paper", "ablation"),
        recipe=recipe(run_heads, "heads find", model, corpus, out=out, options=options, only_python=list(few), **asked),
    )
    return run.folder


def study_heads(
    run: Run,
    model: Model,
    corpus: Corpus,
    options: Options,
    *,
    released_texts: int | None = None,
    ablation_texts: int | None = None,
) -> list[Section]:
    """Compute the cells of this study into a run, and write their sections."""

    def key(method: str, corpus: Corpus = corpus, **parameters: Any) -> dict[str, Any]:
        return {**common_key(model, options, corpus), "method": method, **parameters}

    some, few = (corpus if n is None else corpus.limit(n) for n in (ablation_texts, released_texts))
    paper = run.cell(
        "importance_paper",
        key("importance", variant="paper"),
        lambda: importance(model, corpus, variant="paper", **options.texts),
    )
    released = run.cell(
        "importance_released",
        key("importance", few, variant="released"),
        lambda: importance(model, few, variant="released", **options.texts),
    )
    kinds = run.cell("roles", key("roles"), lambda: roles(paper))
    removal = run.cell("ablation", key("ablate", some, how="zero"), lambda: ablate(model, some, **options.texts))
    return [
        section(
            "importance_paper",
            paper,
            figures.heatmap(paper, "importance"),
            reading="A panel a language, a cell a head. Bright: making the head stronger would lower the loss of this "
            "language's texts (LAHIS as the paper defines it, from gradients).",
            finding=findings.importance(paper),
        ),
        section(
            "importance_released",
            released,
            figures.heatmap(
                released, "importance", title="Which attention heads matter, as the authors' code computes it?"
            ),
            reading="As above, with the score of the paper's released code: a product of two means, while the mask "
            f"takes a step of AdamW after every text. {_texts(few)}",
            finding=findings.variants(paper, released),
        ),
        section(
            "roles",
            kinds,
            figures.heatmap(kinds, "role"),
            reading="A cell a head. A head stands out for a language when its importance lies above the "
            f"{kinds.attrs['quantile']:g} quantile of that language's heads.",
            finding=findings.roles(kinds),
            control=controls.roles(kinds),
        ),
        section(
            "ablation",
            removal,
            figures.heatmap(removal, "delta"),
            reading="A panel a language, a cell a head. Red: the loss rises when the head's output is set to zero; "
            "blue: it falls. Point at a cell for its interval over texts and its corrected p-value. The table holds "
            "each language's largest rise; the largest of many is likely a little too large. " + _texts(some),
            finding=f"{findings.ablation(removal)} {findings.agreement(paper, removal)}",
            table=findings.harms(removal),
        ),
    ]


def _texts(corpus: Corpus) -> str:
    counts = sorted(set(corpus.counts.values()))
    many = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    return f"Measured on {many} texts of each language."
