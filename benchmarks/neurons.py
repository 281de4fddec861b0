"""Neurons: what counting costs beside a bare forward pass, and sorting beside plain loops.

Prints tables and asserts nothing: `python benchmarks/neurons.py [--quick]`. Counting is paired: a Hugging Face forward
without logits and without statistics, our counts, and our counts with moments take turns on the same batches, and the
ratio is the median over the turns. The classification at the size of a real model is that of `classify.py`.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))


def counting(texts: int, turns: int) -> None:
    """Counting against the bare forward pass, on the shipped model and on one eight times as wide."""
    import torch
    import transformers

    import workbench as wb
    from workbench.model.batching import streamed
    from workbench.model.forward.fused_attention import fused
    from workbench.neurons.counts.firing import Counter
    from workbench.text import Batch

    torch.set_num_threads(1)
    shipped = wb.load_model()
    corpus = wb.load_corpus(limit=texts)
    batches = list(streamed(shipped, corpus, batch_size=32))
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=32_000,
        hidden_size=512,
        intermediate_size=1408,
        num_hidden_layers=8,
        num_attention_heads=8,
        max_position_embeddings=512,
    )
    wide = wb.load_model(transformers.LlamaForCausalLM(config).eval(), tokenizer=shipped.tokenizer)
    long = [
        Batch(torch.randint(3, 8000, (16, 128)), torch.ones(16, 128, dtype=torch.long), ("de", "en") * 8, (*range(16),))
    ]
    print(f"{'model':<26}{'tokens':>8}{'bare forward':>14}{'counting':>18}{'with moments':>20}{'and sketch':>20}")
    for name, model, given in (("shipped", shipped, batches), ("8 layers of 1,408", wide, long)):

        def bare(model=model, given=given) -> None:
            with torch.no_grad(), fused(model):
                for batch in given:
                    model.states(batch)

        def counted(model=model, given=given, **options: bool) -> Callable[[], None]:
            def run() -> None:
                counter = Counter(model, corpus.languages, **options)
                for batch in given:
                    counter.update(batch)

            return run

        ways = [bare, counted(), counted(moments=True), counted(moments=True, sketch=True)]
        for way in ways:
            way()
        seconds: list[list[float]] = [[] for _ in ways]
        for _ in range(turns):
            for way, taken in zip(ways, seconds, strict=True):
                start = time.process_time()  # of this process: other work on the machine does not count
                way()
                taken.append(time.process_time() - start)
        ratio = [statistics.median(b / a for a, b in zip(seconds[0], taken, strict=True)) for taken in seconds]
        tokens = sum(int(batch.mask.sum()) for batch in given)
        cells = [f"{statistics.median(taken):.3f} s {r:.2f}x" for taken, r in zip(seconds[1:], ratio[1:], strict=True)]
        first = f"{statistics.median(seconds[0]):.3f} s"
        print(f"{name:<26}{tokens:>8,}{first:>14}{cells[0]:>18}{cells[1]:>20}{cells[2]:>20}")


def knocking(texts: int) -> None:
    """A knock-out of every language's neurons against a loop of hooks and full forward passes."""
    import torch
    from torch.nn.functional import cross_entropy

    import workbench as wb
    from workbench.model.batching import streamed
    from workbench.neurons.groups import random_groups, read_groups

    model, corpus = wb.load_model(), wb.load_corpus(languages="de,ja,ar,zh", limit=texts)
    members = wb.neurons.lape(wb.neurons.firing(model, corpus, progress=False), top_rate=0.05)
    controls = 4
    start = time.process_time()
    found = wb.neurons.knockout(model, corpus, members, controls=controls, progress=False)
    here = time.process_time() - start
    masks = [
        (name, mask)
        for name, own in read_groups(members, model.n_layers, model.n_neurons).items()
        for mask in [own, *random_groups(name, own, controls, seed=0)]
    ]
    start = time.process_time()
    losses = {}
    with torch.no_grad():
        for number, mask in enumerate([None, *(mask for _, mask in masks)]):
            handles = []
            for layer in range(model.n_layers) if mask is not None else ():
                keep = ~torch.from_numpy(mask[layer])
                down = model.bridge.blocks[layer].mlp.out
                handles.append(down.register_forward_pre_hook(lambda m, args, keep=keep: (args[0] * keep,)))
            for batch in streamed(model, corpus, batch_size=32):
                logits = model.logits(batch)[:, :-1]
                loss = cross_entropy(logits.flatten(0, 1), batch.ids[:, 1:].flatten(), reduction="none")
                real = batch.mask[:, 1:].bool()
                means = (loss.reshape(real.shape) * real).sum(1) / real.sum(1)
                for language, row, value in zip(batch.languages, batch.rows, means.tolist(), strict=True):
                    losses[number, language, row] = value
            for handle in handles:
                handle.remove()
    there = time.process_time() - start
    worst = max(
        abs(
            losses[1 + i * (1 + controls), language, row]
            - losses[0, language, row]
            - float(found.sample_delta.sel(group=name, language=language)[row])
        )
        for i, name in enumerate(found.group.values)
        for language in corpus.languages
        for row in range(texts)
    )
    print(
        f"\nknock-out, {len(masks)} groups on {len(corpus)} texts: {here:.2f} s, loop of hooks {there:.2f} s, "
        f"{there / here:.1f}x, largest difference {worst:.1e} nats"
    )


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer texts and turns")
    options = parser.parse_args()
    counting(*((16, 5) if options.quick else (60, 15)))
    knocking(6 if options.quick else 20)
    print("\nclassification:", flush=True)
    subprocess.run([sys.executable, str(HERE / "classify.py"), *(["--quick"] if options.quick else [])], check=True)


if __name__ == "__main__":
    main()
