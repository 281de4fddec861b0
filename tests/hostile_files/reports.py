"""Run folders whose `report.json` fetches something, or is not what the workbench writes."""

import copy
import json

import numpy as np
import pandas as pd

from workbench.figures import heatmap
from workbench.results.make import make_result, provenance
from workbench.studies.findings.finding import Finding
from workbench.studies.report import Recipe, Report, Section
from workbench.studies.report.store import save_report

ADDRESS = "http://127.0.0.1:9/picture.png"


def honest(folder, name="run"):
    """A run folder with a report of one section that has everything."""
    result = make_result(
        {"importance": (("language", "layer", "head"), np.arange(12.0).reshape(2, 2, 3), "importance [nats]")},
        {"language": ["de", "ja"]},
        method="heads.importance",
        parameters={},
    )
    table = pd.DataFrame({"layer": [1], "head": [2], "rise": [0.25]}, index=pd.Index(["de"], name="language"))
    section = Section(
        title="Which heads?",
        figure=heatmap(result, "importance"),
        table=table,
        reading="Bright is much.",
        finding=Finding("Head 2 of layer 1.", heads=((1, 2),)),
        provenance=provenance(result),
        file="importance.nc",
        control="None.",
        heads={(1, 2): "0.5"},
        measure="importance",
    )
    recipe = Recipe("workbench heads find a b", "run_heads('a', 'b')")
    return save_report(Report("A run", "Which heads?", "Head 2 it is.", [section], recipe), folder / name).parent


def _report(name, change):
    def build(folder):
        path = honest(folder, name)
        record = json.loads((path / "report.json").read_text(encoding="utf-8"))
        changed = change(copy.deepcopy(record))
        (path / "report.json").write_text(json.dumps(changed), encoding="utf-8")
        return path

    build.__name__, build.__doc__ = name, f"A report that cannot be: {name}."
    return build


def _raw(name, content):
    def build(folder):
        path = honest(folder, name)
        (path / "report.json").write_bytes(content)
        return path

    build.__name__, build.__doc__ = name, f"A report.json that cannot be read: {name}."
    return build


def _with(path, value):
    """A change of one place, named by its steps with dots between them."""
    *steps, last = (int(step) if step.isdigit() else step for step in path.split("."))

    def change(record):
        place = record
        for step in steps:
            place = place[step]
        place[last] = value
        return record

    return change


def _without(path):
    *steps, last = (int(step) if step.isdigit() else step for step in path.split("."))

    def change(record):
        place = record
        for step in steps:
            place = place[step]
        del place[last]
        return record

    return change


def image(source):
    """A figure's picture from an address, as plotly has it."""
    return [{"source": source, "x": 0, "y": 1, "sizex": 1, "sizey": 1}]


_FIGURE = "sections.0.figure"
_NESTED = json.loads("[" * 90 + "]" * 90)
REPORTS = [
    _report("picture_of_the_network", _with(f"{_FIGURE}.layout.images", image(ADDRESS))),
    _report("picture_of_this_machine", _with(f"{_FIGURE}.layout.images", image("file:///etc/hostname"))),
    _report("picture_without_scheme", _with(f"{_FIGURE}.layout.images", image("//127.0.0.1:9/a.png"))),
    _report("page_as_picture", _with(f"{_FIGURE}.layout.images", image("data:text/html;base64,AAAA"))),
    _report(
        "picture_by_template", _with(f"{_FIGURE}.layout.template", {"layout": {"imagedefaults": {"source": ADDRESS}}})
    ),
    _report("trace_of_the_network", _with(f"{_FIGURE}.data", [{"type": "image", "source": ADDRESS}])),
    _report("map", _with(f"{_FIGURE}.data", [{"type": "scattergeo", "lat": [1], "lon": [1]}])),
    _report("map_layout", _with(f"{_FIGURE}.layout.map2", {"style": ADDRESS})),
    _report("shapes_of_the_network", _with(f"{_FIGURE}.data", [{"type": "choropleth", "geojson": ADDRESS}])),
    _report(
        "style_of_the_network",
        _with(f"{_FIGURE}.layout.annotations", [{"text": f'<span style="background-image:url({ADDRESS})">a</span>'}]),
    ),
    _report("frame_of_the_network", _with(f"{_FIGURE}.frames", [{"layout": {"images": image(ADDRESS)}}])),
    _report("wide_figure", _with(f"{_FIGURE}.layout.width", 10**9)),
    _report("least_width_text", _with(f"{_FIGURE}.layout.meta", {"least_width": "x"})),
    _report("figure_list", _with(_FIGURE, [1])),
    _report("figure_text", _with(_FIGURE, "x")),
    _report("traces_text", _with(f"{_FIGURE}.data", "x")),
    _report("list_at_top", lambda record: [record]),
    _report("null_at_top", lambda record: None),
    _report("empty", lambda record: {}),
    *(
        _report(f"{path.replace('.', '_')}_{name}", _with(path, value))
        for path in (
            *("format", "title", "answer", "sections", "sections.0", "sections.0.title", "sections.0.finding"),
            *("sections.0.finding.answer", "sections.0.finding.details", "sections.0.finding.heads.0"),
            *("sections.0.control", "sections.0.heads.0", "sections.0.table.data", "sections.0.table.columns"),
        )
        for name, value in {"null": None, "number": 3.5, "nested": _NESTED, "object": {"a": None}}.items()
    ),
    *(
        _report(f"without_{path.replace('.', '_')}", _without(path))
        for path in ("format", "title", "sections", "sections.0.figure", "sections.0.heads", "sections.0.table.index")
    ),
    _report("finding_text", _with("sections.0.finding", "Head 2 of layer 1.")),
    _report("finding_details", _with("sections.0.finding.details", [1])),
    _report("table_rows", _with("sections.0.table.data", [[1]])),
    _report("table_cells", _with("sections.0.table.data", [[1, {}, []]])),
    _report("recipe_list", _with("recipe", ["a"])),
    _report("recipe_more", _with("recipe", {"command": "a", "call": "b", "c": "d"})),
    _report("head_texts", _with("sections.0.heads", [["a", "b", "c"]])),
    _report("versions_list", _with("sections.0.provenance.versions", [1])),
    _report("unknown_field", _with("sections.0.more", 1)),
    _report("half_character", lambda record: json.loads(json.dumps(record).replace("Which heads?", "\\ud800"))),
    _raw("no_json", b"{"),
    _raw("no_text", b"\xff\xfe{}"),
    _raw("nothing", b""),
    _raw("deep", b"[" * 100_000),
    _raw("deep_objects", b'{"a":' * 100_000),
    _raw("long_number", b'{"format": ' + b"9" * 5000 + b"}"),
]
