"""The study of features and languages: how evenly they fire, whether meaning is shared, and whose they are."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import xarray as xr

from workbench import figures
from workbench.arguments import whole_number
from workbench.circuits import firing, overlap, profile
from workbench.errors import BadCorpus
from workbench.neurons import lape, ternary
from workbench.studies.analysis import Analysis, Cell, Results, analysis
from workbench.studies.circuits.opened import OPTIONS, SHIPPED, key_of, name_of, open_both
from workbench.studies.findings import controls
from workbench.studies.findings.circuits import features as findings
from workbench.studies.findings.neurons import classes as classes_of
from workbench.studies.forecast import Work
from workbench.studies.neurons.classes import per_layer
from workbench.studies.options import DEFAULTS, Options, open_texts
from workbench.studies.report import Section
from workbench.studies.sections import drawing, section

_DRAWS = 200  # of the bootstrap, for the profile's intervals


@analysis("circuits languages", as_options=OPTIONS, only_python=("chat",))
def run_circuit_languages(
    model: Any = "polyglot",
    corpus: Any = "parallel",
    *,
    out: str | Path,
    transcoder: Any = SHIPPED,
    permutations: int = 999,
    languages: str | Sequence[str] | None = None,
    limit: int | None = None,
    options: Options = DEFAULTS,
) -> Analysis:
    """Count how often features fire in every language, compare translations, sort features, and write a report.

    Args:
        corpus: aligned texts: row i says the same in every language.
        transcoder: what `wb.circuits.load` takes, or a Transcoder.
        permutations: of rows, for the p-values of the overlap.

    Returns:
        The run folder, with `firing.nc`, `profile.nc`, `overlap.nc`, `lape.nc`, `ternary.nc`, `report.html`.

    Raises:
        BadTranscoder: it is not there, or does not fit the model.
        BadCorpus: the texts are not aligned.
    """
    whole_number("permutations", permutations, at_least=1)
    texts = open_texts(corpus, options, languages=languages, limit=limit)
    if not texts.aligned:
        raise BadCorpus(f"{texts.source} is not aligned: overlap compares row i of a language with that of another")
    opened, loaded = open_both(transcoder, model, options)
    key = key_of(opened, loaded, options, texts)
    once = [Work(loaded, texts, 1, 0)]
    cells = [
        Cell(
            "firing",
            {**key, "method": "circuits.firing", "draws": _DRAWS},
            lambda _: firing(opened, loaded, texts, draws=_DRAWS, **options.texts),
            once,
        ),
        Cell("profile", {**key, "method": "circuits.profile"}, lambda results: profile(results["firing"]), []),
        Cell(
            "overlap",
            {**key, "method": "circuits.overlap", "permutations": permutations},
            lambda _: overlap(opened, loaded, texts, permutations=permutations, **options.texts),
            once,
        ),
        Cell("lape", {**key, "method": "lape"}, lambda results: lape(results["firing"]), []),
        Cell("ternary", {**key, "method": "ternary"}, lambda results: ternary(results["firing"]), []),
    ]
    return Analysis(
        title=f"Features and languages: {name_of(transcoder)} of {loaded.name} on {texts.source}",
        question="Do translations share features beyond chance, and which features are of one language?",
        cells=cells,
        sections=_sections,
        main=("overlap", "lape"),
    )


def _sections(results: Results) -> list[Section]:
    shared, evenness, members, classes = (results[name] for name in ("overlap", "profile", "lape", "ternary"))
    return [
        section(
            "overlap",
            shared,
            drawing(
                figures.curves,
                _panels(shared),
                "index",
                question="Do translations share more features than other texts?",
            ),
            reading="Jaccard's index of the features that are active in two texts of different languages: of "
            "translations, and of rows that say something else. What lies between the lines is due to what the texts "
            "say; all below is due to features that fire often.",
            finding=findings.overlap(shared),
            control="Every text against the other rows of the other language (shuffled rows); p-values are of "
            "permutations of the rows, corrected over layers.",
            table=findings.overlap_table(shared),
        ),
        section(
            "profile",
            evenness,
            drawing(figures.curves, evenness, "mean_entropy", question="How evenly do features fire over languages?"),
            reading="The entropy of a feature's rates over languages, averaged over the features of a layer that fire: "
            "1 where each fires equally often in all languages, 0 where each fires in one alone. The band is an "
            "interval over texts.",
            finding=findings.profile(evenness),
            control="None: an even rate does not say that a feature means the same. The overlap of translations "
            "beyond shuffled rows tests that.",
        ),
        section(
            "lape",
            members,
            drawing(
                figures.heatmap,
                per_layer(members),
                "features",
                question="In which layers are the features of each language?",
            ),
            reading="Each cell counts the features of a layer that LAPE gives to a language: lowest entropy over "
            "languages, and often active in this one. A feature may belong to several languages.",
            finding=classes_of.lape(members, classes),
            control=controls.beforehand(members),
        ),
        section(
            "ternary",
            classes,
            drawing(figures.heatmap, classes, "kind", question="Which features are specific, related or general?"),
            reading="Specific: selected, and often active in one language; related: in several; general: often active "
            "in all; unassigned: selected, often active in none.",
            finding=classes_of.ternary(classes),
            control=controls.beforehand(classes),
        ),
    ]


def _panels(result: xr.Dataset) -> xr.Dataset:
    """`index[rows, layer]` with its ends: of translations, and of rows that say something else."""
    names = {"jaccard": "translations", "shuffled": "other rows"}
    made = {
        f"index{end}": xr.concat([result[f"{name}{end}"].drop_attrs() for name in names], "rows")
        for end in ("", "_low", "_high")
    }
    made["index"].attrs = {"long_name": "Jaccard index of active features"}
    return xr.Dataset(made, attrs=result.attrs).assign_coords(rows=list(names.values()))
