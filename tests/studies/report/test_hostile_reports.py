"""Reports of others: refused with their reason, drawn without a network, and nothing in them leaves its place."""

import http.server
import json
import shlex
import threading

import plotly.graph_objects as go
import pytest

from tests import hostile
from tests.hostile_files.reports import honest, image
from workbench.errors import BadResult
from workbench.results.files import save_result
from workbench.results.make import make_result
from workbench.studies.findings.finding import Finding
from workbench.studies.report import Recipe, Report, Section, render
from workbench.studies.report import pictures as drawing
from workbench.studies.report.markdown import markdown
from workbench.studies.report.store import load_report

PIXEL = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
FETCHES = "is not a picture within the file"
WHY = {
    "picture_of_the_network": FETCHES,
    "picture_of_this_machine": FETCHES,
    "picture_without_scheme": FETCHES,
    "page_as_picture": FETCHES,
    "picture_by_template": FETCHES,
    "trace_of_the_network": FETCHES,
    "frame_of_the_network": FETCHES,
    "map": "traces that need no map",
    "shapes_of_the_network": "traces that need no map",
    "map_layout": "without maps",
    "style_of_the_network": "without addresses in its style",
    "wide_figure": "width of the figure of section 1 is not a number of pixels up to 20000",
    "list_at_top": "no JSON object",
    "title_null": "title is not text",
    "sections_0_title_number": "title of section 1 is not text",
    "sections_0_finding_nested": "nested at most 60 times",
    "table_rows": "a text or a number for each column",
    "half_character": "whole characters",
    "without_sections_0_heads": "section 1 is not an object with title, figure, table, reading, finding, heads",
}


@pytest.mark.parametrize("build", hostile.REPORTS, ids=lambda build: build.__name__)
def test_a_hostile_report_is_refused_with_its_reason(tmp_path, build):
    with pytest.raises(BadResult, match=WHY.get(build.__name__, "cut short or is not a report")) as refused:
        render(build(tmp_path))
    assert len(str(refused.value)) < 1000 and "\n" not in str(refused.value)


def test_an_honest_report_with_a_picture_of_its_own_is_read(tmp_path):
    path = honest(tmp_path)
    record = json.loads((path / "report.json").read_text(encoding="utf-8"))
    record["sections"][0]["figure"]["layout"]["images"] = image(PIXEL)
    (path / "report.json").write_text(json.dumps(record), encoding="utf-8")
    assert load_report(path).sections[0].figure.layout.images[0].source == PIXEL
    assert "R0lGODlhAQABAIAAAAAAAP" in render(path).read_text(encoding="utf-8")


def test_a_recipe_does_not_leave_its_fence():
    call = "run()\n```\n<img src=x>\n`````\n# more"
    text = markdown(Report("a", "b", "c", [Section("s", None, None, "", Finding(""))], Recipe("a ``` b", call)), [""])
    assert f"``````python\n{call}\n``````\n" in text
    assert "````sh\na ``` b\n````\n" in text


def result(**attrs):
    return make_result({"a": (("x",), [1.0], "a")}, {}, method="m", parameters={}).assign_attrs(attrs)


def hint(folder):
    """What an error says of the command that makes a run's report."""
    with pytest.raises(BadResult) as refused:
        load_report(folder)
    return str(refused.value)


def test_the_command_in_a_hint_is_quoted_for_the_shell(tmp_path):
    folder = tmp_path / "a run"
    assert f"`workbench demo --out '{folder}'`" in hint(folder)
    words = ["workbench", "heads", "find", "my $(model)", "x; rm -rf *", "--out"]
    save_result(result(command=shlex.join([*words, "runs/h"])), folder / "importance_paper.nc")
    (command,) = [part for part in hint(folder).split("`") if part.startswith("workbench")]
    assert shlex.split(command) == [*words, str(folder)]


@pytest.mark.parametrize(
    "command", ["rm -rf / --out a", "workbench heads 'a\x1b[2J' --out b", "workbench 'demo", "workbench demo --out", ""]
)
def test_a_command_that_no_run_records_is_not_shown(tmp_path, command):
    save_result(result(command=command), tmp_path / "importance_paper.nc")
    assert "run its command again" in hint(tmp_path)


def test_a_run_is_known_by_its_recorded_command_and_not_by_its_cells(tmp_path):
    save_result(result(), tmp_path / "importance_paper.nc")
    save_result(result(), tmp_path / "lens.nc")
    assert "run its command again" in hint(tmp_path)
    save_result(result(command="workbench lens m --out runs/l"), tmp_path / "latent.nc")
    assert f"`workbench lens m --out {tmp_path}` writes it" in hint(tmp_path)


def test_a_report_of_an_older_workbench_is_read(tmp_path):
    path = honest(tmp_path) / "report.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    section = record["sections"][0]
    section["finding"] = "Head 2 of layer 1. It has 0.5 nats (95 % interval 0.4 to 0.6)."
    title = section["figure"]["layout"]["title"]
    title["subtitle"]["text"] = "Colour: importance<br>model tiny"
    section["title"] = title["text"]
    path.write_text(json.dumps({**record, "format": 1}), encoding="utf-8")
    (read,) = load_report(path.parent).sections
    assert read.finding == Finding("Head 2 of layer 1.", ("It has 0.5 nats (95 % interval 0.4 to 0.6).",), ((1, 2),))
    assert read.title == title["text"] and read.figure.layout.title.text is None
    page = render(path.parent).read_text(encoding="utf-8")
    assert '<p class="under">Colour: importance · model tiny</p>' in page
    assert '<a href="#head-1-2">Head 2 of layer 1</a>' in page


def test_the_browser_is_started_without_ways_out():
    from choreographer.channels import Pipe

    from workbench.figures.printing.offline import OfflineChromium

    browser = OfflineChromium(Pipe(), "/bin/true", proxy_server="http://127.0.0.1:9")
    browser.pre_open()
    command = list(browser.get_cli())
    assert "--host-resolver-rules=MAP * ~NOTFOUND" in command
    assert "--no-proxy-server" in command
    for part in command:
        assert not part.startswith(("--proxy-server", "--allow-file-access", "--disable-web-security"))


@pytest.mark.browser
def test_a_figure_that_was_not_checked_reaches_no_server(tmp_path):
    asked = []

    class Notes(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(404)
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Notes) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        figure = go.Figure(go.Scatter(y=[1, 2]))
        for host in ("127.0.0.1", "localhost", "[::1]"):
            figure.add_layout_image(source=f"http://{host}:{server.server_port}/a.png", x=0, y=1, sizex=1, sizey=1)
        style = f"background-image:url(http://127.0.0.1:{server.server_port}/b)"
        figure.add_annotation(text=f'<span style="{style}">words</span>', x=0, y=1)
        report = Report("a", "b", "c", [Section("s", figure, None, "", Finding(""))])
        (drawn,) = drawing.pictures(report, "svg", width=700)
        server.shutdown()
    assert b"words" in drawn
    assert asked == []
