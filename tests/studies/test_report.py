"""The report: complete in one file, every text escaped, written whole."""

import base64
import json
import re

import numpy as np
import pandas as pd
import pytest
from plotly.offline import get_plotlyjs

from workbench.errors import BadArgument, CannotWrite
from workbench.figures import heatmap
from workbench.results.make import make_result, provenance
from workbench.studies.report import Section, write_report

EVIL = "</script><script>alert('x')</script> & \"<b>"


@pytest.fixture
def result():
    values = np.arange(12.0).reshape(2, 2, 3)
    return make_result(
        {"importance": (("language", "layer", "head"), values, "importance [nats]")},
        {"language": ["de", "ja"]},
        method="heads.importance",
        parameters={"variant": "paper"},
        model={"name": "tiny", "hash": "abc"},
        corpus={"source": "by hand"},
        seed=7,
    )


@pytest.fixture
def section(result):
    figure = heatmap(result, "importance")
    return Section(
        title="Which heads?",
        figure=figure,
        table=pd.DataFrame({"head": [1.23456789, np.nan]}, index=pd.Index(["de", EVIL], name="language")),
        reading="Bright is much.",
        finding="Head 2 it is.",
        provenance=provenance(result),
        file="heads importance#1.nc",
    )


def test_the_page_holds_everything_once(tmp_path, section, result):
    path = write_report(tmp_path, title="First look", sections=[section, section])
    text = path.read_text(encoding="utf-8")
    assert path == tmp_path / "report.html"
    assert text.count("* plotly.js v") == 1
    assert text.count("<h1>First look</h1>") == 1
    for words in ("Bright is much.", "Head 2 it is.", 'href="#section-2"', "<dd>paper</dd>", "<code>7</code>", "1.235"):
        assert words in text
    assert 'href="./heads importance%231.nc"' in text
    assert "<b>model</b> tiny" in text
    assert sorted(item.name for item in tmp_path.iterdir()) == ["report.html", "report.json"]


def test_nothing_in_the_page_points_to_the_network(tmp_path, section):
    text = write_report(tmp_path, title="x", sections=[section]).read_text(encoding="utf-8")
    text = text.replace(get_plotlyjs(), "")
    assert "http://" not in text
    assert not re.findall(r"<(?:script|img|iframe)[^>]*\ssrc=", text)
    assert not re.findall(r'<(?:link|a)[^>]*\shref="(?!#|\./|data:)', text)
    assert "default-src 'none'" in text


def test_figure_data_survives_and_its_doubled_title_goes(tmp_path, section, result):
    figure = section.figure
    same = Section(figure.layout.title.text, figure, None, "", "")
    text = write_report(tmp_path, title="x", sections=[section, same]).read_text(encoding="utf-8")
    first, second = (json.loads(data) for data in re.findall(r'data-figure="[^"]+">(.*?)</script>', text, re.DOTALL))
    assert first["layout"]["title"]["text"] == figure.layout.title.text
    assert second["layout"]["title"]["text"] == ""
    assert '<p class="under">Colour: importance [nats]' in text
    cells = first["data"][1]["z"]
    drawn = np.frombuffer(base64.b64decode(cells["bdata"]), dtype=cells["dtype"]).reshape(2, 3)
    np.testing.assert_array_equal(drawn, result.importance.sel(language="ja").values)
    assert figure.layout.title.subtitle.text  # the caller's figure is untouched


def test_every_text_is_escaped(tmp_path, result):
    figure = heatmap(result, "importance", title=EVIL)
    table = pd.DataFrame({EVIL: [EVIL]}, index=[EVIL])
    evil = Section(EVIL, figure, table, EVIL, EVIL, {EVIL: EVIL, "list": [EVIL], "map": {EVIL: None}}, EVIL)
    text = write_report(tmp_path, title=EVIL, sections=[evil]).read_text(encoding="utf-8")
    assert "<script>alert" not in text
    plain = write_report(tmp_path, title="x", sections=[Section("x", None, None, "x", "x")]).read_text(encoding="utf-8")
    assert text.count("</script>") == plain.count("</script>") + 1  # the figure's data


def test_sections_without_figure_or_table(tmp_path):
    text = write_report(tmp_path, title="x", sections=[Section("A", None, None, "Read so.", "")]).read_text("utf-8")
    assert '<p class="reading"><b>How to read it.</b> Read so.</p>' in text
    assert "<figure" not in text
    assert "<details" not in text


def test_an_older_report_is_replaced_whole(tmp_path, section):
    write_report(tmp_path, title="old", sections=[section])
    assert "<title>new</title>" in write_report(tmp_path, title="new", sections=[section]).read_text(encoding="utf-8")


def test_no_sections_and_no_folder_are_refused(tmp_path, section):
    with pytest.raises(BadArgument, match="at least one section"):
        write_report(tmp_path, title="x", sections=[])
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(CannotWrite):
        write_report(tmp_path / "file", title="x", sections=[section])
