"""The study of two tunings: how much each expert changed, and whether both changed the same weights."""

from pathlib import Path

import pandas as pd
import xarray as xr

from workbench import figures
from workbench.merging.checkpoint import Checkpoint
from workbench.merging.difference import difference
from workbench.merging.pair import pair
from workbench.studies.analysis import Analysis, Cell, Results, analysis
from workbench.studies.evaluation.tokens import short_name
from workbench.studies.findings.merging import difference as findings
from workbench.studies.options import DEFAULTS, Options
from workbench.studies.report import Section
from workbench.studies.sections import drawing, section

_CELL = "difference"
_CONTROL = "All weights are read: there is no sample, and no interval."
_NONE = [name for name in vars(DEFAULTS) if name != "progress"]  # files are read; no model is loaded


@analysis("merge difference", only_python=_NONE)
def run_merge_difference(
    base: str | Path,
    task: str | Path,
    language: str | Path,
    *,
    out: str | Path,
    top: float = 0.05,
    ceiling: str | Path | None = None,
    floor: str | Path | None = None,
    options: Options = DEFAULTS,
) -> Analysis:
    """Compare what two tunings of a model changed, weight by weight, and write a report.

    Args:
        base: the model before tuning; as the experts, what `wb.merging.pair` takes.
        task: the expert of a task.
        language: the expert of a language.
        top: share of a cell's weights that counts as changed most.
        ceiling: a second expert of the task, trained with another seed.
        floor: an expert tuned on shuffled data.

    Returns:
        The run folder, with `difference.nc` and `report.html`.

    Raises:
        UnknownModel, BrokenModel: a model is not there, or they cannot be compared.
        BadArgument: `top` is no share.
    """
    opened = pair(base, task, language)
    bounds = {name: given for name, given in {"ceiling": ceiling, "floor": floor}.items() if given is not None}
    digests = {role: member.digest for role, member in opened.members.items()}
    digests |= {name: Checkpoint.open(given).digest for name, given in bounds.items()}
    names = [short_name(str(name)) for name in (task, language, base)]
    return Analysis(
        title=f"What {names[0]} and {names[1]} changed in {names[2]}",
        question="Do the two tunings change the same weights?",
        cells=[
            Cell(
                _CELL,
                {"method": "merging.difference", "top": top, **digests},
                lambda _: difference(opened, top=top, progress=options.progress, **bounds),
                [],
            )
        ],
        sections=_sections,
        main=(_CELL,),
    )


def _sections(results: Results) -> list[Section]:
    made = results[_CELL]
    outside = findings.outside_table(made)
    size = "Which weights did each expert change?"
    cosine = "Do both experts change their weights in the same direction?"
    overlap = "Do both experts change the same weights?"
    return [
        section(
            _CELL,
            made,
            drawing(figures.heatmap, made, "size", question=size, facet="expert"),
            reading="The size of the change (root mean square) of a group of tensors in a layer, relative to that of "
            "the weights before: 0 is unchanged. Tensors outside the layers, if there are any, are in the table.",
            finding=findings.sizes(made),
            control=_CONTROL,
            table=outside if len(outside) else None,
        ),
        section(
            _CELL,
            made,
            drawing(figures.heatmap, _panels(made, "cosine"), "cosine", question=cosine, facet="sets"),
            reading="The cosine of two changes of the same weights: 1 is the same direction, 0 none in common. Grey: "
            "one of the two changed nothing there.",
            finding=findings.directions(made),
            control=_CONTROL,
        ),
        section(
            _CELL,
            made,
            drawing(figures.heatmap, _panels(made, "overlap"), "overlap", question=overlap, facet="sets"),
            reading="Of the weights that either of two changes most, the share that both do (Jaccard): 1 where the "
            "sets are one, 0 where they share none.",
            finding=findings.shared(made),
            control="Beside it stands what sets of the same sizes share that are drawn at random (hypergeometric); z "
            "in the result is the distance from it.",
        ),
    ]


def _panels(result: xr.Dataset, variable: str) -> xr.Dataset:
    """A variable of both experts, by chance, and of the task expert with ceiling and floor, along `sets`."""
    names = {variable: "of both experts", f"expected_{variable}": "drawn at random"}
    names |= {f"ceiling_{variable}": "of another seed", f"floor_{variable}": "of shuffled data"}
    there = [name for name in names if name in result]
    label = pd.Index([names[name] for name in there], name="sets")
    stacked = xr.concat([result[name] for name in there], label, combine_attrs="override")
    return stacked.to_dataset(name=variable).assign_attrs(result.attrs)
