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
    text = markdown(Report("a", "b", "c", [Section("s", None, None, "", "")], Recipe("a ``` b", call)), [""])
    assert f"``````python\n{call}\n``````\n" in text
    assert "````sh\na ``` b\n````\n" in text


def test_the_command_in_a_hint_is_quoted_for_the_shell(tmp_path):
    def hint(model):
        values = {"a": (("x",), [1.0], "a")}
        about = {"model": {"name": model}, "corpus": {"source": "x; rm -rf *"}}
        save_result(make_result(values, {}, method="m", parameters={}, **about), folder / "importance_paper.nc")
        with pytest.raises(BadResult) as refused:
            load_report(folder)
        return str(refused.value)

    folder = tmp_path / "a run"
    with pytest.raises(BadResult) as missing:
        load_report(folder)
    assert f"`workbench demo --out '{folder}'`" in str(missing.value)
    (command,) = [part for part in hint("my $(model)").split("`") if part.startswith("workbench")]
    assert shlex.split(command) == ["workbench", "heads", "find", "my $(model)", "x; rm -rf *", "--out", str(folder)]
    assert "run its command again" in hint("--out=/elsewhere")
    assert "run its command again" in hint("a\x1b[2J")


def test_a_lens_and_a_demo_are_told_apart(tmp_path):
    values = {"a": (("x",), [1.0], "a")}
    result = make_result(values, {}, method="m", parameters={}, model={"name": "m"}, corpus={"source": "words"})
    save_result(result, tmp_path / "lens.nc")
    with pytest.raises(BadResult, match=r"`workbench lens m --out "):
        load_report(tmp_path)
    save_result(result, tmp_path / "importance_paper.nc")
    with pytest.raises(BadResult, match=r"`workbench demo --out "):
        load_report(tmp_path)


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
        report = Report("a", "b", "c", [Section("s", figure, None, "", "")])
        (drawn,) = drawing.pictures(report, "svg", width=700)
        server.shutdown()
    assert b"words" in drawn
    assert asked == []
