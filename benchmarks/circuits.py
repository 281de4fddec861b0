"""Speed of circuits: `python benchmarks/circuits.py [--quick] [--out table.md]`.

Training: steps a second of `wb.circuits.train`, beside a plain PyTorch loop that does the same arithmetic, one matrix
product for each pair of layers, with states from TransformerLens' `run_with_cache`; both in turn, and the loss that
each reaches from the same start. Graphs: seconds of `wb.circuits.graph`, beside one backward pass for each target node.
Seconds are of processor time on one thread.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["HF_HUB_OFFLINE"] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch
from torch import Tensor

import workbench as wb
from workbench.circuits.graphs.local_model import local_model
from workbench.circuits.transcoders.jump_relu import jump_relu
from workbench.circuits.transcoders.sampling import Sampler
from workbench.circuits.transcoders.train import fit
from workbench.circuits.transcoders.weights import Recipe, Weights
from workbench.text.batches import collate

FEATURES, BATCH = 960, 1024


def recipe(steps: int) -> Recipe:
    """The default hyperparameters."""
    given = {"rate": 2e-3, "sparsity": 0.8, "pull": 1e-4, "threshold": 0.03, "width": 1.0}
    return Recipe(kind="cross_layer", features=FEATURES, steps=steps, batch=BATCH, window="threshold", **given)


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class PlainSampler(Sampler):
    """The same texts, with states from TransformerLens' own cache."""

    def _run(self, count: int, draw: torch.Generator) -> Tensor:
        texts = []
        while count > 0 and len(texts) < 64:
            rows = self.rows[int(torch.multinomial(self.row_shares, 1, generator=draw))]
            texts.append(rows[int(torch.randint(len(rows), (), generator=draw))])
            count -= len(texts[-1].ids) - texts[-1].front
        batch = collate(texts, self.model.pad_id, "right")
        real = batch.mask.bool() & (torch.arange(batch.mask.shape[1]) >= texts[0].front)
        layers = range(self.model.n_layers)
        names = [[f"blocks.{layer}.mlp.{point}" for layer in layers] for point in ("hook_in", "hook_out")]
        with torch.no_grad():
            _, cache = self.model.bridge.run_with_cache(
                batch.ids, attention_mask=batch.mask, names_filter=[name for own in names for name in own]
            )
        return torch.stack([torch.stack([cache[name][real] for name in own]) for own in names])


def plain_steps(weights: Weights, sampler: Sampler, draw: torch.Generator) -> float:
    """The loop as it is written down: a decoder for each pair of layers. The last loss."""
    course = weights.recipe
    layers = range(len(weights.encoder))
    decoders = {
        (source, source + place): weights.decoders[source].detach()[:, place].clone().requires_grad_(True)
        for source in layers
        for place in range(weights.decoders[source].shape[1])
    }
    parameters = [weights.encoder, weights.bias, weights.log_threshold, weights.decoder_bias, *decoders.values()]
    optimizer = torch.optim.Adam(parameters, lr=course.rate)
    loss = torch.zeros(())
    for step in range(course.steps):
        optimizer.param_groups[0]["lr"] = course.rate_at(step)
        read, written = sampler.states(course.batch, draw)
        read, written = read * weights.input_scale[:, None, None], written * weights.output_scale[:, None, None]
        loss, features = torch.zeros(()), []
        for layer in layers:
            values = read[layer] @ weights.encoder[layer] + weights.bias[layer]
            threshold = weights.log_threshold[layer].exp()
            features.append(jump_relu(values, threshold))
            own = [decoders[layer, target].square().sum(1) for target in range(layer, len(weights.encoder))]
            lengths = torch.stack(own).sum(0).sqrt()
            loss = loss + course.sparsity_at(step) * torch.tanh(4 * features[layer] * lengths).sum(1).mean()
            loss = loss + course.pull * ((threshold - values).relu() * lengths).sum(1).mean()
        for target in layers:
            output = weights.decoder_bias[target] + sum(
                features[source] @ decoders[source, target] for source in range(target + 1)
            )
            loss = loss + (written[target] - output).square().sum(1).mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
    return float(loss.detach())


def train_rows(model: wb.model.Model, steps: int) -> list[str]:
    """The part of training: rows of the table."""
    corpus = wb.load_corpus("parallel")
    rows, seconds = [], {}
    ways = (("plain PyTorch loop", PlainSampler, False), ("wb.circuits.train", Sampler, False))
    for name, kind, bf16 in (*ways, ("wb.circuits.train, bf16", Sampler, True)):
        sampler = kind(model, [corpus], [1.0], 64)
        weights = Weights(replace(recipe(steps), bf16=bf16), *sampler.states(4096, generator(1)), generator(2))
        start = time.process_time()
        if kind is PlainSampler:
            loss = plain_steps(weights, sampler, generator(3))
        else:
            _, curve, _ = fit(weights, sampler.states, False, generator(3))
            loss = curve[-1]["loss"]
        seconds[name] = time.process_time() - start
        rows.append(f"| training, {name} | {steps / seconds[name]:.2f} steps a second | last loss {loss:.2f} |")
    ratios = [f"{seconds['plain PyTorch loop'] / taken:.2f}x" for taken in list(seconds.values())[1:]]
    return [*rows, f"| training, ratios | {', '.join(ratios)} | |"]


def graph_rows(model: wb.model.Model, most: int) -> list[str]:
    """The part of graphs: rows of the table."""
    pairs = wb.translation_pairs("words", source="de", target="fr", shots=2, limit=1)
    transcoder = wb.circuits.load("polyglot-transcoder", model)
    batch = model.batch(pairs[0].source)
    seconds, edges = {}, {}
    for name in ("one backward pass a feature", "wb.circuits.graph"):
        local = local_model(transcoder, model, batch)
        features = torch.arange(min(most, local.n_features))
        size = local.stack if name.startswith("wb") else 1
        start = time.process_time()
        edges[name] = torch.cat([local.edges(local.readers(some)) for some in features.split(size)])
        seconds[name] = time.process_time() - start
    gap = float((edges["wb.circuits.graph"] - edges["one backward pass a feature"]).abs().max())
    start = time.process_time()
    graph = wb.circuits.graph(transcoder, model, pairs[0].source, progress=False)
    whole = time.process_time() - start
    words = f"{len(features)} features of {batch.ids.shape[1]} tokens"
    rows = [f"| edges into {words}, {name} | {taken:.1f} s | |" for name, taken in seconds.items()]
    ratio = seconds["one backward pass a feature"] / seconds["wb.circuits.graph"]
    return [
        *rows,
        f"| edges, ratio | {ratio:.1f}x | largest difference {gap:.1g} |",
        f"| the whole graph, {graph.attrs['active']} features | {whole:.1f} s | residue {graph.attrs['residue']:.1g} |",
    ]


def main(arguments: list[str] | None = None) -> None:
    """Print the table, and write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few steps")
    parser.add_argument("--out", type=Path, help="file for the table")
    options = parser.parse_args(arguments)
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    model = wb.load_model("polyglot")
    lines = ["| what | speed | |", "|---|---|---|", *train_rows(model, 10 if options.quick else 60)]
    lines += graph_rows(model, 100 if options.quick else 10_000)
    print("\n".join(lines))
    if options.out:
        options.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
