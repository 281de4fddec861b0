"""The same quantity is the same number in the terminal, the report and the explorer, read where people read it."""

import re
from collections import Counter

import numpy as np
import pytest
from playwright.sync_api import sync_playwright

import workbench as wb
from tests.browser.chromium import ARGUMENTS, CHROMIUM
from workbench.results.make import make_result
from workbench.studies.explore import explore
from workbench.studies.findings import heads as findings
from workbench.studies.report import write_report
from workbench.studies.sections import drawing, section
from workbench.terminal import show_run

pytestmark = pytest.mark.browser
LANGUAGES = ["de", "en", "ja"]
NAMES = {"de": "German", "en": "English", "ja": "Japanese"}
LAYERS, HEADS = 4, 5
CELLS = ("language", "layer", "head")
# language -> (layer, head) of its strongest number, and the number
IMPORTANCE = {"de": (1, 3, 0.91234), "en": (0, 2, 0.7), "ja": (3, 4, 0.0812345)}
RISE = {"de": (2, 0, 1.23456), "en": (0, 2, 0.4567), "ja": (3, 1, 0.0234567)}
LOSS = {"de": 4.73211, "en": 5.04, "ja": 6.3456}


def planted(strongest, name, extra=None):
    values = np.random.default_rng(7).random((3, LAYERS, HEADS)) * 0.01
    for place, code in enumerate(LANGUAGES):
        layer, head, value = strongest[code]
        values[place, layer, head] = value
    ends = {"low": values * 0.9, "high": values * 1.1, "p_value": np.full(values.shape, 0.001)}
    variables = {name: (CELLS, values, f"{name} [nats]"), **(extra or {})}
    return make_result(
        {**variables, **{end: (CELLS, array, f"{end} of {name} [nats]") for end, array in ends.items()}},
        {"language": LANGUAGES},
        method=f"tests.{name}",
        parameters={"variant": "paper"},
        model={"name": "tiny", "hash": "1"},
        corpus={"source": "by hand", "hash": "2", "counts": dict.fromkeys(LANGUAGES, 40)},
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run folder with results, report and explorer."""
    folder = tmp_path_factory.mktemp("run")
    loss = (("language",), np.array([LOSS[code] for code in LANGUAGES]), "loss [nats]")
    importance = planted(IMPORTANCE, "importance", {"nll": loss})
    ablation = planted(RISE, "delta", {"baseline": loss}).assign_attrs(how="zero")
    roles = wb.heads.roles(importance, quantile=0.9)
    for name, result in {"importance_paper": importance, "ablation": ablation, "roles": roles}.items():
        wb.save_result(result, folder / f"{name}.nc")
    sections = [
        section("importance_paper", importance, drawing(wb.figures.heatmap, importance, "importance"), reading="",
                finding=findings.importance(importance)),
        section("roles", roles, drawing(wb.figures.heatmap, roles, "role"), reading="", finding=findings.roles(roles)),
        section("ablation", ablation, drawing(wb.figures.heatmap, ablation, "delta"), reading="",
                finding=findings.ablation(ablation), table=findings.harms(ablation)),
    ]  # fmt: skip
    explore(folder)
    write_report(folder, title="Planted", sections=sections)
    return folder


@pytest.fixture(scope="module")
def tab():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser.new_context(offline=True).new_page()
        browser.close()


def rows_of(text):
    """The terminal's table: code -> its cells."""
    lines = [[cell.strip() for cell in line.strip("│ \n").split("│")] for line in text.splitlines() if "│" in line]
    return {line[0].split()[0]: line[1:] for line in lines}


def test_the_same_quantity_is_the_same_number_everywhere(run, tab, capsys):
    show_run(run, quiet=False)
    terminal = rows_of(capsys.readouterr().out)
    tab.goto((run / "report.html").as_uri())
    table = tab.locator("#section-3 table tbody tr").all()
    in_report = {row.locator("th").inner_text(): row.locator("td").all_inner_texts() for row in table}
    named = {row.locator("th").inner_text(): row.inner_text() for row in tab.locator("#named-heads tbody tr").all()}
    sentences = tab.locator("#section-2 .finding").inner_text()
    heads = tab.locator("#section-1 .finding").inner_text()
    assert "head 3 of layer 1 for German: 0.912 nats" in heads  # the largest lower end
    owned = Counter()
    for layer in range(LAYERS):
        show(tab, run, layer=layer, head=0, view="layer")
        owned.update(re.findall(r"specific to (\w+)", tab.locator("#layer-table").inner_text()))
    for code, name in NAMES.items():
        loss, top, worst, own = terminal[code][:4]
        assert loss == in_report[name][0] == f"{LOSS[code]:.3g}"

        layer, head, value = IMPORTANCE[code]
        assert top == f"L{layer}H{head} {value:.3g}"
        show(tab, run, layer=layer, head=head, language=code)
        assert f"{value:.3g} nats (" in tab.locator("#facts").inner_text()

        layer, head, value = RISE[code]
        assert worst == f"L{layer}H{head} +{value:.3g}*"
        place = f"head {head} of layer {layer}"
        assert in_report[name][1:3] == [place, f"{value:.3g}"]
        assert f"{value:.3g} nats ({name})" in named[place]
        show(tab, run, layer=layer, head=head, language=code)
        assert f"{value:.3g} nats (" in tab.locator("#facts").inner_text()

        counted = re.search(rf"{name} (\d+)", sentences)
        assert int(own) == owned[name] == (int(counted[1]) if counted else 0)
    assert sum(owned.values()) > 0


def show(tab, run, **address):
    """Show the explorer at an address."""
    words = "&".join(f"{name}={value}" for name, value in address.items())
    tab.goto("about:blank")
    tab.goto(f"{(run / 'explorer.html').as_uri()}#{words}")
    tab.wait_for_selector("html[data-drawn]")
