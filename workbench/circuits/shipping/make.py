"""Make the shipped transcoder: `python -m workbench.circuits.shipping.make --corpus ../shared/corpus --out FOLDER`.

It reads text of every language and word prompts in equal shares of tokens. The folder has the transcoder in
circuit-tracer's layout, stored as float16, and `training.json`; `workbench card FOLDER --corpus ... --write` measures
it.
"""

import argparse
import json
import time
from pathlib import Path

from workbench.circuits.layouts.save import save
from workbench.circuits.shipping.mixture import prompts, texts
from workbench.circuits.transcoders.train import train
from workbench.model.load import load_model
from workbench.results.files import write_whole
from workbench.results.resuming.progress import forget, storing_progress
from workbench.training.data.prompts import read_words
from workbench.training.held_out import held_out_directions
from workbench.training.pretrain import WORDS

DOCUMENTS = 2500
"""Of each kind in each language."""


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True, help="folder with text/<language>/train.txt")
    parser.add_argument("--out", type=Path, required=True, help="folder of the transcoder, new or empty")
    parser.add_argument("--model", default="polyglot", help="a shipped model or a folder")
    parser.add_argument("--kind", choices=("cross_layer", "per_layer"), default="cross_layer")
    parser.add_argument("--features", type=int, default=896, help="of each layer")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--sparsity", type=float, default=0.2, help="lambda at its highest")
    parser.add_argument("--bf16", action="store_true", help="multiply matrices in bfloat16, where it is fast")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    """Train, save, and write the record of the training."""
    options = parse(arguments)
    model = load_model(options.model)
    corpora = [
        texts(options.corpus, part="train", count=DOCUMENTS, seed=0),
        prompts(read_words(WORDS), held_out_directions(), count=DOCUMENTS, seed=0),
    ]
    start = time.monotonic()
    chosen = {name: getattr(options, name) for name in ("kind", "features", "steps", "sparsity", "bf16")}
    finished = options.out.with_name(f"{options.out.name}.progress")
    with storing_progress(finished, json.dumps([model.info["hash"], chosen])):  # a stop loses no step
        made = train(model, corpora, **chosen)
    record = {**made.record, "base": options.model, "minutes": round((time.monotonic() - start) / 60, 1)}
    save(made, options.out, dtype="float16")
    write_whole(options.out / "training.json", json.dumps(record, indent=1) + "\n")
    forget(finished)


if __name__ == "__main__":
    main()
