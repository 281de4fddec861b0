"""The card of a transcoder, measured again and compared with what is stored."""

import json
from pathlib import Path
from typing import Any

from workbench.circuits.layouts.load import load
from workbench.circuits.shipping.card import write_card
from workbench.circuits.shipping.measure import TITLES, measure
from workbench.errors import BadArgument
from workbench.model.load import load_model
from workbench.results.files import write_whole


def measure_transcoder(
    folder: Path, stored: dict[str, Any], *, corpus: Path | None, write: bool, progress: bool
) -> dict[str, Any]:
    """Every number of the card of the transcoder in a folder; with `write` they are stored, and the card is written.

    Raises:
        BadArgument: the folder has no record of its training.
    """
    record = folder / "training.json"
    if not record.is_file():
        raise BadArgument(f"{folder.name} has no training.json, which names the model that it is of")
    model = load_model(json.loads(record.read_text(encoding="utf-8"))["base"])
    measured = measure(load(folder, model), model, corpus=corpus, progress=progress)
    if write:
        same = stored.get("weights") == measured["weights"]
        unchanged = {name: stored[name] for name in TITLES if same and name in stored}
        content = json.dumps({**unchanged, **measured}, indent=1, ensure_ascii=False)
        write_whole(folder / "evaluation.json", content + "\n")
        write_card(folder)
    return measured
