"""The card of a neuron: its strongest texts in every language as HTML, coloured token by token, in any script."""

from dataclasses import dataclass
from html import escape

import numpy as np
import xarray as xr

from workbench.arguments import checked
from workbench.figures.drawing import style
from workbench.figures.drawing.choose import require_variables
from workbench.figures.drawing.labels import direction, value_label
from workbench.figures.neuron import DRAWS, NEEDED
from workbench.text.display.words import percent

_ABOVE, _BELOW = (213, 94, 0), (0, 114, 178)  # orange and blue of Okabe & Ito
_STYLE = f"""
.neuron-card {{ font: 14px/1.6 {style.FONT}; color: #1d2530; background: #fff; max-width: 62rem; padding: 1rem 1.2rem;
  border: 1px solid #d5d9df; border-radius: 8px; }}
.neuron-card h2 {{ font-size: 1.15rem; margin: 0 0 .3rem; }}
.neuron-card h3 {{ font-size: .95rem; margin: .9rem 0 .2rem; }}
.neuron-card p {{ margin: .2rem 0; }}
.neuron-card .quiet {{ color: #5b6573; font-weight: normal; font-size: .85rem; }}
.neuron-card .context {{ margin: .15rem 0; padding: .15rem .5rem; background: #f7f8fa; border-radius: 4px;
  text-align: start; overflow-wrap: anywhere; white-space: pre-wrap; }}
.neuron-card .context span {{ border-radius: 2px; }}
.neuron-card .tokens span {{ display: inline-block; margin: 0 .3rem .2rem 0; padding: 0 .35rem; background: #f0f2f5;
  border-radius: 4px; white-space: pre; }}
.neuron-card table {{ border-collapse: collapse; }}
.neuron-card td, .neuron-card th {{ text-align: start; padding: .1rem .8rem .1rem 0; font-weight: normal; }}
"""


@dataclass(frozen=True)
class Card:
    """HTML of one card: a notebook shows it, `html` is a fragment for a page, `page` a whole one."""

    html: str
    title: str

    @property
    def page(self) -> str:
        """The card as an HTML document of its own, for a file."""
        return (
            f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(self.title)}</title></head>'
            f"<body>{self.html}</body></html>\n"
        )

    def _repr_html_(self) -> str:
        return self.html


@checked
def neuron_card(result: xr.Dataset) -> Card:
    """Write the result of `neurons.look` for one neuron as a card.

    The stronger the neuron at a token, the darker its orange; below zero it is blue, for sites with negative values.
    Letters that belong together are never split, and each text runs in the direction of its own script.

    Args:
        result: what `neurons.look` returned.

    Returns:
        The card; it is neither shown nor written.

    Raises:
        BadArgument: another Result.

    Example:
        >>> Path("neuron.html").write_text(wb.figures.neuron_card(found).page, encoding="utf-8")
    """
    require_variables(result, NEEDED, DRAWS)
    title = f"Neuron {result.attrs['neuron']} of layer {result.attrs['layer']}"
    signed = result.attrs["site"] == "neuron"
    values = result.activation.values
    largest = float(np.nanmax(abs(values) if signed else values, initial=0.0))
    what = "its activation" if signed else "its value before the activation function; it fires above zero"
    parts = [
        f"<style>{_STYLE}</style>",
        f'<div class="neuron-card"><h2>{title}</h2>',
        f'<p class="quiet">Colour: {what}. Darkest: {largest:.3g}.</p>',
        _labels(result),
        _tokens(result, "promoted", "Raises the logits of"),
        _tokens(result, "suppressed", "Lowers the logits of"),
    ]
    for language in sorted(
        result["language"].values.tolist(), key=lambda code: -float(result.fires.sel(language=code))
    ):
        parts.append(_language(result.sel(language=language), language, largest, signed))
    return Card("\n".join([*(part for part in parts if part), "</div>"]), title)


def _labels(result: xr.Dataset) -> str:
    if "label" not in result:
        return ""
    rows = "".join(
        f"<tr><th>{escape(str(name))}</th><td>{escape(str(value))}</td></tr>"
        for name, value in zip(result["method"].values, result.label.values, strict=True)
    )
    return f"<h3>Labels by method</h3><table>{rows}</table>"


def _tokens(result: xr.Dataset, name: str, heading: str) -> str:
    words = "".join(
        f'<span title="{float(by):+.3g}"><bdi>{escape(str(word)) or "∅"}</bdi></span>'
        for word, by in zip(result[name].values, result[f"{name}_by"].values, strict=True)
    )
    return f'<h3>{heading}</h3><p class="tokens">{words}</p>'


def _language(part: xr.Dataset, language: str, largest: float, signed: bool) -> str:
    right, tag = direction(language)
    runs, lang = "rtl" if right else "auto", f' lang="{escape(tag)}"' if tag else ""
    rows = []
    for context in range(part.sizes["context"]):
        if int(part.row[context]) < 0:
            continue
        spans = "".join(
            _span(str(text), float(value), largest, signed)
            for text, value in zip(part.text.values[context], part.activation.values[context], strict=True)
            if text
        )
        rows.append(
            f'<p class="context" dir="{runs}"{lang} title="text {int(part.row[context])}, strongest '
            f'{float(part.peak[context]):.3g}">{spans}</p>'
        )
    fires = f"fires at {percent(part.fires)} of the tokens, mean {float(part['mean']):+.3g}"
    return f'<h3>{value_label("language", language)} <span class="quiet">{fires}</span></h3>' + "\n".join(rows)


def _span(text: str, value: float, largest: float, signed: bool) -> str:
    """A piece of text in its colour; inline, without padding, so that letters join across pieces as they should."""
    share = min(abs(value) / largest, 1.0) if largest else 0.0
    if share < 0.02 or (value < 0 and not signed):
        return f'<span title="{value:+.3g}">{escape(text)}</span>'
    red, green, blue = _ABOVE if value > 0 else _BELOW
    return (
        f'<span title="{value:+.3g}" style="background:rgba({red},{green},{blue},{0.08 + 0.72 * share:.2f})">'
        f"{escape(text)}</span>"
    )
