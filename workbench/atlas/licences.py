"""The licence of a model's weights, and whether results of the model may be published."""

import re

from workbench.arguments import shown
from workbench.errors import BadArgument
from workbench.packaged import MODELS
from workbench.shipped import DATA

_FORBID = re.compile(
    r"all rights reserved|no[- ]?deriv|\bND\b|proprietary|confidential|internal use|unknown|not stated|unlicen[cs]ed",
    re.IGNORECASE,
)


def check_licence(model: str, licence: str | None) -> str:
    """The licence of a model: as given, or as its package or card states it.

    Raises:
        BadArgument: it is not known, or forbids to publish what was made of the weights.
    """
    stated = licence.strip() if licence is not None else known_licence(model)
    if not stated:
        raise BadArgument(f"licence={shown(licence)}; name the licence of the weights of {model}, such as Apache-2.0")
    if forbids := _FORBID.search(stated):
        raise BadArgument(
            f"licence={shown(stated)} ({forbids[0]}): an atlas is for models whose results may be published"
        )
    return stated


def known_licence(model: str) -> str:
    """The licence of a packaged model, or of a shipped one by its card; empty for others."""
    if model in MODELS:
        return MODELS[model].licence
    card = DATA / model / "README.md"
    if not card.is_file():
        return ""
    stated = re.search(r"^license: *(\S+)$", card.read_text(encoding="utf-8"), re.MULTILINE)
    return stated[1] if stated else ""
