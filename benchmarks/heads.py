"""LAHIS, ablation and knock-out against the loop that the papers' code runs, in the same process on the same texts.

The loop: batch 1, one text at a time, a mask multiplied in at every output projection, parameters that require
gradients, logits of every position kept. Prints a table, asserts nothing but that both give the same numbers.

    python benchmarks/heads.py [--quick]
"""

import argparse
import statistics
import time

import numpy as np
import torch
from transformers import AutoModelForCausalLM

import workbench as wb
from workbench import shipped
from workbench.model.forward.record import record


def loop_loss(module, projections, ids, mask):
    """The loss of one text with every head's output multiplied by mask [layer, head]."""
    handles = []
    for layer, part in enumerate(projections):

        def hook(module, args, layer=layer):
            z = args[0].reshape(*args[0].shape[:2], mask.shape[1], -1)
            return ((z * mask[layer][:, None]).flatten(2),)

        handles.append(part.register_forward_pre_hook(hook))
    try:
        ids = torch.tensor([ids])
        return module(input_ids=ids, labels=ids).loss
    finally:
        for handle in handles:
            handle.remove()


def loop_gradients(module, projections, texts, shape):
    """Slopes of each text's loss in the mask, [text, layer, head], with parameters that require gradients."""
    found = []
    for ids in texts:
        mask = torch.ones(shape, requires_grad=True)
        loop_loss(module, projections, ids, mask).backward()
        found.append(mask.grad)
        module.zero_grad()
    return torch.stack(found)


@torch.no_grad()
def loop_ablation(module, projections, texts, shape, cells):
    """Change of each text's loss without each cell, [cell, text]."""
    clean = torch.stack([loop_loss(module, projections, ids, torch.ones(shape)) for ids in texts])
    rows = []
    for cell in cells:
        mask = torch.ones(shape)
        for one in cell:
            mask[one] = 0
        rows.append(torch.stack([loop_loss(module, projections, ids, mask) for ids in texts]) - clean)
    return torch.stack(rows)


def seconds(run):
    """Seconds and what came out."""
    begun = time.perf_counter()
    found = run()
    return time.perf_counter() - begun, found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer texts and one repetition")
    quick = parser.parse_args().quick
    model = wb.load_model()
    corpus = wb.load_corpus(languages="de,ja", limit=6 if quick else 32)
    module = AutoModelForCausalLM.from_pretrained(shipped.folder(model.name), dtype=torch.float32).eval()
    projections = [layer.self_attn.o_proj for layer in module.model.layers]
    encoded = model.encode(corpus)
    texts, shape = [text.ids for text in encoded], (model.n_layers, model.n_heads)
    heads = [(i, j) for i in range(0, model.n_layers, 2) for j in (0, model.n_heads - 1)]
    groups = {str(i): [(0, i), (model.n_layers - 1, i)] for i in range(4)}

    def plain():
        from workbench.model.batching import by_length

        return [record(model, batch) for batch in by_length(model, encoded, batch_size=32)]

    jobs = {
        "head-mask gradient": (
            lambda: loop_gradients(module, projections, texts, shape),
            lambda: wb.heads.importance(model, corpus, per_sample=True, progress=False).sample_gradient,
        ),
        f"ablation of {len(heads)} heads": (
            lambda: loop_ablation(module, projections, texts, shape, [[head] for head in heads]),
            lambda: wb.heads.ablate(model, corpus, heads=heads, progress=False).sample_delta,
        ),
        f"knock-out of {len(groups)} groups": (
            lambda: loop_ablation(module, projections, texts, shape, list(groups.values())),
            lambda: wb.heads.knockout(model, corpus, groups, controls=0, progress=False).sample_delta,
        ),
    }
    print(f"{model.name}, {len(texts)} texts, {torch.get_num_threads()} threads; seconds are medians")
    print(f"{'job':28}{'loop':>9}{'ours':>9}{'ratio':>8}{'largest difference':>21}")
    times = {}
    for name, (loop, ours) in jobs.items():
        ours(), loop()  # the first call imports and fits
        runs = [(seconds(loop), seconds(ours)) for _ in range(1 if quick else 3)]
        slow, fast = (statistics.median(run[side][0] for run in runs) for side in (0, 1))
        wanted, found = runs[-1][0][1].numpy(), runs[-1][1][1].values.astype(float)
        if name.startswith("head-mask"):
            found = found.reshape(wanted.shape)
        elif name.startswith("ablation"):
            found = np.stack([found[:, :, i, j].ravel() for i, j in heads])
        else:
            found = found.reshape(wanted.shape)
        gap = float(abs(found - wanted).max())
        assert gap < 1e-3, f"{name}: the two ways differ by {gap}"
        times[name] = fast
        print(f"{name:28}{slow:9.2f}{fast:9.2f}{slow / fast:8.2f}{gap:21.1e}")
    plain()
    forward = statistics.median(seconds(plain)[0] for _ in range(1 if quick else 3))
    share = times["head-mask gradient"] / forward
    print(f"a plain forward without logits takes {forward:.2f} s; LAHIS takes {share:.2f} times that")


if __name__ == "__main__":
    main()
