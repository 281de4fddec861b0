"""The study of a transcoder's quality: what it explains of each layer, and what predictions lose with it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workbench import figures
from workbench.circuits import quality
from workbench.studies.analysis import Analysis, Cell, Results, analysis
from workbench.studies.circuits.opened import OPTIONS, SHIPPED, key_of, name_of, open_both
from workbench.studies.findings.circuits import quality as findings
from workbench.studies.forecast import Work
from workbench.studies.options import DEFAULTS, Options, open_texts
from workbench.studies.report import Section
from workbench.studies.sections import drawing, section


@analysis("circuits quality", as_options=OPTIONS, only_python=("chat",))
def run_circuit_quality(
    model: Any = "polyglot",
    corpus: Any = "parallel",
    *,
    out: str | Path,
    transcoder: Any = SHIPPED,
    languages: str | Sequence[str] | None = None,
    limit: int | None = None,
    options: Options = DEFAULTS,
) -> Analysis:
    """Measure how well a transcoder stands in for what a model's layers write, and write a report.

    Args:
        transcoder: what `wb.circuits.load` takes, or a Transcoder.

    Returns:
        The run folder, with `quality.nc` and `report.html`.

    Raises:
        BadTranscoder: it is not there, or does not fit the model.
    """
    texts = open_texts(corpus, options, languages=languages, limit=limit, alone=True)
    opened, loaded = open_both(transcoder, model, options)
    key = {**key_of(opened, loaded, options, texts), "method": "circuits.quality"}
    works = [Work(loaded, texts, 4, 3)]  # two passes, and one for each mode
    cell = Cell("quality", key, lambda _: quality(opened, loaded, texts, **options.texts), works)
    return Analysis(
        title=f"What {name_of(transcoder)} explains of {loaded.name} on {texts.source}",
        question="Can features stand in for what the layers write?",
        cells=[cell],
        sections=_sections,
    )


def _sections(results: Results) -> list[Section]:
    made = results["quality"]
    losses = "What do predictions lose when all outputs are replaced at once?"
    layers = "How much of what each layer writes is explained, by language?"
    return [
        section(
            "quality",
            made,
            drawing(figures.bars, made, "kl", question=losses),
            reading="How far predictions are from the model's own, in nats a token: 0 is the same. Outputs of all "
            "layers are replaced by what the transcoder writes (replaced), or by their mean over the corpus "
            "(mean_ablated). Whiskers are intervals over texts.",
            finding=findings.predictions(made),
            control="Every output at its mean over the corpus, which any transcoder must beat.",
            table=findings.quality_table(made),
        ),
        section(
            "quality",
            made,
            drawing(figures.matrix, made, "explained", question=layers),
            reading="1 less the squared error over the variance of the layer's outputs in the language: 1 is exact, 0 "
            "no better than a constant. Each layer is read in the unchanged model.",
            finding=findings.explained(made),
            control="0 is what a constant explains. Features with random encoders are another control, which takes a "
            "fit of its own: circuits.random.",
        ),
    ]
