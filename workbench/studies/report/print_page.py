"""The report for a printer: one page without scripts, figures drawn into it, on A4 with a table of contents."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template

from workbench.studies.report import body
from workbench.studies.report.contents import Report, Section

_HERE = Path(__file__).parent


def printed(
    report: Report, pictures: Sequence[bytes], *, run: str = ".", beside: Mapping[str, str] | None = None
) -> str:
    """The printed form as text.

    Args:
        report: What it says.
        pictures: An SVG for each section.
        run: Address of the run folder as seen from the file.
        beside: Addresses of other pages of the run, and what is on them.
    """

    def draw(number: int, section: Section) -> str:
        drawn = pictures[number - 1].decode("utf-8")
        return f'<div role="img" aria-label="{escape(f"{section.title} {section.reading}")}">{drawn}</div>'

    style = [(_HERE / name).read_text(encoding="utf-8") for name in ("page.css", "printed.css")]
    return Template((_HERE / "printed.html").read_text(encoding="utf-8")).substitute(
        title=escape(report.title),
        style="\n".join(style),
        header=body.header(report, beside or {}),
        contents=body.contents(report),
        sections=body.sections(report, draw, run=run, pages=beside),
    )
