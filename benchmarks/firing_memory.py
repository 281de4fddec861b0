"""Firing counts: does memory grow with the corpus, and what does counting cost beyond a bare forward pass?

Prints a table and asserts nothing: `python benchmarks/firing_memory.py [--quick]`. Each corpus size is counted in a
process of its own, and the peak above the loaded model is compared. In the same process the same batches are run
through the Hugging Face backbone without logits and without statistics, the least that any counting has to do.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time

os.environ["HF_HUB_OFFLINE"] = "1"


def measure(repeats: int) -> dict[str, float]:
    """Count the shipped corpus `repeats` times over, in this process."""
    import torch

    import workbench as wb
    from workbench.model.batching import streamed
    from workbench.text import Corpus

    torch.set_num_threads(1)
    model = wb.load_model()
    small = wb.load_corpus()
    corpus = Corpus({k: v * repeats for k, v in small.texts.items()}, aligned=True, source=f"{repeats} x parallel")
    wb.neurons.firing(model, small.limit(32), progress=False)  # warm up: buffers of one full batch
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    wb.neurons.firing(model, corpus, progress=False)
    counting = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    with torch.no_grad():
        for batch in streamed(model, corpus, batch_size=32):
            model.states(batch)
    bare = time.perf_counter() - start
    tokens = sum(int(batch.mask.sum()) for batch in streamed(model, corpus, batch_size=32))
    return {"texts": len(corpus), "tokens": tokens, "grown": (peak - before) / 1024, "seconds": counting, "bare": bare}


def main() -> None:
    """Measure each size in a fresh process and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="smaller corpora")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.one)))
        return
    print(f"{'texts':>7} {'tokens':>9} {'peak above model':>17} {'seconds':>8} {'of a bare forward':>18}")
    for repeats in (1, 4) if options.quick else (1, 4, 16):
        run = subprocess.run(
            [sys.executable, __file__, "--one", str(repeats)], capture_output=True, text=True, check=True
        )
        row = json.loads(run.stdout.splitlines()[-1])
        print(
            f"{row['texts']:>7.0f} {row['tokens']:>9.0f} {row['grown']:>13.1f} MiB "
            f"{row['seconds']:>8.2f} {row['seconds'] / row['bare']:>16.2f} x"
        )


if __name__ == "__main__":
    main()
