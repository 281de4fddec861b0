"""Which method finds the truth: `python benchmarks/planted.py [--quick]`.

Every method is run on planted models, whose truth is known, at several strengths of weight noise and with several
numbers of texts, each on several models (seeds). What is reported is the average precision, the mean over languages:
1 is a perfect ranking, `chance` is what a constant score gets. Intervals are bootstrap percentiles over seeds. Prints a
table; writes `results/planted.json` and a figure, `results/planted.html`, beside this file.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from plotly.subplots import make_subplots

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import workbench as wb  # noqa: E402
from workbench import planted  # noqa: E402
from workbench.figures.drawing.style import LIGHT, LINES  # noqa: E402
from workbench.planted import Planted  # noqa: E402
from workbench.results import interval  # noqa: E402
from workbench.results.files import write_whole  # noqa: E402
from workbench.text import Corpus  # noqa: E402

QUIET = {"progress": False}
RESULTS = Path(__file__).resolve().parent / "results"
LANGUAGES = "de,en,fr,it"
MIDDLE = 0.1  # the noise at which the number of texts is varied
HEADS = {"languages": LANGUAGES, "layers": 3, "heads": 8}
MODELS: dict[str, Callable[..., Planted]] = {
    "heads": lambda **options: planted.heads(**HEADS, **options),
    "redundant heads": lambda **options: planted.heads(**HEADS, redundant=True, **options),
    "neurons": lambda **options: planted.neurons(LANGUAGES, **options),
}
Method = Callable[[Planted, Corpus, int], xr.Dataset]


def importance(variant: str) -> Method:
    """LAHIS."""
    return lambda one, corpus, seed: wb.heads.importance(one.model, corpus, variant=variant, **QUIET)


def ablation(how: str) -> Method:
    """Exact ablation of one head at a time."""
    return lambda one, corpus, seed: wb.heads.ablate(one.model, corpus, how=how, **QUIET)


def slope(kind: str) -> Method:
    """Gradient baselines: gradient x activation of each head, signed (a fall of the loss is good) or absolute."""

    def run(one: Planted, corpus: Corpus, seed: int) -> xr.Dataset:
        found = wb.heads.importance(one.model, corpus, per_sample=True, **QUIET).sample_gradient
        values = -found.mean("sample") if kind == "signed" else abs(found).mean("sample")
        return xr.Dataset({"importance": values})

    return run


def weight_norm(one: Planted, corpus: Corpus, seed: int) -> xr.Dataset:
    """The norm of each head's part of W_O: it knows nothing of languages."""
    import torch

    weights = torch.stack([block.attn.o.weight.detach() for block in one.model.bridge.blocks])
    norms = weights.unflatten(2, (one.model.n_heads, -1)).square().sum((1, 3)).sqrt().numpy()
    return xr.Dataset({"importance": one.truth.member * 0.0 + xr.DataArray(norms, dims=("layer", "head"))})


def chosen_at_random(one: Planted, corpus: Corpus, seed: int) -> xr.Dataset:
    """The control: a score that is drawn."""
    drawn = np.random.default_rng(seed).random(one.truth.member.shape)
    return xr.Dataset({"importance": one.truth.member.copy(data=drawn)})


def shapley(one: Planted, corpus: Corpus, seed: int) -> xr.Dataset:
    """Shapley values, sampled: heads in company. It costs by far the most, so it gets few orders and texts."""
    return wb.heads.shapley(one.model, corpus.limit(2), permutations=4, seed=seed, **QUIET)


def counted(name: str) -> Method:
    """LAPE and the ternary classes, on firing counts."""

    def run(one: Planted, corpus: Corpus, seed: int) -> xr.Dataset:
        counts = wb.neurons.firing(one.model, corpus, **QUIET)
        return getattr(wb.neurons, name)(counts, top_rate=one.truth.attrs["top_rate"], bar=one.truth.attrs["bar"])

    return run


def neurons_of(name: str) -> Method:
    """Expert neurons and PLND, which run the model themselves; by their scores."""

    def run(one: Planted, corpus: Corpus, seed: int) -> xr.Dataset:
        return getattr(wb.neurons, name)(one.model, corpus, **QUIET).drop_vars("member")

    return run


BY_HEAD: dict[str, Method] = {
    "LAHIS (paper)": importance("paper"),
    "LAHIS (released)": importance("released"),
    "ablation (zero)": ablation("zero"),
    "ablation (mean)": ablation("mean"),
    "Shapley (4 orders, 2 texts)": shapley,
    "gradient x activation": slope("signed"),
    "|gradient x activation|": slope("absolute"),
    "weight norm": weight_norm,
    "random": chosen_at_random,
}
BY_NEURON: dict[str, Method] = {
    "LAPE": counted("lape"),
    "ternary": counted("ternary"),
    "AP (experts)": neurons_of("experts"),
    "PLND (impact)": neurons_of("plnd"),
    "random": chosen_at_random,
}


def methods(model: str) -> dict[str, Method]:
    """The methods for a kind of model; Shapley only where the room of heads has it."""
    if model == "neurons":
        return BY_NEURON
    return {name: run for name, run in BY_HEAD.items() if run is not shapley or hasattr(wb.heads, "shapley")}


def measure(model: str, noises: list[float], sizes: list[int], seeds: int) -> xr.Dataset:
    """Average precision of every method: [approach, noise, texts, seed], the mean over languages."""
    names = methods(model)
    values = np.full((len(names), len(noises), len(sizes), seeds), np.nan)
    seconds, chance = np.zeros(len(names)), []
    for n, noise in enumerate(noises):
        for seed in range(seeds):
            one = MODELS[model](noise=noise, seed=seed, texts=max(sizes))
            for t, size in enumerate(sizes):
                for m, run in enumerate(names.values()):
                    start = time.perf_counter()
                    scored = planted.score(run(one, one.corpus.limit(size), seed), one.truth)
                    seconds[m] += time.perf_counter() - start
                    values[m, n, t, seed] = scored.attrs["macro_average_precision"]
                    chance.append(float(scored.chance.mean()))
    low, high = interval(np.moveaxis(values, -1, 0), seed=0)
    axes = ("approach", "noise", "texts")  # not "method": xarray selects by a method of its own
    return xr.Dataset(
        {
            "average_precision": (axes, values.mean(-1), {"long_name": "average precision, mean over languages"}),
            "low": (axes, low),
            "high": (axes, high),
            "seconds": ("approach", seconds / values[0].size),
        },
        {"approach": list(names), "noise": noises, "texts": sizes},
        {"chance": float(np.mean(chance)), "seeds": seeds},
    )


def table(model: str, found: xr.Dataset) -> str:
    """A line a method: over noise with the most texts, and over texts without noise."""
    most = int(found.texts.max())
    head = [f"{noise:g}" for noise in found.noise.values] + [f"{size} texts" for size in found.texts.values]
    lines = [
        f"\n{model}: average precision by noise ({most} texts) and by texts (noise {MIDDLE:g}), "
        f"{found.attrs['seeds']} models each; chance {found.attrs['chance']:.2f}",
        f"{'':28}" + "".join(f"{cell:>10}" for cell in head) + f"{'seconds':>10}",
    ]
    for name in found.approach.values:
        own = found.average_precision.sel(approach=name)
        cells = [*own.sel(texts=most).values, *own.sel(noise=MIDDLE).values]
        lines.append(
            f"{name:28}"
            + "".join(f"{value:10.2f}" for value in cells)
            + f"{float(found.seconds.sel(approach=name)):10.2f}"
        )
    return "\n".join(lines)


def figure(found: dict[str, xr.Dataset]) -> go.Figure:
    """A row for each kind of model: over noise on the left, over the number of texts on the right."""
    titles = [f"{model}, by {what}" for model in found for what in ("weight noise", "number of texts")]
    drawn = make_subplots(rows=len(found), cols=2, subplot_titles=titles, vertical_spacing=0.09)
    for row, (model, one) in enumerate(found.items(), 1):
        for i, name in enumerate(one.approach.values):
            colour = LINES[i % len(LINES)]
            for column, part in enumerate((one.sel(texts=one.texts.max()), one.sel(noise=MIDDLE)), 1):
                part = part.sel(approach=name)
                across = part.noise.values if column == 1 else part.texts.values
                middle = part.average_precision.values
                drawn.add_trace(
                    go.Scatter(
                        x=[f"{x:g}" for x in across],
                        y=middle,
                        error_y={
                            "array": part.high.values - middle,
                            "arrayminus": middle - part.low.values,
                            "thickness": 1,
                            "width": 3,
                        },
                        name=name,
                        legend="legend2" if model == "neurons" else "legend",
                        showlegend=column == 1 and model != "redundant heads",  # the same methods as above
                        legendgroup=f"{model == 'neurons'} {name}",
                        line={"color": colour, "dash": "dot" if name in ("random", "weight norm") else "solid"},
                        hovertemplate=f"<b>{name}</b><br>%{{x}}: %{{y:.3f}}<extra></extra>",
                    ),
                    row=row,
                    col=column,
                )
        drawn.update_yaxes(range=[-0.04, 1.06], title="average precision", row=row, col=1)
        drawn.update_yaxes(range=[-0.04, 1.06], row=row, col=2)
        drawn.update_xaxes(title="noise, relative to each matrix", type="category", row=row, col=1)
        drawn.update_xaxes(title=f"texts per language (noise {MIDDLE:g})", type="category", row=row, col=2)
    domains = [drawn.get_subplot(row, 1).yaxis.domain[1] for row in (1, len(found))]
    drawn.update_layout(legend={"y": domains[0]}, legend2={"y": domains[1], "yanchor": "top"})
    return drawn.update_layout(
        template=LIGHT,
        height=380 * len(found),
        width=1200,
        title="Which method finds what was planted? (1: all of it first; bars: 95 % bootstrap over models)",
    )


def main() -> None:
    """Measure, print, write."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="fewer noise levels, corpus sizes and models")
    quick = options.parse_args().quick
    seeds = 2 if quick else 8
    sizes = [2, 8] if quick else [1, 4, 16, 48]
    levels = {
        "heads": [0.0, 0.1, 0.3] if quick else [0.0, 0.05, 0.1, 0.2, 0.3, 0.4],
        "redundant heads": [0.0, 0.1, 0.3] if quick else [0.0, 0.05, 0.1, 0.2, 0.3, 0.4],
        "neurons": [0.0, 0.1, 0.2] if quick else [0.0, 0.05, 0.1, 0.15, 0.2, 0.3],
    }
    found = {}
    for model, noises in levels.items():
        found[model] = measure(model, noises, sizes, seeds)
        print(table(model, found[model]), flush=True)
    RESULTS.mkdir(exist_ok=True)
    name = "planted-quick" if quick else "planted"
    plain = {model: one.round(4).to_dict() for model, one in found.items()}
    write_whole(RESULTS / f"{name}.json", json.dumps(plain, indent=1) + "\n")
    write_whole(RESULTS / f"{name}.html", figure(found).to_html(include_plotlyjs=True))
    print(f"\nwrote {name}.json and {name}.html in {RESULTS.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
