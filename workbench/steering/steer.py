"""Steer: what a model writes while a direction is added to its residual stream."""

import json
from collections.abc import Sequence
from typing import Literal

import pandas as pd
import xarray as xr

from workbench.arguments import checked
from workbench.errors import BadCorpus
from workbench.model.continuations import generate
from workbench.model.model import Model
from workbench.steering.vectors.scaled import Unit, scaled
from workbench.text.characters import tokenizable_cells
from workbench.text.corpus import Corpus

Prompts = str | Sequence[str] | Corpus | pd.DataFrame
"""Texts to continue; a table has them in the column `prompt`, and perhaps their `language`."""


# Long: the options of the edit and of the writing.
@checked
def steer(
    model: Model,
    prompts: Prompts,
    direction: xr.Dataset,
    *,
    strength: float,
    layers: int | Sequence[int] | None = None,
    positions: Literal["all", "generated"] = "all",
    unit: Unit = "residual",
    tokens: int = 40,
    temperature: float = 0.0,
    top_p: float = 1.0,
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
) -> pd.DataFrame:
    """Continue prompts while a direction is added to the residual stream.

    Args:
        model: the model.
        prompts: a text or several, a Corpus, or a table with `prompt`, such as of `wb.load_prompts`.
        direction: of one language: `directions(...).sel(language="de")`.
        strength: how much of it; see `scaled`, as for the next and for `unit`.
        layers: where; every layer of the direction when None.
        positions: at `"all"` real positions, or at those of `"generated"` tokens alone: then the prompt is read as
            without steering, and so the first token does not change.
        unit: of the strength: as long as a state is on average, or the direction itself.
        tokens: most tokens to write.
        temperature: 0 takes the likeliest token.
        top_p: draw from the fewest tokens whose probabilities sum to this.

    Returns:
        A row for each prompt: its columns (`prompt`, and `language` where it has one), `completion`, and `target`, the
        language of the direction, empty where it names none. `attrs["provenance"]` records how it was made.

    Raises:
        BadArgument: a layer that does not exist, or a number out of range.
        BadResult: a direction of another model, or with numbers that are NaN or infinite.
        BadCorpus: no prompt, a blank one, or a table without `prompt`.
        TooLarge: a prompt leaves no room for `tokens`.

    Example:
        >>> vectors = wb.steering.directions(model, wb.load_corpus("parallel"))                  # doctest: +SKIP
        >>> wb.steering.steer(model, ["The dog"], vectors.sel(language="de"), strength=0.5, layers=3)  # doctest: +SKIP
    """
    table = prompt_table(prompts)
    added = scaled(direction, strength=strength, layers=layers, unit=unit)
    written = generate(
        model,
        table["prompt"].tolist(),
        tokens=tokens,
        directions=added,
        positions=positions,
        temperature=temperature,
        top_p=top_p,
        progress=progress,
        batch_size=batch_size,
        seed=seed,
    )
    answered = table.assign(completion=written["text"].tolist(), target=target_of(direction))
    made = json.loads(written.attrs["provenance"])
    made["method"] = "steering.steer"
    made["parameters"] |= {"strength": strength, "unit": unit}
    answered.attrs = {"provenance": json.dumps(made, ensure_ascii=False)}
    return answered


def target_of(direction: xr.Dataset) -> str:
    """The language of a direction, or an empty text."""
    language = direction.coords.get("language")
    return str(language.item()) if language is not None and language.ndim == 0 else ""


def prompt_table(prompts: Prompts) -> pd.DataFrame:
    """Prompts as a table with `prompt`, and `language` where it is known.

    Raises:
        BadCorpus: no prompt, or a table without the column.
    """
    if isinstance(prompts, Corpus):
        return prompts.to_frame().rename(columns={"text": "prompt"}).reset_index(drop=True)
    if isinstance(prompts, pd.DataFrame):
        if "prompt" not in prompts or prompts.empty:
            raise BadCorpus(f"prompts have {'no rows' if 'prompt' in prompts else 'no column prompt'}; give texts")
        return prompts.drop(columns=["completion", "target"], errors="ignore")
    return pd.DataFrame({"prompt": tokenizable_cells([prompts] if isinstance(prompts, str) else prompts)})
