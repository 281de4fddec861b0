"""Alignment: `python -m workbench.training.align --model data/polyglot --out data/polyglot-aligned --languages de,ja`.

Tunes a shipped base only on questions for the translation of words between two languages, in both directions; the other
languages are measured before and after, in the new and the old form of question. The loss covers answers only.
Directions held out from pretraining stay held out. A control is tuned equally long on shuffled pairs, where each word
means another concept, measured and discarded. The result is a function of base, recipe and seed (on one machine and
thread count).
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerBase

from workbench.errors import BadArgument
from workbench.text.readers import load_corpus
from workbench.training.cards.loss_curve import write_loss_curve
from workbench.training.cards.twin import changes, draw_directions, measure_all
from workbench.training.cards.twin_card import write_twin_card
from workbench.training.data.pair_mixture import PairMixture
from workbench.training.data.prompts import LANGUAGES, Words, read_words
from workbench.training.evaluate import weights_hash
from workbench.training.export import export_model
from workbench.training.held_out import held_out_directions
from workbench.training.measure import Model
from workbench.training.pretrain import WORDS
from workbench.training.tune import Tuning, train_rows


@dataclass(frozen=True)
class Alignment:
    """All hyperparameters of the alignment. Lengths in tokens."""

    languages: tuple[str, str] = ("de", "ja")
    steps: int = 80
    batch: int = 16
    length: int = 128
    rate: float = 3e-4
    warmup: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        if len(set(self.languages)) != 2 or not set(self.languages) <= set(LANGUAGES):
            raise BadArgument(
                f"languages={','.join(self.languages)}; alignment takes two different ones of {', '.join(LANGUAGES)}"
            )


def tune(model: Model, mixture: PairMixture, recipe: Alignment, *, progress: bool = True) -> list[dict[str, float]]:
    """Tunes a model in place.

    Args:
        model: in float32.
        mixture: training data.
        recipe: hyperparameters.
        progress: show a progress bar.

    Returns:
        The loss curve: {step, tokens, loss (nats per answer token), rate (factor on the learning rate)} of every step.
    """
    plan = {name: value for name, value in asdict(recipe).items() if name != "languages"}

    def rows(step: int) -> tuple[np.ndarray, np.ndarray]:
        return mixture.rows(step, batch=recipe.batch, length=recipe.length)

    return train_rows(model, rows, Tuning(**plan), description="alignment", progress=progress)


def align(
    base: Path,
    out: Path,
    recipe: Alignment,
    *,
    words: Words,
    lines: dict[str, Sequence[str]] | None = None,
    control: bool = True,
    prompts: int = 600,
    progress: bool = True,
) -> dict[str, Any]:
    """Tunes the base, measures before and after, and writes the folder of the tuned twin.

    Args:
        base: folder of the base; its `training.json` gives its trained words and directions.
        out: folder of the twin.
        recipe: hyperparameters.
        words: the word list.
        lines: sentences by language for bits per byte; the shipped ones when None.
        control: tune and measure the shuffled control too.
        prompts: number of held-out directions to test, besides those of the trained pair.
        progress: show progress bars.

    Returns:
        The content of `training.json`: recipe, the base's hash, the loss curve, `changes` (see `twin.changes`) and
        `control_changes`.
    """
    begun = time.perf_counter()
    trained = json.loads((base / "training.json").read_text(encoding="utf-8"))["recipe"]
    held_out = held_out_directions(share=trained["held_out"])
    known = dict(islice(words.items(), trained["concepts"]))
    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(base)
    texts = dict(lines or load_corpus("parallel", languages=LANGUAGES).texts)
    items = draw_directions(known, held_out, recipe.languages, count=prompts)
    before = measure_all(_load(base), tokenizer, known, items, texts, progress=progress)

    def tuned(shuffled: bool) -> tuple[Model, list[dict[str, float]], dict[str, Any]]:
        model = _load(base)
        mixture = PairMixture(tokenizer, known, held_out, recipe.languages, shuffled=shuffled, seed=recipe.seed)
        history = tune(model, mixture, recipe, progress=progress)
        stored = model.to(torch.bfloat16).to(torch.float32)  # measure the weights as stored
        after = measure_all(stored, tokenizer, known, items, texts, progress=progress)
        return stored, history, changes(before, after, items, recipe.languages)

    model, history, differences = tuned(False)
    record: dict[str, Any] = {
        "recipe": trained,
        "alignment": asdict(recipe),
        "base": {"name": base.name, "weights": weights_hash(base)},
        "steps": recipe.steps,
        "tokens": history[-1]["tokens"],
        "loss": history,
        "changes": differences,
    }
    if control:
        record["control_changes"] = tuned(True)[2]
    record["seconds"] = round(time.perf_counter() - begun, 1)
    export_model(out, model, tokenizer, record)
    write_twin_card(out)
    return record


def _load(folder: Path) -> Model:
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def main(arguments: list[str] | None = None) -> None:
    """Tunes a model and writes its folder, card and loss curve."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    defaults = Alignment()
    parser.add_argument("--model", type=Path, default=Path("data/polyglot"), help="folder of the base")
    parser.add_argument("--out", type=Path, default=Path("data/polyglot-aligned"))
    parser.add_argument("--languages", default=",".join(defaults.languages), help="two codes, comma-separated")
    parser.add_argument("--words", type=Path, default=WORDS)
    parser.add_argument("--prompts", type=int, default=600, help="held-out directions to test")
    parser.add_argument("--curve", type=Path, help="HTML of the loss; runs/<name of out>-loss.html by default")
    parser.add_argument("--no-control", action="store_true", help="leave out the control on shuffled pairs")
    for name in ("steps", "batch", "length", "rate", "seed"):
        value = getattr(defaults, name)
        parser.add_argument(f"--{name}", type=type(value), default=value)
    options = parser.parse_args(arguments)
    pair = tuple(code.strip() for code in options.languages.split(","))
    if len(pair) != 2:
        raise BadArgument(f"--languages {options.languages}: alignment takes two, such as de,ja")
    recipe = Alignment(pair, options.steps, options.batch, options.length, options.rate, seed=options.seed)
    record = align(
        options.model,
        options.out,
        recipe,
        words=read_words(options.words),
        control=not options.no_control,
        prompts=options.prompts,
    )
    curve = options.curve or Path("runs") / f"{options.out.name}-loss.html"
    write_loss_curve(curve, record["loss"], title=f"Loss of {options.out.name}, answers only")


if __name__ == "__main__":
    main()
