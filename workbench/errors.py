"""All errors the workbench raises on purpose: each names the input, the problem and what would work."""

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
    """A comparison between languages got fewer than two."""


class BadCorpus(WorkbenchError):
    """A corpus is missing, empty, in another encoding, or its rows do not align."""


class BadPairs(WorkbenchError):
    """Prompt pairs lack a field, differ in length, or their answers share a first token."""


class BadTask(WorkbenchError):
    """A task lacks a field, has an option too few or a gold that no option has, or its items do not join."""


class BadCounts(WorkbenchError):
    """Firing counts with inconsistent axes, totals or values."""


class BadResult(WorkbenchError):
    """A result file is truncated, not a workbench result, or written by a newer version."""


class BadTranscoder(WorkbenchError):
    """A transcoder that is broken, does not fit the model, or explains nothing of it."""


class BadStudy(WorkbenchError):
    """A study file lacks an entry, has one that is unknown or wrong, or its analyses do not fit together."""


class FailedJobs(WorkbenchError):
    """Some jobs of a study failed; the others are finished."""


class BadArgument(WorkbenchError):
    """An option has a value outside what the method allows."""


class MissingExtra(WorkbenchError):
    """A library that an extra brings is not installed; names the extra."""


class CannotWrite(WorkbenchError):
    """A file or folder cannot be written: read-only, full disk."""


class Busy(CannotWrite):
    """Another process is writing into this run folder."""


class TooLarge(WorkbenchError):
    """The request does not fit in memory or in the model's context, even with batch size 1."""


class NotFinite(WorkbenchError):
    """An activation, a loss or a gradient is NaN or infinite."""


class Interrupted(WorkbenchError):
    """A sweep was interrupted; `partial` is the Result of the cells that were finished, NaN elsewhere."""

    def __init__(self, message: str, partial: Any = None):
        super().__init__(message)
        self.partial = partial


_NO_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")
_INTERNAL = ("workbench", "torch", "contextlib", "functools")


def first_line(error: BaseException) -> str:
    """The reason of an error of another library, in one line."""
    text = str(error).strip().splitlines() or [type(error).__name__]
    rest = text[1].strip() if text[0].endswith(":") and len(text) > 1 else ""  # the reason is on the next line
    return " ".join(filter(None, (text[0], rest)))[:200]


class WorkbenchWarning(UserWarning):
    """Something that affects how to read the numbers; the command line prints its text as one line."""


def warn(message: str) -> None:
    """Warn with the location of the first caller outside the workbench, torch and the standard library.

    A fixed `stacklevel` would point into a decorator's file where a function runs under `torch.no_grad`.
    """
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").split(".")[0] in _INTERNAL:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, WorkbenchWarning, stacklevel=level)


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory did not suffice, of the machine or of a GPU."""
    return isinstance(error, MemoryError) or any(text in str(error).lower() for text in _NO_MEMORY)


def __dir__() -> list[str]:
    """Complete error names only."""
    own = (member for member in globals().values() if isinstance(member, type) and member.__module__ == __name__)
    return sorted(member.__name__ for member in own)
