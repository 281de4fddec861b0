"""The head score of the page "extend" is fifteen lines, and everything that takes a score takes it."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

import workbench as wb
from tests.heads.cases import corpus, model, module, token_ids
from workbench.results.make import provenance

PAGE = Path(__file__).parents[2] / "docs" / "extend.md"
TEXTS = {"de": ("Der Hund", "Es regnet", "Nein", "Ja, du"), "ja": ("犬が眠る", "雨だ", "はい", "いや")}
QUICK = {"progress": False}


@pytest.fixture(scope="module")
def loudness():
    block = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)[0]
    assert len(block.strip().splitlines()) <= 15
    assert not re.search(r"import workbench\.|from workbench", block), "public names only"
    names: dict = {}
    exec(block, names)
    return names["loudness"]


@pytest.fixture(scope="module")
def score(loudness):
    return loudness(model("llama"), corpus(TEXTS))


def test_it_is_the_loop(score):
    """Beside a hook of torch on the projection that reads the heads' outputs."""
    found, seen = score.loudness, []
    hooks = [
        layer.self_attn.o_proj.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
        for layer in module("llama").model.layers
    ]
    try:
        for language, texts in token_ids(TEXTS).items():
            each = []
            for ids in texts:
                seen.clear()
                with torch.no_grad():
                    module("llama")(torch.as_tensor(ids).reshape(1, -1))
                each.append([one[0].unflatten(-1, (4, -1)).norm(dim=-1).mean(0).tolist() for one in seen])
            np.testing.assert_allclose(found.sel(language=language), np.mean(each, axis=0), rtol=1e-4)
    finally:
        for hook in hooks:
            hook.remove()
    assert (
        found.attrs["role"] == "score" and (score.low <= score.loudness).all() and (score.loudness <= score.high).all()
    )


def test_agreement_compares_it(loudness, score):
    ways = ["magnitude", loudness, "random"]
    found = wb.heads.agreement(model("llama"), corpus(TEXTS), methods=ways, top=0.25, **QUICK)
    assert found["score"].values.tolist() == ["magnitude", "loudness", "random"]
    np.testing.assert_allclose(found.value.sel(score="loudness"), score.loudness)
    pair = found.sel(score="loudness", other="magnitude")
    assert (pair.mean_correlation_low < pair.mean_correlation_high).all(), "its texts are drawn again"
    assert "loudness" in wb.figures.agreement(found, reference="random").data[0].y


def test_prune_removes_by_it(loudness):
    made = {"keep": "de", "budget": 1e9, "most": 3, "points": 4, "draws": 1, **QUICK}
    found = wb.heads.prune(model("llama"), corpus(TEXTS), compare=[loudness, "random"], **made)
    assert found["order"].values.tolist() == ["greedy", "loudness", "random"]
    assert provenance(found)["parameters"]["compare"] == ["loudness", "random"]
    train = loudness(model("llama"), corpus(TEXTS).split("train").select(["de"])).loudness.values[0]
    order = np.dstack(np.unravel_index(np.argsort(train, axis=None), train.shape))[0]
    fixed = wb.heads.prune(
        model("llama"), corpus(TEXTS), compare={"mine": lambda *given: _ranked(*given, order[:3])}, **made
    )
    rise = [one.rise.sel(order=name).values for one, name in ((found, "loudness"), (fixed, "mine"))]
    np.testing.assert_allclose(*rise, atol=1e-6)


def _ranked(own, texts, first):
    """A score that is lowest for these heads, in their order."""
    table = np.ones((own.n_layers, own.n_heads))
    for place, (layer, head) in enumerate(first):
        table[layer, head] = place - 9
    return wb.heads.score_result(own, texts, [table] * len(texts.languages), name="ranked")


def test_a_planted_model_scores_it(loudness):
    made = wb.planted.heads("de,en,fr", seed=1)
    found = wb.planted.score(loudness(made.model, made.corpus.limit(2)), made.truth)
    assert found.attrs["read"] == "loudness" and (found.average_precision > 0).all()


def test_the_heatmap_draws_it_unasked(score):
    figure = wb.figures.heatmap(score)
    assert figure.layout.title.text == "Which heads stand out for each language by loudness?"
    np.testing.assert_allclose(np.array(figure.data[0].z), score.loudness.sel(language="de"))


def test_the_explorer_shows_it(score):
    figure = wb.figures.explorer(score, wb.heads.roles(score))
    assert [one.name for one in figure._contents.measures] == ["loudness"]
    np.testing.assert_allclose(np.array(figure.data[0].z), score.loudness.sel(language="de"))


def test_a_report_has_a_section_of_it(score, tmp_path):
    page = wb.report({"mine": score}, out=tmp_path / "run")
    text = page.read_text(encoding="utf-8")
    assert "Which heads stand out for each language by loudness?" in text
    layer, head = np.unravel_index(int(score.loudness.max("language").values.argmax()), (3, 4))
    assert re.search(rf"head {head} of layer {layer}", text)
    assert wb.load_result(tmp_path / "run" / "mine.nc").loudness.identical(score.loudness)


def test_groups_and_roles_are_made_of_it(score):
    found = wb.heads.knockout(model("llama"), corpus(TEXTS), score, controls=1, **QUICK)
    again = wb.heads.knockout(model("llama"), corpus(TEXTS), wb.heads.top(score, share=0.02), controls=1, **QUICK)
    np.testing.assert_array_equal(found.delta, again.delta)
    assert wb.heads.roles(score, quantile=0.7).attrs["certainty_from"] == "texts"


def test_the_score_survives_its_file(score, tmp_path):
    kept = wb.load_result(wb.save_result(score, tmp_path / "score.nc"))
    assert kept.loudness.attrs["role"] == "score" and wb.heads.top(kept) == wb.heads.top(score)
