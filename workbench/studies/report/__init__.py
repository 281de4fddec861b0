"""The report of a run: what was asked, what came out, against which controls, and how to do it again.

A run stores what its report says in `report.json`; every form of the report is made of that file alone.
"""

from workbench.studies.report.contents import Report, Section
from workbench.studies.report.recipe import Recipe, recipe
from workbench.studies.report.render import FORMATS, render
from workbench.studies.report.write import write_report

__all__ = ["FORMATS", "Recipe", "Report", "Section", "recipe", "render", "write_report"]
