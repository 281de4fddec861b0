"""Files that someone hostile might send: each builder writes one into a folder and returns its path.

Each list holds the builders of what one reader reads. Every file has to be refused with a typed error, in little memory
and time, and with nothing read that lies outside it.
"""

from tests.hostile_files.models import MODELS
from tests.hostile_files.reports import REPORTS
from tests.hostile_files.results import RESULTS
from tests.hostile_files.texts import TEXTS

__all__ = ["MODELS", "REPORTS", "RESULTS", "TEXTS"]
