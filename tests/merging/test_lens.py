"""Lens: what training changes, and what stays byte for byte."""

import json
from importlib import import_module
from types import SimpleNamespace

import pytest
import torch

import workbench as wb
from tests.merging.folders import tiny, weights
from tests.merging.recipes.cases import planted
from workbench.errors import BadArgument, BadCorpus, BadResult, CannotWrite
from workbench.merging import LensTraining
from workbench.text.corpus import Corpus

ROWS = Corpus(
    {
        "en": ("The dog sleeps", "It rains", "A cat", "Oh well"),
        "de": ("Der Hund schläft", "Es regnet", "Eine Katze", "Na ja"),
        "fr": ("Le chien dort", "Il pleut", "Un chat", "Eh bien"),
    },
    aligned=True,
    source="made",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny(tmp_path_factory.mktemp("lens") / "base")


@pytest.fixture(scope="module")
def space(folder):
    return planted(wb.load_model(folder))


def tuned(folder, space, out, **how):
    recipe = LensTraining(**{"rate": 1e-3, "rows": 2, "epochs": 10, **how.pop("recipe", {})})
    return wb.merging.lens(folder, ROWS, space, out=out, recipe=recipe, progress=False, **how)


def test_only_the_last_layers_change(folder, space, tmp_path):
    made = tuned(folder, space, tmp_path / "tuned")
    before, after = weights(folder), weights(made)
    for name, tensor in before.items():
        assert torch.equal(tensor, after[name]) is not name.startswith("model.layers.2."), name
    record = json.loads((made / "merge.json").read_text())
    assert record["parameters"]["layers"] == [2]
    assert {origin for name, origin in record["tensors"].items() if ".2." in name} == {"trained"}
    assert {origin for name, origin in record["tensors"].items() if ".2." not in name} == {"model"}


def test_weights_of_0_change_nothing_byte_for_byte(folder, space, tmp_path):
    made = tuned(folder, space, tmp_path / "same", recipe={"retain": 0.0, "align": 0.0, "separate": 0.0})
    before, after = weights(folder), weights(made)
    assert before.keys() == after.keys()
    for name, tensor in before.items():
        assert torch.equal(tensor.view(torch.uint8), after[name].view(torch.uint8)), name
    assert (made / "model.safetensors").read_bytes() == (folder / "model.safetensors").read_bytes()
    assert wb.load_model(made).digest


@pytest.mark.parametrize("term", ["align", "separate"])
def test_a_term_falls_where_it_is_trained(folder, space, tmp_path, term):
    alone = {name: float(name == term) for name in ("retain", "align", "separate")}
    made = tuned(folder, space, tmp_path / term, recipe={**alone, "rows": 4, "epochs": 40, "decay": 0.0})
    losses = [step[term] for step in json.loads((made / "merge.json").read_text())["parameters"]["loss"]]
    assert len(losses) == 40
    assert losses[-1] < 0.7 * losses[0]


def test_the_pivot_stays_where_it_was_without_other_terms(folder, space, tmp_path):
    made = tuned(folder, space, tmp_path / "retained", recipe={"align": 0.0, "separate": 0.0, "decay": 0.0})
    losses = json.loads((made / "merge.json").read_text())["parameters"]["loss"]
    assert losses[0]["retain"] == 0  # before a step, it is the frozen model
    texts = list(ROWS.texts["en"])
    old, new = (wb.load_model(path).logits(texts) for path in (folder, made))
    assert torch.allclose(old, new, atol=1e-4)


def test_it_is_a_function_of_its_arguments(folder, space, tmp_path):
    first, second = (tuned(folder, space, tmp_path / name, seed=3) for name in ("first", "second"))
    assert (first / "model.safetensors").read_bytes() == (second / "model.safetensors").read_bytes()
    other = tuned(folder, space, tmp_path / "other", seed=3, layers=[0, 1])
    assert not torch.equal(
        weights(other)["model.layers.0.mlp.up_proj.weight"], weights(folder)["model.layers.0.mlp.up_proj.weight"]
    )


def test_the_subspace_may_be_measured_with_any_pivot_and_type(folder, tmp_path):
    def made(name, **how):
        space = wb.steering.subspace(wb.load_model(folder), ROWS, progress=False, **how)
        return weights(tuned(folder, space, tmp_path / name))

    own, *others = made("own", pivot="en"), made("none"), made("other", pivot="de")
    for other in others:
        assert all(torch.allclose(own[name], other[name], atol=1e-5) for name in own)
    rounded = wb.steering.subspace(wb.load_model(folder, dtype="bfloat16"), ROWS, progress=False)
    tuned(folder, rounded, tmp_path / "rounded", recipe={"epochs": 1})


def test_a_subspace_of_another_model_is_refused(folder, tmp_path):
    other = tiny(tmp_path / "other", seed=1)
    space = wb.steering.subspace(wb.load_model(other), ROWS, progress=False)
    with pytest.raises(BadResult, match="belongs to another model"):
        tuned(folder, space, tmp_path / "out")


def test_a_folder_that_cannot_be_written_is_refused_before_anything_is_loaded(folder, space, tmp_path, monkeypatch):
    for name in ("load_model", "train"):
        monkeypatch.setattr(import_module("workbench.merging.lens"), name, lambda *_, **__: 1 / 0)
    with pytest.raises(CannotWrite, match="is there already"):
        tuned(folder, space, folder)
    with pytest.raises(CannotWrite, match="cannot write"):
        tuned(folder, space, folder / "config.json" / "below")
    size = sum(2 * tensor.numel() for tensor in weights(folder).values())
    for free, error in ((size - 1, CannotWrite), (size, ZeroDivisionError)):
        monkeypatch.setattr("shutil.disk_usage", lambda _, free=free: SimpleNamespace(free=free))
        with pytest.raises(error):
            tuned(folder, space, tmp_path / "new" / "out", dtype="bfloat16")
    assert not any(tmp_path.iterdir())


def test_bad_input_is_refused(folder, space, tmp_path):
    loose = Corpus({"en": ("a b", "c d"), "de": ("e f",)}, aligned=False, source="loose")
    with pytest.raises(BadCorpus, match="not aligned"):
        wb.merging.lens(folder, loose, space, out=tmp_path / "a", progress=False)
    with pytest.raises(BadArgument, match="pivot='xx'"):
        tuned(folder, space, tmp_path / "b", pivot="xx")
    with pytest.raises(BadArgument, match="no shift of de"):
        tuned(folder, space.sel(language=["en", "fr"]), tmp_path / "c")
    with pytest.raises(BadArgument, match="layers=3"):
        tuned(folder, space, tmp_path / "d", layers=[3])
    with pytest.raises(CannotWrite, match="is there already"):
        tuned(folder, space, folder)
    fused = tiny(tmp_path / "gpt2", "gpt2")
    with pytest.raises(BadArgument, match="cannot be trained like this"):
        tuned(fused, planted(wb.load_model(fused)), tmp_path / "e")
