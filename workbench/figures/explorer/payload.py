"""The data of the page: numbers, patterns and figures as JSON, arrays as base64 of their bytes."""

import base64
import re
from typing import Any

import numpy as np
import plotly.graph_objects as go
import xarray as xr

from workbench.figures.drawing import style
from workbench.figures.drawing.axis import axis
from workbench.figures.drawing.cells import number_cells
from workbench.figures.drawing.choose import Chosen, choose
from workbench.figures.drawing.colour import colour_axis, is_signed, scale_end
from workbench.figures.drawing.labels import direction, value_label
from workbench.figures.explorer.contents import CELLS, KINDS, ExplorerData, Measure, kind_of
from workbench.figures.explorer.figure_json import figure_json, plain_json
from workbench.figures.explorer.parts import CLASSES, head_grid, layer_classes, pattern, profile, token_labels
from workbench.figures.explorer.sentences import sentences

_MANY_HEADS = 16  # from which a panel of heads is wide
_TOP = 66  # pixels above the grid for the scale and the names of the languages
_DARK_DIVERGING = ["#9bd0f5", "#4a97cf", "#27517a", "#242d39", "#7d3f14", "#d9762b", "#ffc38a"]  # blue, none, orange
_PROFILED = 2  # scores whose numbers by language fit beside each other
_STEPS = 255  # an attention of 0 to 1 in one byte


def payload(contents: ExplorerData) -> dict[str, Any]:
    """Everything the page shows, ready for JSON."""
    axes = {name: contents.axis(name) for name in CELLS}
    measures = (contents.measures or (_nothing(axes),)) if axes["language"] and axes["head"] else ()
    classes = None if contents.classes is None else _classes(contents.classes)
    codes = {*axes["language"], *(classes["languages"] if classes else [])}
    return {
        "names": [_language(code) for code in sorted(codes)],
        "languages": [_language(code) for code in axes["language"]],
        "layers": axes["layer"] or (classes["layers"] if classes else []),
        "heads": axes["head"],
        "grid": _grid(measures[0], axes) if measures else None,
        "measures": [_measure(measure, axes) for measure in measures],
        "profile": _profile(contents, axes),
        "roles": None if contents.roles is None else _roles(contents.roles, axes),
        "kinds": None if contents.kinds is None else _kinds(contents.kinds, axes),
        "patterns": None if contents.patterns is None else _patterns(contents.patterns),
        "classes": classes,
        "lens": None if contents.lens is None else sentences(contents.lens),
        "colours": {"missing": style.MISSING, "chosen": style.LINES[1], "others": style.LINES[0]},
        "themes": {"light": style.LIGHT.to_plotly_json(), "dark": style.DARK.to_plotly_json()},
    }


def _nothing(axes: dict[str, list]) -> Measure:
    """A grid of heads without a measure: grey, but every head can be chosen."""
    empty = np.full([len(axes[name]) for name in CELLS], np.nan)
    values = xr.DataArray(empty, dims=CELLS, coords=axes, attrs={"long_name": "no measure of heads"})
    return Measure("unmeasured", "no measure of heads", xr.Dataset({"unmeasured": values}))


def _language(code: str) -> dict[str, Any]:
    right, tag = direction(code)
    return {
        "code": code,
        "tag": tag,
        "name": value_label("language", code),
        "short": value_label("language", code, short=True),
        "direction": "rtl" if right else "ltr",
    }


def _grid(measure: Measure, axes: dict[str, list]) -> dict[str, Any]:
    """The grid of heads to be filled with any measure, laid out for wide and for narrow windows."""
    whole = _whole(measure, axes)
    layouts, data = [], []
    for columns in (4, 3) if len(axes["head"]) <= _MANY_HEADS else (3, 1):
        figure = head_grid(whole, measure.name, columns=columns)
        layout: Any = figure.layout
        height = layout.height - layout.margin.t + _TOP
        plain = figure_json(
            figure, margin={"t": _TOP, "l": 44, "r": 6, "b": 44}, height=height, meta={"columns": columns}
        )
        data = plain["data"]
        layouts.append(plain["layout"])
        across, up = (axis(whole[measure.name], name).positions for name in ("head", "layer"))
        for name, value in plain["layout"].items():  # plotly finds no range where nothing was measured
            if name.startswith("xaxis"):
                value["range"] = [int(across[0]) - 0.5, int(across[-1]) + 0.5]
            elif name.startswith("yaxis"):
                ends = [int(up[0]) - 0.5, int(up[-1]) + 0.5]
                value["range"] = ends[::-1] if value.pop("autorange", None) == "reversed" else ends
    return {"data": data, "layouts": layouts}


def _measure(measure: Measure, axes: dict[str, list]) -> dict[str, Any]:
    """Numbers of all heads, their colours, and their hover text; # stands for the language."""
    chosen = choose(_whole(measure, axes), measure.name, {})
    colours = colour_axis(chosen.values, height=_TOP)
    scales = {"light": colours["colorscale"], "dark": _DARK_DIVERGING if is_signed(chosen.values) else style.SEQUENTIAL}
    place = {"orientation": "h", "x": 0, "xanchor": "left", "y": 1, "yref": "container", "yanchor": "top", "ypad": 6}
    title = {"text": scale_end(chosen.values)[1], "side": "right", "font": {"size": 11}}
    colours["colorbar"] |= {**place, "len": 200, "thickness": 9, "title": title, "nticks": 5}
    cells = number_cells(
        chosen.at("language", 0), axis(chosen.values, "head"), axis(chosen.values, "layer"), heading="#"
    )
    return {
        "name": measure.name,
        "label": measure.label,
        "units": chosen.values.attrs.get("units", ""),
        "words": chosen.values.attrs.get("long_name", measure.name.replace("_", " ")),
        "colours": {
            theme: plain_json(go.Figure(layout={"coloraxis": {**colours, "colorscale": scale}}))["layout"]["coloraxis"]
            for theme, scale in scales.items()
        },
        "hover": cells.hovertemplate,
        "companions": list(chosen.companions),
        "interval": _phrase(chosen, "low", r"\d+ ?%( interval)?") or "interval",
        "tested": _phrase(chosen, "p_value", r"that .* is 0"),
        "complete": bool(np.isfinite(chosen.values.values).all()),
        "values": _packed(chosen.values.values),
        **{name: _packed(array.values) for name, array in chosen.companions.items()},
    }


def _phrase(chosen: Chosen, companion: str, pattern: str) -> str:
    """A phrase of a companion's description: the level of the interval, the null hypothesis of the test."""
    words = chosen.companions[companion].attrs.get("long_name", "") if companion in chosen.companions else ""
    match = re.search(pattern, words)
    return match[0] if match else ""


def _profile(contents: ExplorerData, axes: dict[str, list]) -> dict[str, Any] | None:
    """The figure of a head's numbers by language, to be filled in, and the measures that it shows."""
    names = [measure.name for measure in contents.measures]
    scores = dict.fromkeys(measure.name for measure in contents.measures if measure.is_score)
    shown = [names.index(name) for name in scores][:_PROFILED] or [0] * bool(names)
    if not shown:
        return None
    first = {"layer": axes["layer"][0], "head": axes["head"][0]}
    figure = profile([(_whole(contents.measures[k], axes), contents.measures[k].name) for k in shown], **first)
    height = 80 + 24 * len(axes["language"])
    return {"measures": shown, **figure_json(figure, margin={"t": 8, "l": 70, "r": 10, "b": 48}, height=height)}


def _whole(measure: Measure, axes: dict[str, list]) -> xr.Dataset:
    """A measure and what belongs to it on the axes of the page; NaN where it has no such language, layer or head."""
    chosen = choose(measure.result, measure.name, {})
    return xr.Dataset({measure.name: chosen.values, **chosen.companions}).reindex(axes)


def _roles(roles: xr.Dataset, axes: dict[str, list]) -> dict[str, Any]:
    roles = roles.transpose("layer", "head", ...)
    heads = {name: axes[name] for name in ("layer", "head")}
    words = roles.role.reindex(heads, fill_value="")
    data = {"role": words.values.astype(str).tolist()}
    if "specific_to" in roles:
        data["language"] = roles.specific_to.reindex(heads, fill_value="").values.astype(str).tolist()
    if "member" in roles:
        member = roles.member.transpose(*CELLS).reindex(heads, fill_value=False)
        data["members"] = [
            [member["language"].values[column].tolist() for column in row] for row in np.moveaxis(member.values, 0, -1)
        ]
    if "certainty" in roles:
        data["certainty"] = _packed(roles.certainty.reindex(heads).values)
    return data


def _kinds(kinds: xr.Dataset, axes: dict[str, list]) -> dict[str, Any]:
    kind, share = kind_of(kinds.reindex(axes))
    uniform = [kinds[f"uniform_{name}"].reindex(language=axes["language"]).values for name in KINDS]
    index = np.where(kind < 0, len(KINDS), kind).astype(np.uint8)
    return {
        "names": KINDS,
        "kind": base64.b64encode(index.tobytes()).decode(),
        "share": _packed(share),
        "uniform": _packed(np.stack(uniform)),  # [kind, language]
    }


def _patterns(patterns: xr.Dataset) -> dict[str, Any]:
    """Every pattern in one byte a cell, lower triangle by rows, [layer, head] within [sentence, language]."""
    values = patterns.pattern.transpose("sentence", *CELLS, "query", "key").values
    token = patterns.token.transpose("sentence", "language", "position").values
    length = patterns.length.transpose("sentence", "language").values
    packed, texts = b"", [[{} for _ in row] for row in length]
    for (s, k), n in np.ndenumerate(length):
        tokens = [str(text) for text in token[s, k, :n]]
        part = values[s, k][..., :n, :n][..., *np.tril_indices(n)]
        whole = not np.isnan(part).any()  # an interrupted sweep may not have reached this text
        texts[s][k] = {"tokens": tokens, "labels": token_labels(tokens), "start": len(packed) if whole else -1}
        if whole:
            packed += np.round(part * _STEPS).astype(np.uint8).tobytes()
    figure = pattern([[1.0]], ["a"]).update_layout(coloraxis={"showscale": False})
    return {
        "sentences": patterns["sentence"].values.tolist(),
        "languages": [str(code) for code in patterns["language"].values],
        "layers": patterns["layer"].values.tolist(),
        "heads": patterns["head"].values.tolist(),
        "aligned": bool(patterns.attrs.get("aligned", 0)),
        "texts": texts,
        "values": base64.b64encode(packed).decode(),
        "figure": figure_json(figure, margin={"t": 4, "l": 50, "r": 4, "b": 50}, height=None),
    }


def _classes(classes: xr.Dataset) -> dict[str, Any]:
    """The neurons of each layer by class with their languages, and the figure of a layer, to be filled in."""
    kind = classes.kind.transpose("layer", "neuron").values.astype(str)
    member = classes.member.transpose("layer", "neuron", "language").values.astype(bool)
    numbers, codes = classes["neuron"].values.tolist(), classes["language"].values.astype(str)
    layers = classes["layer"].values.tolist()
    neurons = [
        {
            name: [[numbers[n], sorted(codes[member[at, n]].tolist())] for n in np.flatnonzero(kind[at] == name)]
            for name in CLASSES
            if (kind == name).any()
        }
        for at in range(len(layers))
    ]
    figure = layer_classes(classes, layers[0])
    return {
        "layers": layers,
        "languages": sorted(codes.tolist()),
        "size": len(numbers),
        "neurons": neurons,
        "figure": figure_json(figure, margin={"t": 34, "l": 60, "r": 8, "b": 44}, showlegend=False),
        "colours": style.category_colours(list(CLASSES)),
    }


def _packed(values: np.ndarray) -> str:
    """Float32, little end first, in base64."""
    return base64.b64encode(np.ascontiguousarray(values, "<f4").tobytes()).decode()
