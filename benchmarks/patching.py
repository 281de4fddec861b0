"""Patching against TransformerLens: `python benchmarks/patching.py [--quick] [--shape tiny gpt2s]`.

Each sweep of `wb.patching.sweep` beside the same sweep of `transformer_lens.patching`, which runs a few cells (drawn
anew each repetition) and is scaled; attribution patching beside `transformer_lens`'s own. Then, on the shipped model's
translation pairs, how well each approximation agrees with exact patching. Prints tables and asserts nothing.
"""

from __future__ import annotations

import argparse
import random
import statistics
from contextlib import redirect_stderr
from io import StringIO

import cases  # noqa: F401 (first: it finds the workbench)
import pandas as pd
import peers
import torch
from cases import SHAPES, Case, clock

import workbench as wb
from workbench.model import logit_difference
from workbench.model.forward.record import record
from workbench.patching.attribution import estimate
from workbench.patching.edges.estimate import estimate as estimate_edges
from workbench.patching.engine import cells as fast
from workbench.patching.engine import layer_sites

EXACT = 1e-5
# title: (site, axes of TransformerLens's index, its function, its hook)
SWEEPS = {
    "residual, position": ("residual", ("layer", "pos"), "resid_pre", "hook_resid_pre"),
    "attention out, position": ("attention_out", ("layer", "pos"), "attn_out", "hook_attn_out"),
    "MLP out, position": ("mlp_out", ("layer", "pos"), "mlp_out", "hook_mlp_out"),
    "head": ("head", ("layer", "head"), "attn_head_out_all_pos", "attn.hook_z"),
    "q": ("q", ("layer", "head"), "attn_head_q_all_pos", "attn.hook_q"),
    "k": ("k", ("layer", "head"), "attn_head_k_all_pos", "attn.hook_k"),
    "v": ("v", ("layer", "head"), "attn_head_v_all_pos", "attn.hook_v"),
    "pattern": ("pattern", ("layer", "head_index"), "attn_head_pattern_all_pos", "attn.hook_pattern"),
    "head, position": ("head", ("layer", "pos", "head"), "attn_head_out_by_pos", "attn.hook_z"),
}


def walk(case: Case, site: str, by_position: bool):
    """What `wb.patching.sweep` runs on one batch of pairs: values by (layer, column), seconds of all cells."""
    start, model = clock(case), case.model
    inside = site in layer_sites.SITE_KINDS and (site != "head" or by_position)
    options = {"keys": True, "patterns": inside, "heads": site == "head" and not inside}
    source = record(model, case.of(case.source), **options)
    target = record(model, case.of(case.target), **options)
    metric = logit_difference(case.answers.tolist(), case.foils.tolist())
    width = case.shape.pairs[1]
    if site == "residual":
        found = fast.positions(source, target, metric, after=False)
    elif not inside:
        found = fast.heads(source, target, metric)
    elif by_position:
        found = layer_sites.positions(source, target, metric, site, width)
    else:
        found = layer_sites.units(source, target, metric, site)
    clean, values = fast.unpatched(target, metric), {}
    for layer, columns, read, changed in found:
        for i, column in enumerate(columns):
            values[layer, column] = (
                clean if read is None or changed is None else torch.where(changed[i], read[i], clean)
            )
    return values, clock(case) - start


def lens(case: Case, cells: list[tuple[int, ...]], axes: tuple[str, ...], name: str, hook: str):
    """The same cells by `transformer_lens.patching`: [cell, sample], and their seconds."""
    from transformer_lens import patching

    cache = peers._lens_cache(case, hook)
    start = clock(case)
    with torch.no_grad(), redirect_stderr(StringIO()):
        found = getattr(patching, f"get_act_patch_{name}")(
            case.model.bridge,
            case.target,
            cache,
            lambda logits: peers.difference(case, logits),
            index_axis_names=None,
            index_df=pd.DataFrame(cells, columns=list(axes)),
            reduce="none",
        )
    return found.values, clock(case) - start


def sweep_line(case: Case, title: str, repeats: int, some: int) -> str:
    """One sweep: seconds per cell, ratio, largest difference."""
    site, axes, name, hook = SWEEPS[title]
    by_position, rng, width = "pos" in axes, random.Random(0), case.shape.pairs[1]
    ratios, seconds, worst = [], [], 0.0
    for repeat in range(repeats + 1):  # the first is not counted
        values, ours = walk(case, site, by_position)
        drawn = rng.sample(sorted(values), min(some, len(values)))
        asked = [(layer, column % width, column // width) for layer, column in drawn] if len(axes) == 3 else drawn
        theirs, took = lens(case, asked, axes, name, hook)
        if repeat:
            ratios.append(took / len(drawn) * len(values) / ours)
            seconds.append(ours / len(values))
        for cell, expected in zip(drawn, theirs, strict=True):
            worst = max(worst, float((values[cell] - expected).abs().max()))
    note = "" if worst <= EXACT else "  !!! DIFFERS"
    return f"{title:<26}{statistics.median(seconds):>12.5f}{statistics.median(ratios):>16.1f}x{worst:>12.1e}{note}"


def attribution_line(case: Case, repeats: int) -> str:
    """Attribution patching of heads, whole job."""
    from transformer_lens.tools.analysis.attribution_patching import attribution_patch

    case.of(case.target)
    answers, foils = case.answers.tolist(), case.foils.tolist()
    ratios, seconds, worst = [], [], 0.0
    for repeat in range(repeats + 1):
        start = clock(case)
        source = record(case.model, case.of(case.source), heads=True, keys=True)
        target = case.of(case.target)
        found, _ = estimate(case.model, source, target, logit_difference(answers, foils), site="head")
        middle = clock(case)
        scores = [
            attribution_patch(
                case.model.bridge,
                case.source[i : i + 1],
                case.target[i : i + 1],
                lambda logits, i=i: logits[0, -1, answers[i]] - logits[0, -1, foils[i]],
            ).node_scores
            for i in range(len(answers))
        ]
        took = clock(case) - middle
        if repeat:
            seconds.append(middle - start)
            ratios.append(took / seconds[-1])
        theirs = torch.zeros_like(found)
        for i, nodes in enumerate(scores):
            for node, score in nodes.items():
                if node.kind == "attn_head_out":
                    theirs[i, node.layer, node.head] += score
        worst = max(worst, float((found - theirs).abs().max()))
    median = statistics.median(seconds)
    return f"{'attribution, whole job':<26}{median:>12.5f}{statistics.median(ratios):>16.1f}x{worst:>12.1e}"


def agreements(limit: int) -> None:
    """How each approximation agrees with exact patching, on the shipped model."""
    model = wb.load_model()
    pairs = wb.translation_pairs("words", source="de", target="fr", shots=2, limit=limit, tokenizer=model.tokenizer)
    print(f"\nAgreement with exact patching: {model.name}, {len(pairs)} pairs {pairs.name}, 48 sampled cells")
    print(f"{'site':<16}{'steps':>6}{'Pearson [95 %]':>26}{'Spearman':>10}{'mean error':>12}")
    for site in ("residual", "head", "edge"):
        for steps in (0, 4, 16):
            how = {"steps": steps, "sample": 48, "progress": False}
            edges, nodes = wb.patching.edges, wb.patching.attribution
            found = (edges(model, pairs, **how) if site == "edge" else nodes(model, pairs, site=site, **how)).attrs
            between = f"{found['agreement']:.3f} [{found['agreement_low']:.3f}, {found['agreement_high']:.3f}]"
            rank, error = found["agreement_rank"], found["agreement_error"]
            print(f"{site:<16}{steps:>6}{between:>26}{rank:>10.3f}{error:>12.4f}")


def edges_line(case: Case, repeats: int) -> str:
    """All edges of one batch of pairs, whole job, and TransformerLens's own where it takes this architecture."""
    from transformer_lens.tools.analysis.attribution_patching import EdgeAttributionConfig, attribution_patch

    case.of(case.target)
    answers, foils = case.answers.tolist(), case.foils.tolist()
    ours, theirs = [], []
    for repeat in range(repeats + 1):  # the first is not counted
        start = clock(case)
        source = record(case.model, case.of(case.source), heads=True, keys=True, patterns=True)
        with torch.no_grad():
            estimate_edges(case.model, source, case.of(case.target), logit_difference(answers, foils))
        middle = clock(case)
        for i in range(len(answers)):
            attribution_patch(
                case.model.bridge,
                case.source[i : i + 1],
                case.target[i : i + 1],
                lambda logits, i=i: logits[0, -1, answers[i]] - logits[0, -1, foils[i]],
                EdgeAttributionConfig(granularity="edge"),
            )
        if repeat:
            ours.append(middle - start)
            theirs.append(clock(case) - middle)
    median = statistics.median(ours)
    return f"{'edges, whole job':<26}{median:>12.5f}{statistics.median(theirs) / median:>16.1f}x{'':>12}"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two repetitions, the tiny shape alone")
    parser.add_argument("--shape", nargs="+", choices=list(SHAPES))
    parser.add_argument("--repeats", type=int, help="default 5, quick 2")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    repeats = options.repeats or (2 if options.quick else 5)
    for name in options.shape or (["tiny"] if options.quick else ["tiny", "gpt2s"]):
        case = Case(SHAPES[name], options.device, torch.float32)
        samples, tokens = case.shape.pairs
        print(
            f"\n{name}: {samples} pairs of {tokens} tokens that share their first half; {repeats} repetitions, medians"
        )
        print(f"{'sweep':<26}{'s per cell':>12}{'TransformerLens':>17}{'difference':>12}")
        for title in SWEEPS:
            print(sweep_line(case, title, repeats, 4 if options.quick else 6), flush=True)
        print(attribution_line(case, repeats), flush=True)
        print(edges_line(case, repeats), flush=True)
        peers.forget()
    agreements(8 if options.quick else 24)


if __name__ == "__main__":
    main()
