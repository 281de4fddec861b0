"""The model card: `python -m workbench.training.card --model data/polyglot` writes README.md from the JSON files beside it.

Every number comes from `training.json` (the run), `evaluation.json` (the measurements), `runs.json` (runs tried) and the
files themselves; sentences that judge are chosen by comparing those numbers.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

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
        "| language | into it, trained | into it, held out | out of it, held out | generated text in it | real text in it |",
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


def limits(evaluation: dict[str, Any], *, best: int = 80, stay: int = 95) -> str:
    """The targets and how far the numbers are from them; `best` and `stay` are percentages."""
    table, held = evaluation["bits_per_byte"], evaluation["translation"]["held_out"]
    share = evaluation["language"]["mean"]
    worse_xz = [code for code in LANGUAGES if table[code]["model"] >= table[code]["xz"]]
    worse_ngram = [code for code in LANGUAGES if table[code]["model"] >= table[code]["ngram"]]
    match, error = held["exact_match"], held["standard_error"]
    return "\n".join(
        [
            f"- Text better than `xz` in every language: {_target(not worse_xz)}" + _but(worse_xz),
            f"- Text better than a 5-gram in every language: {_target(not worse_ngram)}" + _but(worse_ngram),
            f"- Translation in held-out directions at least {best} %: {_target(match >= best / 100)},"
            f" {_percent(match)} (standard error {_percent(error)}), over {evaluation['translation']['concepts']} concepts,"
            f" of which {held['concepts_right_at_least_80_percent']} are right in at least 80 % of their held-out directions asked.",
            f"- Generated text stays in the prompt's language at least {stay} %: {_target(share >= stay / 100)}, {_percent(share)}.",
        ]
    )


def _but(languages: list[str]) -> str:
    return f" (not: {' '.join(languages)})." if languages else "."


def make_card(training: dict[str, Any], evaluation: dict[str, Any], runs: list[dict[str, Any]], *, size: int) -> str:
    """The card as Markdown; `size` is that of the folder, in bytes."""
    recipe, translation = training["recipe"], evaluation["translation"]
    shares = recipe["shares"]
    lengths = evaluation["words_by_tokens"]
    return f"""---
license: cc-by-4.0
language: [{", ".join(LANGUAGES)}]
library_name: transformers
pipeline_tag: text-generation
---
# polyglot

A very small multilingual language model, made to be dissected: {training["parameters"] / 1e6:.2f}M parameters, Llama-shaped
({recipe["layers"]} layers, {recipe["heads"]} heads, width {recipe["width"]}, SwiGLU {recipe["inner"]}, RMSNorm, RoPE, tied
embeddings, vocabulary {recipe["vocabulary"]}), trained from scratch by `workbench.training`. It writes {len(LANGUAGES)} languages badly
and translates single words. The folder is {size / 1e6:.1f} MB.

## Training
{training["steps"]} steps of {recipe["batch"]} rows of {recipe["length"]} tokens, {training["tokens"] / 1e6:.2f}M tokens in {training["minutes"]:.0f} minutes
on `{training["device"]}` ({_percent(training["progress"])} of the schedule); Muon (rate {recipe["matrix_lr"]}) for the matrices of the layers, AdamW
(rate {recipe["other_lr"]}) for the rest; seed {recipe["seed"]}. {_percent(shares["prompts"])} of the documents are word-translation prompts
({_percent(shares["chains"])} of them chains of one concept through several languages, {_percent(shares["mixed"])} lines of mixed direction, the others
lines of one direction), the rest is text, a language drawn by its size to the power {shares["power"]}. Use at most {recipe["length"]} tokens at once.
The tokenizer is a byte-level BPE that adds `<s>` itself; {sum(lengths.values())} words of the word list by their number of tokens: {lengths}.

{SOURCES}

The sentences of the sources are not part of this project; the vocabulary of the tokenizer was learned from them.

## Held-out text, bits per byte (lower is better)
Windows of 128 tokens that begin anew; the 5-gram (characters, Witten-Bell) was counted on the same training text.
Genres differ by language, so rows are not comparable with each other.

{text_table(evaluation)}

## Word translation and language of generated text
Five-shot prompts in the form `Deutsch: "Hund" - Français: "`; exact match, quotation mark included. Held out: {_percent(recipe["held_out"])} of all
(concept, source, target) were kept out of training, in chains too: within a document no word follows, however far, a
source it is held out from (the reverse direction may have been seen). Trained: {_percent(translation["trained"]["exact_match"])} of
{translation["trained"]["prompts"]} prompts; held out: {_percent(translation["held_out"]["exact_match"])} of {translation["held_out"]["prompts"]}.
Generated text: {evaluation["language"]["continuations_per_language"]} continuations of 40 tokens for each language, temperature
{evaluation["language"]["temperature"]}, identified by lingua; beside it what lingua says of the real continuations.

{language_table(evaluation)}

## Targets, and what it cannot do
{limits(evaluation)}
- It knows no facts, follows no instructions, and its sentences have local grammar at best. Chance and memory of the
  sources' genres (read-aloud sentences, news headlines, Bible verses) shape what it writes.
- The word list was not reviewed by native speakers. Do not use the model for anything but studying models.

## Runs tried
{runs_table(runs)}

## Made by
```
python -m workbench.training.pretrain --corpus ../shared/corpus --out data/polyglot --minutes {recipe["minutes"] or 0:.0f} --seed {recipe["seed"]}
python -m workbench.training.evaluate --model data/polyglot --corpus ../shared/corpus   # {evaluation["seconds"]:.0f} s
python -m workbench.training.card --model data/polyglot
```
"""


def main(arguments: list[str] | None = None) -> None:
    """Writes README.md into the model folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=Path("data/polyglot"))
    folder: Path = parser.parse_args(arguments).model
    training, evaluation, runs = (
        json.loads((folder / f"{name}.json").read_text(encoding="utf-8")) for name in ("training", "evaluation", "runs")
    )
    size = sum(path.stat().st_size for path in folder.iterdir() if path.name != "README.md")
    (folder / "README.md").write_text(make_card(training, evaluation, runs, size=size), encoding="utf-8")


if __name__ == "__main__":
    main()
