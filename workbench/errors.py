"""Every error the workbench raises on purpose: each says what was asked, what arrived and what would work."""

import sys
import warnings
from typing import Any


class WorkbenchError(ValueError):
    """Base of all errors below; the command line prints its text as one line and exits with 2."""


class UnknownModel(WorkbenchError):
    """No shipped model, local folder or hub model has this name."""


class BrokenModel(WorkbenchError):
    """A model folder lacks a file, has truncated or NaN weights, or fails its checks at loading."""


class UnsupportedSite(WorkbenchError):
    """The model's architecture lacks this site, or silently ignores edits to it."""


class UnknownLanguage(WorkbenchError):
    """A language code is unknown, or is not in this corpus or result."""


class TooFewLanguages(WorkbenchError):
    """A comparison between languages was asked of fewer than two."""


class BadCorpus(WorkbenchError):
    """A corpus is missing, empty, in another encoding, or its rows do not align."""


class BadPairs(WorkbenchError):
    """Prompt pairs lack a field, differ in length, or their answers share a first token."""


class BadCounts(WorkbenchError):
    """Firing counts whose axes, totals or values cannot be what they claim to be."""


class BadResult(WorkbenchError):
    """A result file is cut short, is not ours, or was written by a newer version."""


class BadArgument(WorkbenchError):
    """An option has a value outside what the method allows."""


class CannotWrite(WorkbenchError):
    """A file or folder cannot be written: read-only, full disk."""


class TooLarge(WorkbenchError):
    """What was asked does not fit in memory or in the model's context, even alone."""


class NotFinite(WorkbenchError):
    """An activation, a loss or a gradient is NaN or infinite."""


class Interrupted(WorkbenchError):
    """A sweep was interrupted; `partial` is the Result of the cells that were finished, NaN elsewhere."""

    def __init__(self, message: str, partial: Any = None):
        super().__init__(message)
        self.partial = partial


_INSIDE = ("workbench", "torch", "contextlib", "functools")


class WorkbenchWarning(UserWarning):
    """Something that a reader of the numbers should know; the command line prints its text as one line."""


def warn(message: str) -> None:
    """Warn from the first line outside the workbench, torch and the standard library, so that it is seen as the user's.

    A fixed `stacklevel` points into a decorator's file where a function runs under `torch.no_grad`.
    """
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").split(".")[0] in _INSIDE:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, WorkbenchWarning, stacklevel=level)


def __dir__() -> list[str]:
    """Complete the errors, and nothing that they are made with."""
    own = (one for one in globals().values() if isinstance(one, type) and one.__module__ == __name__)
    return sorted(one.__name__ for one in own)
