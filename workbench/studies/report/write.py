"""Write a run's report: what it says, and the page of it."""

from collections.abc import Sequence
from pathlib import Path

from workbench.errors import BadArgument
from workbench.studies.report.contents import Report, Section
from workbench.studies.report.recipe import Recipe
from workbench.studies.report.render import render
from workbench.studies.report.store import save_report


def write_report(
    folder: str | Path,
    *,
    title: str,
    sections: Sequence[Section],
    question: str = "",
    main: Sequence[str] = (),
    recipe: Recipe | None = None,
) -> Path:
    """Write `report.json` and `report.html` into a run folder, each whole or not at all.

    Args:
        folder: The run folder.
        title: Of the page.
        sections: In the order of reading; every text in them is escaped.
        question: What the study asks; by default the first section's.
        main: The cells whose answers are the report's; by default the first.
        recipe: How to reproduce it.

    Returns:
        The path of the page.

    Raises:
        BadArgument: No sections.
        CannotWrite: The folder is read-only or the disk is full.
    """
    if not sections:
        raise BadArgument(f"a report needs at least one section, got none for {title!r}")
    answers = [part.finding.answer for part in sections if part.file and part.file.removesuffix(".nc") in main]
    answer = " ".join(answers or [sections[0].finding.answer])
    report = Report(title, question or sections[0].title, answer, sections, recipe)
    save_report(report, folder)
    return render(folder, "html")
