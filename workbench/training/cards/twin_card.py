"""The card of an aligned model, from its `training.json`; its conclusions are computed from the numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from workbench.results.files import write_whole
from workbench.training.data.prompts import AUTONYMS, LANGUAGES

_GROUPS = {
    "pair": "between both trained languages",
    "one": "one of them, and another language",
    "none": "between untrained languages",
}


def change_table(record: dict[str, Any], part: str, names: dict[str, str], *, percent: bool) -> str:
    """A table of before, after, change with interval, and the control's change."""
    rows = ["| | n | before | after | change (95 % interval) | change of the control |", "|---|---|---|---|---|---|"]
    for name, title in names.items():
        row = record["changes"][part][name]
        control = record.get("control_changes", {}).get(part, {}).get(name)
        rest = "not measured" if control is None else _span(control, percent)
        cells = [title, str(row["count"]), _number(row["before"], percent), _number(row["after"], percent)]
        rows.append(f"| {' | '.join(cells)} | {_span(row, percent)} | {rest} |")
    return "\n".join(rows)


def findings(record: dict[str, Any]) -> str:
    """Conclusions from the intervals."""
    lines = []
    for name, title in _GROUPS.items():
        for part, form in (("questions", "Questions"), ("few_shot", "Few-shot translation")):
            row = record["changes"][part][name]
            if row["count"]:
                lines.append(f"- {form} {title}: exact match {_conclusion(row)}, {_span(row, True)}.")
    moved = {"rises": [], "falls": [], "is not seen to change": []}
    trained = record["alignment"]["languages"]
    for language in LANGUAGES:
        row = record["changes"]["bits_per_byte"].get(language)
        if row is not None and language not in trained:
            moved[_conclusion(row)].append(language)
    changed = "; ".join(f"{what} in {' '.join(languages)}" for what, languages in moved.items() if languages)
    lines.append(f"- Bits per byte of sentences in the untrained languages: {changed or 'not measured'}.")
    return "\n".join(lines)


def make_twin_card(record: dict[str, Any], *, size: int) -> str:
    """The card as Markdown; `size`: bytes of the folder without the card."""
    recipe, base = record["alignment"], record["base"]
    left, right = (f"{AUTONYMS[code]} ({code})" for code in recipe["languages"])
    into = {f"into {code}": f"into {code} {AUTONYMS[code]}" for code in LANGUAGES}
    text = {code: f"{code} {AUTONYMS[code]}" for code in LANGUAGES if code in record["changes"]["bits_per_byte"]}
    pair = ",".join(recipe["languages"])
    return f"""---
license: apache-2.0
language: [{", ".join(LANGUAGES)}]
base_model: {base["name"]}
library_name: transformers
pipeline_tag: text-generation
---
# {base["name"]}-aligned

`{base["name"]}` (which also loads as `{base["name"]}-base`), tuned on questions for the translation of a word
between {left} and {right}, both directions, and on nothing else, so that analyses of before and after have a real pair.
{size / 1e6:.2f} MB.

{recipe["steps"]} steps of {recipe["batch"]} rows of {recipe["length"]} tokens ({record["tokens"]} tokens), AdamW (rate
{recipe["rate"]:g}, up in the first {recipe["warmup"]:.0%}, then straight down), seed {recipe["seed"]}. The loss counts
the answers only. Documents do not see each other. The directions that pretraining held out were held out again, and are
what translation is measured on. The control was tuned as long on shuffled pairs, where each word stands for another
concept. Loss per answer token: {record["loss"][0]["loss"]} nats in the first step, {record["loss"][-1]["loss"]} in the
last. Base: weights with SHA-256 `{base["weights"]}`.

## Questions `(Hund) = 日本語? "`, exact match on held-out directions
Pretraining never showed this form, tuning showed it in two languages: what the other languages gain, they gain unasked.

{change_table(record, "questions", {**_GROUPS, **into}, percent=True)}

Rows by target language leave out the trained pair.

## Few-shot prompts as in pretraining, exact match on the same directions
{change_table(record, "few_shot", {**_GROUPS, **into}, percent=True)}

## Shipped parallel sentences, bits per byte (mean over sentences; lower is better)
{change_table(record, "bits_per_byte", text, percent=False)}

## What the intervals say
{findings(record)}

## Made by
```
python -m workbench.training.align --model data/{base["name"]} --out data/{base["name"]}-aligned --languages {pair}
```
{record["seconds"]:.0f} s. The command measures the base before and the twin after; both are a function of the seed.
"""


def write_twin_card(folder: Path) -> None:
    """Writes README.md into the twin's folder."""
    record = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    size = sum(path.stat().st_size for path in folder.iterdir() if path.name != "README.md")
    write_whole(folder / "README.md", make_twin_card(record, size=size))


def _conclusion(row: dict[str, float]) -> str:
    """Conclusion on a change from its interval."""
    return "rises" if row["low"] > 0 else "falls" if row["high"] < 0 else "is not seen to change"


def _number(value: float, percent: bool) -> str:
    return f"{100 * value:.1f} %" if percent else f"{value:.3f}"


def _span(row: dict[str, float], percent: bool) -> str:
    scale, digits, unit = (100, 1, " points") if percent else (1, 3, "")
    ends = f"{scale * row['low']:+.{digits}f} to {scale * row['high']:+.{digits}f}"
    return f"{scale * row['change']:+.{digits}f}{unit} ({ends})"
