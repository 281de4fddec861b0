"""Write a run's report: what it says, and the page of it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from workbench.errors import BadArgument
from workbench.figures.drawing.labels import short_name
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
    title, question = (_short(text, sections) for text in (title, question or sections[0].title))
    report = Report(title, question, answer, sections, recipe)
    save_report(report, folder)
    return render(folder, "html")


def _short(text: str, sections: Sequence[Section]) -> str:
    """A title in which models and corpora have their short names, which are no paths."""
    about = [part.provenance.get(key) for part in sections for key in ("model", "corpus")]
    names = {str(made.get("name") or made.get("source")) for made in about if isinstance(made, Mapping)}
    for name in sorted(names, key=len, reverse=True):
        text = text.replace(name, short_name(name))
    return text
