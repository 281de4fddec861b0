"""The report of a run: its question, findings and controls, and how to reproduce it.

A run stores what its report says in `report.json`; every format of the report is made from that file alone.
"""

from workbench.studies.report.contents import Report, Section
from workbench.studies.report.recipe import Recipe, recipe
from workbench.studies.report.render import FORMATS, render
from workbench.studies.report.write import write_report

__all__ = ["FORMATS", "Recipe", "Report", "Section", "recipe", "render", "write_report"]
