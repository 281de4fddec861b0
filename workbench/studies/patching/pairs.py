"""The pairs of a patching study: a table of the first of them in the report, and all of them in a file."""

import json

import pandas as pd
import xarray as xr

from workbench.results.files import write_whole
from workbench.results.make import provenance
from workbench.studies.findings.finding import finding
from workbench.studies.findings.patches import trust
from workbench.studies.report import Section
from workbench.studies.runs import Run
from workbench.text.display.safe import plain_line
from workbench.text.display.words import count
from workbench.text.pairs import Pairs

FILE = "pairs.csv"
RUNS = (
    "Source and target run are what the literature calls the clean and the corrupted run (Meng et al. 2022; Zhang and "
    "Nanda 2024): activations of the source run, which leads to the answer, are put into the target run, which leads "
    "to the foil. Both are ordinary prompts; no noise is added."
)
_SHOWN = 5  # pairs in the table
_BEFORE = 30  # letters of a prompt that are shown before the first that its other prompt has not
_LETTERS = 90  # most of a prompt


def pairs_section(pairs: Pairs, result: xr.Dataset) -> Section:
    """The section that shows a study's prompts, with the metric of both runs. Reads `source_value`, `target_value`."""
    metric = str(result.attrs["metric"]).replace("_", " ")
    rows = [
        [*_shown_prompts(pair.source, pair.target), _visible(pair.answer), _visible(pair.foil), source, target]
        for pair, source, target in zip(
            pairs.items[:_SHOWN], result.source_value.values, result.target_value.values, strict=False
        )
    ]
    columns = ["source prompt", "target prompt", "answer", "foil", f"{metric}, source run", f"{metric}, target run"]
    more = f" and {len(pairs) - _SHOWN} more in {FILE}" if len(pairs) > _SHOWN else ""
    distinct = pairs.distinct_count("pairs").get("pairs")
    own = f", {distinct} of them distinct" if distinct else ""
    return Section(
        title="Which prompts are patched?",
        figure=None,
        table=pd.DataFrame(rows, columns=columns, index=pd.RangeIndex(len(rows), name="pair")),
        reading=f"The first {count(len(rows), 'pair')}{more}; what both prompts of a pair begin with is shortened. "
        f"{RUNS}",
        finding=finding(f"{count(len(pairs), 'pair')} of prompts{own}.", trust(result)),
        provenance=provenance(result),
        file=FILE,
    )


def write_pairs(pairs: Pairs, run: Run) -> None:
    """Write all pairs into the run folder, as `load_pairs` reads them."""
    table = pairs.to_frame()
    table["roles"] = [None if roles is None else json.dumps(roles, ensure_ascii=False) for roles in table["roles"]]
    write_whole(run.folder / FILE, table.to_csv(index=False))


def _shown_prompts(source: str, target: str) -> tuple[str, str]:
    """Both prompts from the line on in which they first differ."""
    differ = (place for place, (a, b) in enumerate(zip(source, target, strict=False)) if a != b)
    first = next(differ, min(len(source), len(target)))
    start = max(source.rfind("\n", 0, first) + 1, first - _BEFORE)
    cut = "… " if start else ""
    shown = [plain_line(cut + text[start:].replace("\n", "↵"), most=_LETTERS) for text in (source, target)]
    return shown[0], shown[1]


def _visible(word: str) -> str:
    return plain_line(word.replace(" ", "␣"))
