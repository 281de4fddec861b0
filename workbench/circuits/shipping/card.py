"""The card of a transcoder: what it was trained on and what it explains, from the stored numbers alone."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

from workbench.circuits.shipping.measure import TITLES
from workbench.results.files import write_whole

_BOUNDS = {
    "explained, both alike": (0.85, True),
    "explained in the worst layer": (0.75, True),
    "active features of a token and layer": (25.0, False),
    "KL to the model, all MLPs replaced [nats]": (0.35, False),
    "same likeliest token, all MLPs replaced": (0.65, True),
    "features silent in the last 250 batches of training": (0.05, False),
}


def write_card(folder: Path) -> None:
    """Write README.md into the folder of a transcoder, from its `training.json` and `evaluation.json`."""
    training, evaluation = (
        json.loads((folder / f"{name}.json").read_text(encoding="utf-8")) for name in ("training", "evaluation")
    )
    size = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    write_whole(folder / "README.md", "\n".join(_lines(training, evaluation, size)) + "\n")


def goals(training: Mapping[str, Any], evaluation: Mapping[str, Any]) -> dict[str, tuple[float, float, bool]]:
    """What a good transcoder reaches on held-out text and new word prompts together: name to value, bound, reached."""
    parts = [evaluation[name] for name in ("text", "prompts") if name in evaluation]
    layers = [fmean(part["by_layer"][layer] for part in parts) for layer in parts[0]["by_layer"]]

    def mean(*path: str) -> float:
        values = []
        for part in parts:
            for name in path:
                part = part[name]
            values.append(part)
        return fmean(values)

    changed = [mean("replaced", name) for name in ("kl", "agreement")]
    values = [mean("explained"), min(layers), mean("l0"), *changed, training["dead"]]
    return {
        name: (value, bound, value >= bound if above else value <= bound)
        for (name, (bound, above)), value in zip(_BOUNDS.items(), values, strict=True)
    }


def _lines(training: Mapping[str, Any], evaluation: Mapping[str, Any], size: int) -> Iterator[str]:
    own, base = training["parameters"], training["base"]
    yield f"# {base}-transcoder"
    yield ""
    yield (
        f"A {own['kind'].replace('_', '-')} transcoder of `{base}`: {own['features']} features in each layer, which "
        "read what its MLPs read\nand together write what they write. Stored as float16 in circuit-tracer's layout, "
        f"{size / 1e6:.1f} MB, with all scales\nin the weights. Trained by `workbench.circuits.shipping.make`; "
        "Apache-2.0, as the model."
    )
    yield ""
    yield "## Training"
    shares = ", ".join(f"{each['share']:.0%} {each['source']}" for each in training["corpus"])
    yield (
        f"{own['steps']} steps of {own['batch']} tokens ({training['tokens'] / 1e6:.2f}M) in {training['minutes']:g} "
        f"minutes: {shares}. Texts of at most\n{own['length']} tokens; BOS is left out. Adam, rate {own['rate']:g}, "
        f"sparsity 0 to {own['sparsity']:g}, pull {own['pull']:g}, threshold {own['threshold']:g} at first, window "
        f"{own['width']:g}.\nThe text is that which the model was trained on, and no part of this project."
    )
    yield ""
    yield "## What it explains"
    yield (
        f"Measured on {evaluation['texts']} texts of each language. Share of the variance of what the MLPs write; then "
        "what the model predicts\nwith all MLPs replaced at once, and, as the control, with all at their mean. Random "
        "features: as many ReLU features, with\nleast-squares decoders."
    )
    yield ""
    changed = "KL | same token | KL, mean-ablated | same token, mean-ablated"
    yield f"| | explained | worst layer | active | silent here | {changed} |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for name, title in {**TITLES, "random": "random features, word prompts"}.items():
        if name in evaluation:
            part = evaluation[name]
            modes = (part["replaced"], part["mean_ablated"])
            changed = [f"{mode[value]:.2f}" for mode in modes for value in ("kl", "agreement")]
            yield (
                f"| {title} | {part['explained']:.3f} | {min(part['by_layer'].values()):.3f} | {part['l0']:.1f} | "
                f"{part['dead']:.1%} | {' | '.join(changed)} |"
            )
    yield ""
    yield "| text and word prompts alike | here | goal | |"
    yield "|---|---|---|---|"
    for name, (value, bound, reached) in goals(training, evaluation).items():
        yield f"| {name} | {value:.3f} | {bound:g} | {'reached' if reached else 'missed'} |"
    yield ""
    yield "| explained in | " + " | ".join(TITLES[name] for name in TITLES if name in evaluation) + " |"
    yield "|---|" + "---|" * sum(name in evaluation for name in TITLES)
    for axis in ("layer", "language"):
        for label in evaluation["prompts"][f"by_{axis}"]:
            cells = [f"{evaluation[name][f'by_{axis}'][label]:.3f}" for name in TITLES if name in evaluation]
            yield f"| {axis} {label} | {' | '.join(cells)} |"
