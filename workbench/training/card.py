"""The model card: `python -m workbench.training.card --model data/polyglot` writes README.md.

Every number comes from `training.json` (the run), `evaluation.json` (the measurements), `runs.json` (runs tried) and
the files themselves; sentences that judge are chosen by comparing those numbers.
"""

from __future__ import annotations

import argparse
import json
import textwrap
from pathlib import Path
from typing import Any

from workbench.results.files import write_whole
from workbench.training.prompts import AUTONYMS, LANGUAGES

SOURCES = """| languages | sources and licences |
|---|---|
| ar de en fr hi it ru zh | Common Voice sentences (CC0-1.0) |
| es | Common Voice sentences (CC0-1.0), Bible Reina-Valera 1909 (public domain) |
| fi | Tatoeba (CC BY 2.0 FR), Common Voice sentences (CC0-1.0), Bible 1933/38 (public domain) |
| ja | Tatoeba (CC BY 2.0 FR), Common Voice sentences (CC0-1.0), Bible 1954/55 (public domain) |
| tr | Common Voice sentences (CC0-1.0), Tatoeba (CC BY 2.0 FR) |
| all | word-translation prompts from this project's own word list, `data/words.tsv` |"""


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def _fill(text: str) -> str:
    return textwrap.fill(" ".join(text.split()), 120, break_on_hyphens=False)


def _target(reached: bool) -> str:
    return "reached" if reached else "**missed**"


def text_table(evaluation: dict[str, Any]) -> str:
    """Bits per byte by language."""
    rows = ["| language | train MB | model | 5-gram | xz |", "|---|---|---|---|---|"]
    for language in LANGUAGES:
        row = evaluation["bits_per_byte"][language]
        numbers = " | ".join(f"{row[key]:.2f}" for key in ("model", "ngram", "xz"))
        rows.append(f"| {language} {AUTONYMS[language]} | {row['train_bytes'] / 1e6:.1f} | {numbers} |")
    return "\n".join(rows)


def language_table(evaluation: dict[str, Any]) -> str:
    """Translation and language of generated text by language."""
    translation, language = evaluation["translation"], evaluation["language"]
    rows = [
        "| language | into it, trained | into it, held out | out of it, held out | generated in it | real in it |",
        "|---|---|---|---|---|---|",
    ]
    for code in LANGUAGES:
        cells = [
            translation["trained"]["by_target"][code],
            translation["held_out"]["by_target"][code],
            translation["held_out"]["by_source"][code],
            language["generated"][code],
            language["real"][code],
        ]
        rows.append(f"| {code} | " + " | ".join(map(_percent, cells)) + " |")
    return "\n".join(rows)


def runs_table(runs: list[dict[str, Any]]) -> str:
    """Runs tried, one row each: name, what was different, tokens, what came out."""
    rows = ["| run | what | tokens | outcome |", "|---|---|---|---|"]
    rows += [f"| {run['run']} | {run['what']} | {run['tokens'] / 1e6:.2f}M | {run['outcome']} |" for run in runs]
    return "\n".join(rows)


def limits(evaluation: dict[str, Any], *, match: float = 0.8, stay: float = 0.95) -> str:
    """The targets (shares) and how far the numbers are from them."""
    table, held = evaluation["bits_per_byte"], evaluation["translation"]["held_out"]
    lines = []
    for name, title in (("xz", "`xz`"), ("ngram", "a 5-gram")):
        worse = [code for code in LANGUAGES if table[code]["model"] >= table[code][name]]
        but = f" (not: {' '.join(worse)})" if worse else ""
        lines.append(f"- Text better than {title} in every language: {_target(not worse)}{but}.")
    lines.append(
        f"- Translation in held-out directions at least {_percent(match)}: {_target(held['exact_match'] >= match)}, "
        f"{_percent(held['exact_match'])} (standard error {_percent(held['standard_error'])}) over "
        f"{evaluation['translation']['concepts']} concepts; {held['concepts_right_at_least_80_percent']} of them are "
        "right in at least 80 % of the held-out directions that were asked."
    )
    share = evaluation["language"]["mean"]
    lines.append(
        f"- Generated text in its language at least {_percent(stay)}: {_target(share >= stay)}, {_percent(share)}."
    )
    return "\n".join(lines)


def describe_training(training: dict[str, Any], evaluation: dict[str, Any]) -> str:
    """What was trained on what, and how long."""
    recipe = training["recipe"]
    lengths = evaluation["words_by_tokens"]
    spelled = ", ".join(f"{count} of {length}" for length, count in lengths.items())
    progress = _percent(training["progress"])
    text = f"""{training["steps"]} steps of {recipe["batch"]} rows of {recipe["length"]} tokens:
        {training["tokens"] / 1e6:.2f}M tokens in {training["minutes"]:.0f} minutes on `{training["device"]}`,
        {progress} of the schedule (warm-up, flat, the last 65 % straight down to zero).
        Muon (rate {recipe["matrix_lr"]}) for the matrices of the layers,
        AdamW (rate {recipe["other_lr"]}) for the rest, seed {recipe["seed"]}.
        Prompts use the first {recipe["concepts"]} concepts of the word list, few of them until 35 % of the schedule and
        all from 60 % on, because translating is learned on few and then holds for more.
        Text is drawn by a language's size to the power {recipe["shares"]["power"]}.
        Use at most {recipe["length"]} tokens at once, longer input was never seen. The tokenizer is a byte-level BPE
        that adds `<s>` itself; words of those concepts by their number of tokens: {spelled}."""
    return f"{_fill(text)}\n\n{stages_table(training)}"


def stages_table(training: dict[str, Any]) -> str:
    """What the documents were, one row for each time the run was resumed with another mixture."""
    rows = [
        "| from step | prompts among documents | chains among prompts | one direction | mixed lines | concepts |",
        "|---|---|---|---|---|---|",
    ]
    for stage in training["stages"]:
        then = stage["recipe"]
        shares = then["shares"]
        rest = 1 - shares["chains"] - shares["mixed"]
        cells = [shares["prompts"], shares["chains"], rest, shares["mixed"]]
        grown = f"{min(then['first_concepts'], then['concepts'])} to {then['concepts']}"
        rows.append(f"| {stage['step']} | " + " | ".join(map(_percent, cells)) + f" | {grown} |")
    return "\n".join(rows)


def _resumed(training: dict[str, Any]) -> str:
    """What the commands alone would not repeat."""
    if len(training["stages"]) == 1:
        return ""
    return "The run was resumed with the options of the table above; one run straight through was not tried.\n"


def make_card(training: dict[str, Any], evaluation: dict[str, Any], runs: list[dict[str, Any]], *, size: int) -> str:
    """The card as Markdown; `size` is that of the folder without the card, in bytes."""
    recipe, language = training["recipe"], evaluation["language"]
    trained, held = evaluation["translation"]["trained"], evaluation["translation"]["held_out"]
    quarters = ", ".join(map(_percent, held["by_concept_quarter"]))
    return f"""---
license: apache-2.0
language: [{", ".join(LANGUAGES)}]
library_name: transformers
pipeline_tag: text-generation
---
# polyglot

A very small multilingual language model, made to be dissected: {training["parameters"] / 1e6:.2f}M parameters,
Llama-shaped ({recipe["layers"]} layers, {recipe["heads"]} heads, width {recipe["width"]}, SwiGLU {recipe["inner"]},
RMSNorm, RoPE, tied embeddings, vocabulary {recipe["vocabulary"]}), trained from scratch by `workbench.training`.
It continues text in {len(LANGUAGES)} languages and translates single words. The folder has {size / 1e6:.2f} MB.

## Training
{describe_training(training, evaluation)}

{SOURCES}

The sentences of the sources are not part of this project; the vocabulary of the tokenizer was learned from them.

## Held-out text, bits per byte (lower is better)
Windows of 128 tokens that begin anew; the 5-gram (characters, Witten-Bell) was counted on all of the training text.
Genres differ by language, so rows are not comparable with each other.

{text_table(evaluation)}

## Word translation, and language of generated text
Five-shot prompts of the form `Deutsch: "Hund" - Français: "`; exact match, the closing quotation mark included.
{_percent(recipe["held_out"])} of all (concept, source, target) were kept out of training, in chains too: in no document
a word follows, however far, on a source it is held out from (the reverse direction may have been seen). Documents
are packed into rows without a mask between them, so two documents of one row can hold such a pair: seldom, and
seldomer the more concepts the prompts use. Held out, by quarter of the word list (first in training
to last): {quarters}.
Directions trained on: {_percent(trained["exact_match"])} of {trained["prompts"]} prompts;
held-out directions: {_percent(held["exact_match"])} of {held["prompts"]}.
Generated text: {language["continuations_per_language"]} continuations of 40 tokens for each language at temperature
{language["temperature"]}, identified by lingua; beside it what lingua says of the real continuations.

{language_table(evaluation)}

## Targets, and what it cannot do
{limits(evaluation)}
- It knows no facts, follows no instructions, and its sentences hold together for a few words at best. What it writes
  follows the genres of its sources (read-aloud sentences, news headlines, Bible verses).
- The word list was not reviewed by native speakers. Use the model for nothing but studying models.

## Runs tried
{runs_table(runs)}

## Made by
```
python -m workbench.training.pretrain --corpus ../shared/corpus --out data/polyglot \\
  --minutes {recipe["minutes"] or 0:.0f} --seed {recipe["seed"]}
python -m workbench.training.evaluate --model data/polyglot --corpus ../shared/corpus   # {evaluation["seconds"]:.0f} s
python -m workbench.training.card --model data/polyglot
```
{_resumed(training)}"""


def main(arguments: list[str] | None = None) -> None:
    """Writes README.md into the model folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=Path("data/polyglot"))
    folder: Path = parser.parse_args(arguments).model
    training, evaluation, runs = (
        json.loads((folder / f"{name}.json").read_text(encoding="utf-8")) for name in ("training", "evaluation", "runs")
    )
    size = sum(path.stat().st_size for path in folder.iterdir() if path.name != "README.md")
    write_whole(folder / "README.md", make_card(training, evaluation, runs, size=size))


if __name__ == "__main__":
    main()
