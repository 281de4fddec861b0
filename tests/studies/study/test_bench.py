"""What a model will take on this machine: every usual analysis has a row, with a time or what is not known."""

import re

import pytest

import workbench as wb


@pytest.fixture(scope="module")
def rows():
    return wb.studies.bench("polyglot", limit=2, options=wb.studies.Options(device="cpu", progress=False)).value


def test_the_machine_and_each_analysis_have_a_row(rows):
    assert rows.index[:5].tolist() == [
        *("loading", "forward pass", "forward and backward pass", "weights", "memory for activations")
    ]
    names = [name.split(" (")[0] for name in rows.index[5:]]
    assert names == ["heads", "neurons", "head_knockout", "neuron_knockout", "patch", "lens"]
    assert all(re.match(r"\d+ s", rows.iloc[place]) for place in range(5, len(rows)))
    assert all("12 languages, 24 texts" in name for name in rows.index[5:9])
    assert re.fullmatch(r"[\d,]+ tokens/s", rows["forward pass"])


def test_a_loaded_model_is_not_loaded_again(monkeypatch):
    model = wb.load_model("polyglot", device="cpu")
    monkeypatch.setattr("workbench.studies.options.load_model", lambda *_, **__: pytest.fail("it was loaded"))
    assert "loading" not in wb.studies.bench(model, limit=4).index
