"""The model card's tables and targets on interventions: knock-out of a language's units, and mean patching."""

from __future__ import annotations

from typing import Any

from workbench.training.data.prompts import AUTONYMS, LANGUAGES


def knockout_table(knockout: dict[str, Any]) -> str:
    """By language: rise of the loss without its own heads or neurons, for itself and others, and their contrast."""
    rows = [
        "| language | heads: own | others | contrast (95 % interval) | worst random "
        "| neurons: own | others | contrast (95 % interval) | worst random |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for code in LANGUAGES:
        cells = []
        for site in ("heads", "neurons"):
            row = knockout[site][code]
            mark = " *" if row["holds"] else ""
            span = f"{row['contrast']:+.3f} ({row['low']:+.3f} to {row['high']:+.3f}){mark}"
            cells += [f"{row['own']:+.3f} ({row['size']})", f"{row['others']:+.3f}", span, f"{row['random']:+.3f}"]
        rows.append(f"| {code} {AUTONYMS[code]} | {' | '.join(cells)} |")
    return "\n".join(rows)


def patching_table(patching: dict[str, Any]) -> str:
    """By target language: concept moved and target language preserved by mean patching."""
    rows = [
        "| into | sources | concept moved (95 % interval) | from one source | random concepts, at most "
        "| in the target language | onset (95 % interval) |",
        "|---|---|---|---|---|---|---|",
    ]
    for code, row in patching["by_target"].items():
        mark = " *" if row["holds"] else ""
        onset = f"{row['onset']:g} ({row['onset_low']:g} to {row['onset_high']:g})"
        rows.append(
            f"| {code} | {row['route'].split(':')[0]} "
            f"| {row['moved']:.2f} ({row['low']:.2f} to {row['high']:.2f}){mark} "
            f"| {row['single']:.2f} | {row['control']:.2f} | {row['kept']:.3f} | {onset} |"
        )
    return "\n".join(rows)


def curve_table(patching: dict[str, Any]) -> str:
    """Probability of each answer by the first replaced layer, with the control in brackets."""
    layers = len(next(iter(patching["curves"].values()))["probability"])
    rows = [
        "| answer | " + " | ".join(f"layer {layer}" for layer in range(layers)) + " |",
        "|---|" + "---|" * layers,
    ]
    for name, row in patching["curves"].items():
        cells = [f"{a:.3f} ({b:.3f})" for a, b in zip(row["probability"], row["control"], strict=True)]
        rows.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(rows)


def effects(evaluation: dict[str, Any]) -> str:
    """The sections of both interventions; empty if not measured."""
    parts = []
    if "knockout" in evaluation:
        cells = evaluation["knockout"]
        parts.append(f"""## Without a language's own heads or neurons
Rise of the loss [nats per token] when a language's parts give 0: two heads by LAHIS (largest share of importance beyond
the other languages' mean share), or neurons by LAPE ({cells["top_rate"]:.0%} of all, their number in brackets). Found
on one half of the shipped sentences, switched off on {cells["texts"]} of the other. Contrast: own less others, less the
same of {cells["controls"]} random groups of the same size in each layer; interval over sentences. Worst random: the
largest own less others of a random group. A star: the interval lies above 0, its p-value (Benjamini-Hochberg over
languages) below 0.05, and own less others above every random group.

{knockout_table(cells)}
""")
    if "patching" in evaluation:
        cells = evaluation["patching"]
        parts.append(f"""## Mean patching over source languages
In a translation prompt into the target language the states of the shown word's last token are replaced, from a layer on
to the last, by the mean over prompts of another concept in up to four source languages that ask for another language.
Probability of the other concept in the target language (states replaced from layer 0 on), {cells["pairs"]} pairs
altogether. In the target language: its share of the probability of all four answers. Onset: the layer from which on it
comes too late, because the word has been read. A star: the interval lies above that of random concepts, and over 90 %
stay in the target language.

{patching_table(cells)}

All pairs, by the first replaced layer, with random concepts in brackets:

{curve_table(cells)}

The moved concept has lost half of its first value at layer {cells["onset"]:g}.
""")
    return "\n".join(parts)


def effect_targets(evaluation: dict[str, Any], *, languages: int = 8) -> list[str]:
    """Targets on interventions, each reached or missed."""
    lines = []
    if "knockout" in evaluation:
        knockout = evaluation["knockout"]
        hurt = knockout["languages_hurt"]
        by = {site: sum(row["holds"] for row in knockout[site].values()) for site in ("heads", "neurons")}
        lines.append(
            f"- Its own heads or neurons hurt a language more than others, and more than random ones, in at least "
            f"{languages} languages: {target(len(hurt) >= languages)}, {len(hurt)} "
            f"({by['heads']} by heads, {by['neurons']} by neurons)."
        )
    if "patching" in evaluation:
        moved = evaluation["patching"]["languages_moved"]
        many = len(evaluation["patching"]["by_target"])
        lines.append(
            f"- Mean patching moves the concept and keeps the target language, in every language: "
            f"{target(len(moved) == many)}, {len(moved)} of {many}."
        )
    return lines


def target(reached: bool) -> str:
    """Reached, or missed in bold."""
    return "reached" if reached else "**missed**"
