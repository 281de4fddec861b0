"""Figures for papers: sizes read from the written files, letters in points, nothing that only a pointer shows."""

import json
import re
import struct
import sys
import zlib
from inspect import signature

import numpy as np
import plotly.graph_objects as go
import pytest

from tests.public import arguments, functions, made
from workbench.errors import BadArgument, CannotWrite
from workbench.figures import animation, bars, curves, heatmap, matrix, paper, save

POINT = 96 / 72  # pixels of a page


def letters(figure):
    """Sizes of all letters that the layout names, in points."""
    found = set()

    def visit(part):
        for key, value in part.items():
            if key.endswith("font") and isinstance(value, dict) and "size" in value:
                found.add(round(value["size"] / POINT, 2))
            for one in value if isinstance(value, list | tuple) else [value]:
                if isinstance(one, dict):
                    visit(one)

    visit(figure.layout.to_plotly_json())
    return found


@pytest.mark.parametrize(("width", "millimetres"), [("column", 85), ("page", 175), (120.5, 120.5)])
def test_it_is_as_wide_as_the_column_and_its_letters_have_7_and_8_points(heads, width, millimetres):
    drawn = heatmap(heads, "delta")
    before = drawn.to_plotly_json()
    figure = paper(drawn, width=width, height=60)
    assert figure.layout.width / 96 * 25.4 == pytest.approx(millimetres)
    assert figure.layout.height / 96 * 25.4 == pytest.approx(60)
    assert letters(figure) <= {7.0, 8.0}
    np.testing.assert_equal(drawn.to_plotly_json(), before)


def test_the_title_moves_into_the_caption_and_the_scale_says_what_it_measures(heads):
    figure = paper(heatmap(heads, "delta"))
    assert figure.layout.title.text is None
    assert figure.layout.meta["caption"] == (
        "What does switching one head off cost each language? "
        "Colour: rise of NLL without the head [nats] · model tiny · corpus by hand."
    )
    words = figure.layout.coloraxis.colorbar.title.text.replace("<br>", " ")
    assert words == "rise of NLL without the head [nats]"


def test_a_clipped_scale_still_says_so(heads):
    heads["delta"][:] = np.random.default_rng(0).random(heads.delta.shape)
    many = heads[["delta"]].isel(layer=np.arange(300) % 3).assign_coords(layer=np.arange(300))
    many["delta"][0, 7, 0] = 50
    words = paper(heatmap(many, "delta", language="ja")).layout.coloraxis.colorbar.title.text
    assert "clipped" in words and "largest 50" in words.replace("<br>", " ")


def test_black_on_white_and_nothing_for_a_pointer(heads, lens, grid):
    for drawn in (heatmap(heads, "member"), curves(lens, "probability"), animation(grid, over="source_layer")):
        figure = paper(drawn)
        shown = figure.layout.template.layout
        assert (shown.paper_bgcolor, shown.font.color) == ("#fff", "#000")
        assert not figure.layout.sliders and not figure.layout.updatemenus and not figure.frames
        assert all(trace.hovertemplate is None for trace in figure.data)


def test_panels_stand_in_as_many_columns_as_the_width_holds_and_do_not_overlap(heads):
    drawn = heatmap(heads, "delta")
    for width, columns in ((45, 1), ("column", 2), ("page", 4)):
        layout = paper(drawn, width=width).layout
        boxes = [
            (*layout[f"xaxis{n}"].domain, *layout[f"yaxis{n}"].domain, layout[f"xaxis{n}"], layout[f"yaxis{n}"])
            for n in ("", 2, 3, 4)
        ]
        assert len({box[0] for box in boxes}) == columns
        for one in range(4):
            left, right, low, high, across, up = boxes[one]
            assert up.showticklabels is (one % columns == 0)
            assert across.showticklabels is (one + columns >= 4)
            title = layout.annotations[one]
            assert title.x == pytest.approx((left + right) / 2) and title.y == pytest.approx(high)
            for other in range(one):
                beside, end, bottom, top = boxes[other][:4]
                assert right <= beside or end <= left or high <= bottom or top <= low


def test_every_cell_is_an_outline_of_the_colour_that_plotly_gives_it(heads):
    figure = paper(heatmap(heads, "delta", language="ja"))
    values = heads.delta.sel(language="ja").values
    colours = {}
    for shape in figure.layout.shapes:
        for left, low, right, high in re.findall(r"M([\d.-]+),([\d.-]+)H([\d.-]+)V([\d.-]+)H[\d.-]+Z", shape.path):
            assert (float(right) - float(left), float(high) - float(low)) == (1, 1)
            colours[round(float(low) + 0.5), round(float(left) + 0.5)] = shape.fillcolor
    assert set(colours) == {(layer, head) for layer in range(values.shape[0]) for head in range(values.shape[1])}
    largest = np.abs(values).max()
    stops = figure.layout.coloraxis.colorscale  # even steps: interpolate between two neighbours by hand
    for place, colour in colours.items():
        share = round((values[place] / largest + 1) / 2 * 255) / 255 * (len(stops) - 1)
        low = min(int(share), len(stops) - 2)
        ends = [[int(part) for part in re.findall(r"\d+", stops[at][1])] for at in (low, low + 1)]
        wanted = [a + (b - a) * (share - low) for a, b in zip(*ends, strict=True)]
        assert [int(part) for part in re.findall(r"\d+", colour)] == pytest.approx(wanted, abs=1)


def test_a_figure_that_was_read_from_a_file_becomes_the_same(heads):
    drawn = heatmap(heads, "delta")
    read = go.Figure(json.loads(drawn.to_json()), skip_invalid=True)
    assert paper(read).layout.shapes == paper(drawn).layout.shapes


def test_a_cell_without_a_value_has_no_outline(sweep):
    shapes = paper(heatmap(sweep, "effect")).layout.shapes
    assert sum(shape.path.count("M") for shape in shapes) == np.isfinite(sweep.effect.values).sum()


def test_the_legend_keeps_its_colours(roles):
    figure = paper(heatmap(roles, "role"))
    keys = {trace.name: trace.marker.color for trace in figure.data if trace.showlegend}
    assert list(keys) == ["specific", "shared", "general", "none"]
    assert keys["specific"] == "#D55E00"


def test_values_that_do_not_fit_into_their_cells_are_left_out(heads):
    wide = heads.isel(head=np.arange(14) % 4).assign_coords(head=np.arange(14))
    drawn = matrix(wide, "delta", layer=0)
    assert paper(drawn, width="page").data[0].texttemplate
    assert paper(drawn, width=60).data[0].texttemplate is None


@pytest.mark.parametrize(
    ("options", "says"),
    [({"width": "wide"}, "width='wide'"), ({"width": 10}, "width=10"), ({"height": 1e9}, "height=")],
)
def test_sizes_that_no_page_has_are_refused(heads, options, says):
    with pytest.raises(BadArgument, match=says):
        paper(heatmap(heads, "delta"), **options)


def test_another_ending_is_refused(heads, tmp_path):
    with pytest.raises(BadArgument, match=r"ends in none of \.svg, \.pdf, \.png, \.html"):
        save(heatmap(heads, "delta"), tmp_path / "figure.docx")


def test_a_page_needs_no_picture_and_no_network(heads, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "kaleido", None)
    text = save(heatmap(heads, "delta"), tmp_path / "deep" / "figure.html").read_text(encoding="utf-8")
    assert "Plotly.newPlot" in text and not re.search(r"<(script|link)[^>]+(src|href)=.?https?:", text)
    with pytest.raises(BadArgument, match=r"kaleido, which is not installed.*babel-workbench\[docs\].*\.html"):
        save(heatmap(heads, "delta"), tmp_path / "figure.pdf")
    assert not (tmp_path / "figure.pdf").exists()


@pytest.mark.browser
@pytest.mark.parametrize(("width", "height"), [(85, None), (175, 63.7)])
def test_files_have_their_size_in_millimetres(heads, knocked, tmp_path, width, height):
    figure = paper(bars(knocked, "delta"), width=width, height=height)
    height = height or figure.layout.height / 96 * 25.4
    pdf = save(figure, tmp_path / "figure.pdf").read_bytes()
    box = [float(part) for part in re.search(rb"/MediaBox ?\[([\d. ]+)\]", pdf)[1].split()]
    assert box == pytest.approx([0, 0, width * 72 / 25.4, height * 72 / 25.4], abs=0.02)
    assert pdf.count(b"/Type /Page\n") == 1
    start = int(re.search(rb"startxref\s+(\d+)", pdf)[1])
    assert pdf[start : start + 4] == b"xref"  # nothing moved
    svg = save(figure, tmp_path / "figure.svg").read_text(encoding="utf-8")
    size = re.match(r'<svg[^>]* width="([\d.]+)mm" height="([\d.]+)mm"[^>]* viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)
    assert [float(part) for part in size.groups()] == pytest.approx(
        [width, height, width * 96 / 25.4, height * 96 / 25.4], rel=1e-4
    )
    png = save(figure, tmp_path / "figure.png", dpi=600).read_bytes()
    assert struct.unpack(">II", png[16:24]) == pytest.approx((width * 600 / 25.4, height * 600 / 25.4), abs=1)
    at = png.index(b"pHYs")
    assert struct.unpack(">IIB", png[at + 4 : at + 13]) == (23622, 23622, 1)
    assert struct.unpack(">I", png[at + 13 : at + 17])[0] == zlib.crc32(png[at : at + 13])


@pytest.fixture
def knocked(heads):
    return heads[["delta", "low", "high"]].isel(layer=0, head=0)


@pytest.mark.browser
def test_a_folder_that_cannot_be_written_is_named(heads, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotWrite):
        save(go.Figure(), tmp_path / "file" / "figure.svg")


DRAWING = {name: draw for name, draw in functions().items() if name.startswith("figures.")}
PRINTED = [name for name, draw in DRAWING.items() if "style" in signature(draw).parameters]


def test_every_function_that_draws_a_figure_has_the_option_style():
    others = {"figures.paper", "figures.titled"}  # the style itself, and what finishes a figure of the caller's
    drawing = [name for name, draw in DRAWING.items() if signature(draw).return_annotation is go.Figure]
    assert [name for name in drawing if name not in others] == PRINTED
    assert len(PRINTED) == 13


@pytest.fixture(scope="module")
def valid(tmp_path_factory):
    """Name of a function to arguments that it takes."""
    return arguments(made(str(tmp_path_factory.getbasetemp())))


@pytest.mark.parametrize("name", PRINTED)
def test_style_paper_is_the_figure_as_paper_makes_it(name, valid):
    draw, given = DRAWING[name], valid[name]
    plain, screen, printed, made_so = (
        json.loads(figure.to_json())
        for figure in (draw(**given), draw(**given, style="screen"), draw(**given, style="paper"), paper(draw(**given)))
    )
    assert printed == made_so != plain == screen
    assert "style: `screen`, or `paper`" in draw.__doc__
    with pytest.raises(BadArgument, match=r"style='print' does not exist \(has: screen, paper\)"):
        draw(**given, style="print")
