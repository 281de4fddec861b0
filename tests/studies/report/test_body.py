"""The report: complete in one file, every text escaped, written whole."""

import base64
import json
import re
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from plotly.offline import get_plotlyjs

from workbench.errors import BadArgument, BadResult, CannotWrite
from workbench.figures import heatmap
from workbench.results.files import save_result
from workbench.results.make import make_result, provenance
from workbench.studies.findings.finding import Finding
from workbench.studies.report import Recipe, Report, Section, render, write_report
from workbench.studies.report.contents import parameters
from workbench.studies.report.markdown import markdown
from workbench.studies.report.print_page import printed
from workbench.studies.report.store import load_report
from workbench.studies.runs import COMMAND
from workbench.studies.sections import drawing
from workbench.studies.sections import section as written

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
        finding=Finding("Head 2 it is."),
        provenance=provenance(result),
        file="heads importance#1.nc",
    )


def test_tables_of_long_texts_are_wrapped_and_those_of_numbers_are_not(tmp_path, section):
    texts = pd.DataFrame({"wrote": ["a long text " * 9]}, index=pd.Index(["once"], name="prompt"))
    for table, wrapped in ((texts, True), (section.table, False)):
        page = write_report(tmp_path, title="T", sections=[replace(section, table=table)]).read_text(encoding="utf-8")
        assert ('class="dataframe texts"' in page) is wrapped


def test_the_page_holds_everything_once(tmp_path, section, result):
    path = write_report(tmp_path, title="First look", sections=[section, section])
    text = path.read_text(encoding="utf-8")
    assert path == tmp_path / "report.html"
    assert text.count("* plotly.js v") == 1
    assert text.count("<h1>First look</h1>") == 1
    for words in ("Bright is much.", "Head 2 it is.", 'href="#section-2"', "<dd>paper</dd>", "<code>7</code>", "1.23"):
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
    same = written("a", result, drawing(heatmap, result, "importance"), reading="", finding=Finding("So."))
    assert same.title == figure.layout.title.text
    text = write_report(tmp_path, title="x", sections=[section, same]).read_text(encoding="utf-8")
    first, second = (json.loads(data) for data in re.findall(r'data-figure="[^"]+">(.*?)</script>', text, re.DOTALL))
    assert first["layout"]["title"]["text"] == figure.layout.title.text
    assert "title" not in second["layout"]
    taken = figure.layout.height - second["layout"]["height"]
    assert taken == figure.layout.margin.t - second["layout"]["margin"]["t"] == 48
    assert '<p class="under">Colour: importance [nats]' in text
    cells = first["data"][1]["z"]
    drawn = np.frombuffer(base64.b64decode(cells["bdata"]), dtype=cells["dtype"]).reshape(2, 3)
    np.testing.assert_array_equal(drawn, result.importance.sel(language="ja").values)
    assert figure.layout.title.subtitle.text  # the caller's figure is untouched


def test_every_text_is_escaped(tmp_path, result):
    figure = heatmap(result, "importance", title=EVIL)
    table = pd.DataFrame({EVIL: [EVIL]}, index=[EVIL])
    evil = Section(
        EVIL, figure, table, EVIL, Finding(EVIL, (EVIL,)), {EVIL: EVIL, "list": [EVIL], "map": {EVIL: None}}, EVIL
    )
    text = write_report(tmp_path, title=EVIL, sections=[evil]).read_text(encoding="utf-8")
    assert "<script>alert" not in text
    plain = write_report(tmp_path, title="x", sections=[Section("x", None, None, "x", Finding("x"))]).read_text(
        encoding="utf-8"
    )
    assert text.count("</script>") == plain.count("</script>") + 1  # the figure's data


def test_sections_without_figure_or_table(tmp_path):
    text = write_report(tmp_path, title="x", sections=[Section("A", None, None, "Read so.", Finding(""))]).read_text(
        "utf-8"
    )
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


def test_a_report_is_made_again_of_its_folder_alone_wherever_it_lies(tmp_path, section):
    written = write_report(tmp_path / "run", title="First look", sections=[section], question="Which one?")
    first = written.read_text(encoding="utf-8")
    written.unlink()
    moved = (tmp_path / "run").rename(tmp_path / "elsewhere")
    again = render(moved)
    assert again == moved / "report.html"
    assert again.read_text(encoding="utf-8") == first
    assert str(tmp_path) not in first
    beside = render(moved, out=tmp_path / "page.html").read_text(encoding="utf-8")
    assert 'href="./elsewhere/heads importance%231.nc"' in beside


def test_what_a_report_says_survives_its_file(tmp_path, section):
    how = Recipe("workbench heads find a b", "run_heads('a', 'b')")
    heads = replace(section, heads={(0, 1): "0.5 nats"}, measure="importance", control="None.")
    write_report(tmp_path, title="x", sections=[heads], question="Why?", recipe=how)
    report = load_report(tmp_path)
    (found,) = report.sections
    assert (report.title, report.question, report.answer, report.recipe) == ("x", "Why?", "Head 2 it is.", how)
    assert (found.heads, found.measure, found.control, found.file) == (heads.heads, "importance", "None.", heads.file)
    assert found.provenance == heads.provenance
    pd.testing.assert_frame_equal(found.table, heads.table)
    assert json.loads(found.figure.to_json()) == json.loads(heads.figure.to_json())


def test_a_report_of_format_2_has_no_typed_command(tmp_path, section):
    write_report(tmp_path, title="x", sections=[section], recipe=Recipe("workbench demo", "run()", "workbench demo -q"))
    record = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    del record["recipe"]["typed"]
    (tmp_path / "report.json").write_text(json.dumps({**record, "format": 2}), encoding="utf-8")
    assert load_report(tmp_path).recipe.shell == "workbench demo"


def test_a_remark_of_several_sections_is_whole_once(tmp_path):
    remarks = ("Few samples: 6 texts. Others may differ.", "It is 0.5.")
    parts = [Section(name, None, None, "", Finding(f"{name}.", remarks)) for name in "AB"]
    write_report(tmp_path, title="x", sections=parts)
    report = load_report(tmp_path)
    assert report.sentences(1) == "A. Few samples: 6 texts. Others may differ. It is 0.5."
    assert report.sentences(2) == "B. Few samples: 6 texts. It is 0.5."
    assert (tmp_path / "report.html").read_text(encoding="utf-8").count("Others may differ.") == 1


def test_several_answers_are_a_list_with_their_sections_and_names_have_no_folders(tmp_path):
    given = {
        "how": "zero",
        "heads": None,
        "batch_size": 3,
        "truncate": False,
        "lam": "auto",
        "prompt": "x" * 60,
        "top_rate": 0.01,
        "layer": 0,
    }
    about = {"model": {"name": "/data/models/tiny"}, "corpus": {"source": "texts/mine"}, "parameters": given}
    parts = [Section(f"{name}?", None, None, "", Finding(f"{name} it is."), about, f"{name}.nc") for name in "abc"]
    title = "Heads of /data/models/tiny on texts/mine"
    text = write_report(tmp_path, title=title, sections=parts, main=["a", "c"]).read_text(encoding="utf-8")
    first, last = (f'{name} it is. (<a href="#section-{number}">{number}</a>)' for name, number in (("a", 1), ("c", 3)))
    assert f'<ul class="finding answer"><li>{first}</li><li>{last}</li></ul>' in text
    assert "<h1>Heads of tiny on mine</h1>" in text and "<b>model</b> tiny" in text and "<b>corpus</b> mine" in text
    assert parameters(about) == "how zero · top rate 0.01 · layer 0"


def test_the_answer_is_the_first_sentence_of_the_main_cells(tmp_path):
    parts = [
        Section(name, None, None, "", Finding(*parts), {}, f"{name}.nc")
        for name, *parts in (("a", "A is 0.5 nats (95 % interval 0.4 to 0.6).", ("More.",)), ("b", "B."), ("c", "C?"))
    ]
    write_report(tmp_path, title="x", sections=parts, main=["c", "a"])
    assert load_report(tmp_path).answer == "A is 0.5 nats (95 % interval 0.4 to 0.6). C?"
    write_report(tmp_path, title="x", sections=parts)
    assert load_report(tmp_path).answer == "A is 0.5 nats (95 % interval 0.4 to 0.6)."


@pytest.mark.parametrize("explorer", [True, False])
def test_a_named_head_leads_to_the_explorer_or_else_to_its_row_and_the_row_to_the_sections(tmp_path, section, explorer):
    table = pd.DataFrame({"layer": [1], "head": [2], "rise": [0.25]}, index=["de"])
    ours = replace(
        section,
        finding=Finding("Head 0 of layer 1,", ("and head 7 of layer 7.",), ((1, 0), (7, 7))),
        table=table,
        measure="score",
        heads={(1, 0): "0.5"},
    )
    other = replace(section, finding=Finding("x"), heads={(1, 0): "0.1", (1, 2): "0.2"}, measure="other", table=None)
    if explorer:
        (tmp_path / "explorer.html").write_text("")
    text = write_report(tmp_path, title="x", sections=[ours, other]).read_text(encoding="utf-8")
    first, second = (
        f"./explorer.html#layer=1&amp;head={head}&amp;view=head" if explorer else f"#head-1-{head}" for head in (0, 2)
    )
    assert f'<a href="{first}">Head 0 of layer 1</a>, and head 7 of layer 7.' in text  # 7 has no numbers
    assert f'<td><a href="{second}">head 2 of layer 1</a></td>' in text
    name = f'<a href="{second}">head 2 of layer 1</a>' if explorer else "head 2 of layer 1"
    assert f'<tr id="head-1-2"><th>{name}</th><td>–</td><td>0.2</td></tr>' in text
    assert '<a href="#section-2">2. other</a>' in text
    assert ('<a href="./explorer.html">Explore it' in text) == explorer
    assert text.count(' data-explorer="./explorer.html"') == 2 * explorer  # both figures have a cell for each head
    assert load_report(tmp_path).named_heads == [(1, 0), (1, 2)]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, r"has no report.json.*`workbench heads find tiny 'by hand' --limit 3 --out .*` writes it"),
        ("{", "cut short"),
        ('{"format": 1}', "cut short"),
        ('{"format": 99}', "newer workbench"),
    ],
)
def test_a_folder_without_a_readable_report_says_which_command_makes_it(tmp_path, result, content, says):
    command = "workbench heads find tiny 'by hand' --limit 3 --out runs/of-then"
    save_result(result.assign_attrs({COMMAND: command}), tmp_path / "importance_paper.nc")
    if content is not None:
        (tmp_path / "report.json").write_text(content)
    with pytest.raises(BadResult, match=says):
        render(tmp_path)


def test_no_such_folder_and_no_such_form(tmp_path, section):
    with pytest.raises(BadResult, match="no run folder"):
        render(tmp_path / "none")
    write_report(tmp_path, title="x", sections=[section])
    with pytest.raises(BadArgument, match=r"no form 'pdf' .*html, md, pdf-ready"):
        render(tmp_path, "pdf")


def test_markdown_has_pictures_tables_and_no_marks_out_of_a_text(section):
    named = replace(
        section,
        heads={(0, 1): "0.5 nats"},
        finding=Finding("Head 1 of layer 0 *is* <it>.", heads=((0, 1),)),
        control="None_at_all.",
    )
    recipe = Recipe("workbench demo", "run_demo()")
    text = markdown(Report("A [title]", "Why?", "So.", [named], recipe), ["figures/01.png"], run="run")
    for words in (
        "# A \\[title\\]",
        "1. [Which heads?](#section-1)",
        "![Which heads?](./figures/01.png)",
        "[Head 1 of layer 0](#head-0-1) \\*is\\* &lt;it&gt;.",
        "*Control.* None\\_at\\_all.",
        "| language | head |\n| --- | ---: |\n| de | 1.23 |\n",
        "| –",
        "[heads importance#1.nc](./run/heads%20importance%231.nc)",
        "```sh\nworkbench demo\n```",
    ):
        assert words in text, words
    assert "<script>" not in text


def test_long_texts_stand_in_one_line_from_the_left_and_numbers_from_the_right(tmp_path, section):
    text = "Der Hund läuft\nüber die Straße,\r\nund dann nach Hause."
    texts = replace(section, table=pd.DataFrame({"response": [text]}, index=pd.Index(["de"], name="language")))
    numbers = replace(section, table=pd.DataFrame({"score": [1.5]}, index=pd.Index(["de"], name="language")))
    page = write_report(tmp_path, title="T", sections=[texts, numbers]).read_text(encoding="utf-8")
    assert "<td>Der Hund läuft über die Straße, und dann nach Hause.</td>" in page
    assert re.findall(r'class="dataframe( texts)?"', page) == [" texts", ""]
    text = markdown(Report("T", "Q?", "A.", [texts, numbers], Recipe("workbench demo", "run_demo()")), ["", ""])
    assert "| language | response |\n| --- | --- |\n| de | Der Hund läuft über" in text
    assert "| language | score |\n| --- | ---: |" in text


def test_the_printed_form_has_pictures_and_no_script(section):
    svg = b'<svg viewBox="0 0 1 1"></svg>'
    text = printed(Report("x", "Why?", "So.", [section, section]), [svg, svg])
    assert text.count(svg.decode()) == 2
    assert "<script" not in text
    assert 'href="#section-2"' in text and "@page { size: A4" in text
    assert "heads.importance · model tiny (abc) · corpus by hand · seed 7 · time" in text


def test_pictures_need_the_extra(tmp_path, section, monkeypatch):
    write_report(tmp_path, title="x", sections=[section])
    monkeypatch.setitem(sys.modules, "kaleido", None)
    with pytest.raises(BadArgument, match=r"babel-workbench\[docs\]"):
        render(tmp_path, "md")
