"""The model card: `python -m workbench.training.card --model data/polyglot` writes README.md.

Every number comes from `training.json` (the run), `evaluation.json` (the measurements), `runs.json` (runs tried) and
the files themselves; conclusions are computed from those numbers.
"""

from __future__ import annotations

import argparse
import json
import textwrap
from pathlib import Path
from typing import Any

from workbench.results.files import write_whole
from workbench.training.cards.card_effects import effect_targets, effects, target
from workbench.training.data.prompts import AUTONYMS, LANGUAGES

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


def text_table(evaluation: dict[str, Any]) -> str:
    """Bits per byte by language."""
    rows = ["| language | train MB | model | 5-gram | xz | model, shipped sentences |", "|---|---|---|---|---|---|"]
    for language in LANGUAGES:
        row = evaluation["bits_per_byte"][language]
        numbers = " | ".join(f"{row[key]:.2f}" for key in ("model", "ngram", "xz"))
        own = evaluation["shipped_bits_per_byte"][language]
        rows.append(f"| {language} {AUTONYMS[language]} | {row['train_bytes'] / 1e6:.1f} | {numbers} | {own:.2f} |")
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
    """Runs tried, one row each: name, change, tokens, outcome."""
    rows = ["| run | what | tokens | outcome |", "|---|---|---|---|"]
    rows += [f"| {run['run']} | {run['what']} | {run['tokens'] / 1e6:.2f}M | {run['outcome']} |" for run in runs]
    return "\n".join(rows)


def limits(evaluation: dict[str, Any], *, match: float = 0.8, stay: float = 0.95) -> str:
    """The targets (shares), each reached or missed, with the numbers."""
    table, held_out = evaluation.get("bits_per_byte", {}), evaluation["translation"]["held_out"]
    lines = []
    for name, title in (("xz", "`xz`"), ("ngram", "a 5-gram")) if table else ():
        worse = [code for code in LANGUAGES if table[code]["model"] >= table[code][name]]
        but = f" (not: {' '.join(worse)})" if worse else ""
        lines.append(f"- Text better than {title} in every language: {target(not worse)}{but}.")
    lines.append(
        f"- Translation in held-out directions at least {_percent(match)}: {target(held_out['exact_match'] >= match)}, "
        f"{_percent(held_out['exact_match'])} (standard error {_percent(held_out['standard_error'])}) over "
        f"{evaluation['translation']['concepts']} concepts; {held_out['concepts_right_at_least_80_percent']} of them "
        "are right in at least 80 % of the held-out directions that were asked."
    )
    for name, what in (("language", "shipped sentences"), ("language_held_out", "held-out text")):
        if name in evaluation:
            share = evaluation[name]["mean"]
            lines.append(
                f"- Generated text, prompted with {what}, in its language at least {_percent(stay)}: "
                f"{target(share >= stay)}, {_percent(share)}."
            )
    return "\n".join([*lines, *effect_targets(evaluation)])


def describe_training(training: dict[str, Any], evaluation: dict[str, Any]) -> str:
    """Description of the training run."""
    recipe = training["recipe"]
    lengths = evaluation["words_by_tokens"]
    spelled = ", ".join(f"{count} of {length}" for length, count in lengths.items())
    progress = _percent(training["progress"])
    text = f"""{training["steps"]} steps of {recipe["batch"]} rows of {recipe["length"]} tokens:
        {training["tokens"] / 1e6:.2f}M tokens in {training["minutes"]:.0f} minutes on `{training["device"]}`,
        {progress} of the schedule (warm-up, flat, the last 65 % straight down to zero).
        Muon (rate {recipe["matrix_lr"]}) for the matrices of the layers,
        AdamW (rate {recipe["other_lr"]}) for the rest, seed {recipe["seed"]}.
        {_growth(recipe)}
        Text is drawn by a language's size to the power {recipe["shares"]["power"]}.
        Use at most {recipe["length"]} tokens at once, longer input was never seen. The tokenizer is a byte-level BPE
        that adds `<s>` itself; words of those concepts by their number of tokens: {spelled}."""
    return f"{_fill(text)}\n\n{stages_table(training)}\n\n{_fill(_slope(evaluation))}"


def _growth(recipe: dict[str, Any]) -> str:
    """Growth of the prompts, and the attention mask between documents."""
    begin, end = recipe.get("grow_from", 0.35), recipe.get("grow_to", 0.6)
    masked = "last_shares" in recipe  # older recipes have neither
    seen = "Documents of one row do not see each other." if masked else "Documents of one row see each other."
    number = "multiplied in bfloat16, weights kept in float32" if recipe.get("bf16") else "in float32"
    return f"""Prompts use the first {min(recipe["first_concepts"], recipe["concepts"])} concepts of the word list until
        {begin:.0%} of the schedule and all {recipe["concepts"]} from {end:.0%} on, because translating is learned on
        few and then holds for more; the shares of the documents go from the first to the last ones meanwhile. {seen}
        Matrices are {number}."""


def _slope(evaluation: dict[str, Any]) -> str:
    """Slope of the loss at the end of the run."""
    slope = evaluation.get("loss_slope")
    if slope is None:
        return ""
    says = "still fell" if slope["high"] < 0 else "rose" if slope["low"] > 0 else "was not seen to fall or rise"
    return f"""Over the last quarter of the run (from {slope["from_tokens"] / 1e6:.2f}M tokens on, {slope["points"]}
        logged batches, while the learning rate went to zero) the training loss {says}: {slope["slope"]:+.3f} nats per
        token and million tokens read (95 % interval {slope["low"]:+.3f} to {slope["high"]:+.3f})."""


def stages_table(training: dict[str, Any]) -> str:
    """Document shares (first to last), one row for each mixture with which the run was resumed."""
    rows = [
        "| from step | prompts among documents | chains among prompts | one direction | mixed lines | concepts |",
        "|---|---|---|---|---|---|",
    ]
    for stage in training["stages"]:
        then = stage["recipe"]
        first, last = (_kinds(then[name]) for name in ("shares", "last_shares" if "last_shares" in then else "shares"))
        cells = [_percent(a) if a == b else f"{_percent(a)} to {_percent(b)}" for a, b in zip(first, last, strict=True)]
        grown = f"{min(then['first_concepts'], then['concepts'])} to {then['concepts']}"
        rows.append(f"| {stage['step']} | {' | '.join(cells)} | {grown} |")
    return "\n".join(rows)


def _kinds(shares: dict[str, float]) -> list[float]:
    """Shares: prompts among documents; chains, one direction and mixed lines among prompts."""
    rest = 1 - shares["chains"] - shares["mixed"]
    return [shares["prompts"], shares["chains"], rest, shares["mixed"]]


def _packing(recipe: dict[str, Any]) -> str:
    """Whether documents of one row can form a held-out pair between them."""
    if "last_shares" in recipe:
        return "Documents are packed into rows with a mask between them."
    return (
        "Documents are packed into rows without a mask between them, so two documents of one row can hold such a pair: "
        "seldom, and seldomer the more concepts the prompts use."
    )


def _resumed(training: dict[str, Any]) -> str:
    """Note that the commands alone do not reproduce a resumed run."""
    if len(training["stages"]) == 1:
        return ""
    return "The run was resumed with the options of the table above; one run straight through was not tried.\n"


def _text_section(evaluation: dict[str, Any]) -> str:
    """Section on bits per byte of held-out text, if measured."""
    if "bits_per_byte" not in evaluation:
        return "## Held-out text, bits per byte\nNot measured: it takes the training corpus.\n"
    return f"""## Held-out text, bits per byte (lower is better)
Windows of 128 tokens that begin anew; the 5-gram (characters, Witten-Bell) was counted on all of the training text.
Genres differ by language, so rows are not comparable with each other; the shipped parallel sentences, another genre
than all of the training text, say the same in every language.

{text_table(evaluation)}
"""


def _held_out_prompts(evaluation: dict[str, Any]) -> str:
    """Generated language with held-out text as prompts, if measured."""
    part = evaluation.get("language_held_out")
    if part is None:
        return ""
    least = min(part["generated"], key=part["generated"].get)
    return (
        f". With held-out text as prompts {_percent(part['mean'])} stay, least in {least} "
        f"({_percent(part['generated'][least])})"
    )


def make_card(training: dict[str, Any], evaluation: dict[str, Any], runs: list[dict[str, Any]], *, size: int) -> str:
    """The card as Markdown; `size`: bytes of the folder without the card."""
    recipe, language = training["recipe"], evaluation["language"]
    trained, held_out = evaluation["translation"]["trained"], evaluation["translation"]["held_out"]
    prompts = max(language["prompts"].values())
    quarters = ", ".join(map(_percent, held_out["by_concept_quarter"]))
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

{_text_section(evaluation)}
## Word translation, and language of generated text
Five-shot prompts of the form `Deutsch: "Hund" - Français: "`; exact match, the closing quotation mark included.
{_percent(recipe["held_out"])} of all (concept, source, target) were kept out of training, in chains too: in no document
a word follows, however far, on a source it is held out from (the reverse direction may have been seen).
{_packing(recipe)} Held out, by quarter of the word list (first in training
to last): {quarters}.
Directions trained on: {_percent(trained["exact_match"])} of {trained["prompts"]} prompts;
held-out directions: {_percent(held_out["exact_match"])} of {held_out["prompts"]}.
Generated text: continuations of 40 tokens of the first ten tokens of shipped sentences (up to {prompts} for each
language) at temperature {language["temperature"]}, identified by lingua; beside it what lingua says of the real
continuations{_held_out_prompts(evaluation)}.

{language_table(evaluation)}

{effects(evaluation)}
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
  --minutes {recipe["minutes"] or 0:.0f} --seed {recipe["seed"]}{" --bf16" * bool(recipe.get("bf16"))}\
{" --compiled" * bool(recipe.get("compiled"))}
workbench card polyglot --corpus ../shared/corpus --write   # measures all of the above and writes this card
workbench card polyglot --corpus ../shared/corpus   # measures again and compares
```
{_resumed(training)}"""


def main(arguments: list[str] | None = None) -> None:
    """Writes README.md into the model folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=Path("data/polyglot"))
    write_card(parser.parse_args(arguments).model)


def write_card(folder: Path) -> None:
    """Writes README.md into a model folder, from its `training.json`, `evaluation.json` and `runs.json`."""
    training, evaluation = (
        json.loads((folder / f"{name}.json").read_text(encoding="utf-8")) for name in ("training", "evaluation")
    )
    history = folder / "runs.json"
    runs = json.loads(history.read_text(encoding="utf-8")) if history.exists() else []
    size = sum(path.stat().st_size for path in folder.iterdir() if path.name != "README.md")
    write_whole(folder / "README.md", make_card(training, evaluation, runs, size=size))


if __name__ == "__main__":
    main()
