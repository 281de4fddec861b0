"""Runs of recipes: what is trained, measured and compared, and what a stop leaves."""

import numpy as np
import pytest
import torch
import xarray as xr

import workbench as wb
from tests.laboratories.cases import CORPUS, WORDS, base, recipe
from tests.models import byte_tokenizer
from workbench.errors import BadArgument, BadCorpus, BrokenModel, Interrupted, UnknownLanguage
from workbench.laboratories import bench
from workbench.laboratories.parts.controls import NAMED
from workbench.results.resuming.progress import storing_progress

LAB = wb.laboratories


def run(given=None, **options):
    how = {"words": WORDS, "corpus": CORPUS, "tokenizer": byte_tokenizer(), "progress": False, "seeds": 2}
    how |= {"measures": lambda made: [LAB.bits_per_byte(made.test)], "controls": ("shuffled", "text"), **options}
    return LAB.run(given or recipe(), base(), **how)


def test_a_run_measures_every_condition_and_seed(tmp_path):
    result = run()
    assert result.condition.values.tolist() == ["before", "recipe", "shuffled", "text"]
    assert result.control.values.tolist() == ["shuffled", "text"] and result.seed.values.tolist() == [0, 1]
    assert not np.isnan(result.score.sel(language=["de", "en", "fr"])).all("sample").any()
    assert (result.score.sel(condition="before", seed=0) == result.score.sel(condition="before", seed=1)).all()
    assert (result.change.sel(condition="recipe") != 0).all() and result.loss.sizes == {
        "condition": 4,
        "seed": 2,
        "step": 2,
    }
    moved = result.change.sel(condition="recipe") - result.change.sel(condition="text")
    xr.testing.assert_allclose(result.excess.sel(control="text", drop=True), moved, atol=1e-12)
    assert "bits per byte" in result.attrs["finding"]
    saved = wb.load_result(wb.save_result(result, tmp_path / "lab.nc"))
    xr.testing.assert_equal(saved.score, result.score)


def test_no_step_changes_nothing_at_all():
    result = run(recipe(steps=0), controls=("none",))
    assert (result.change == 0).all() and (result.excess == 0).all() and (result.helps == 0).all()
    trained = run(controls=("none",))
    xr.testing.assert_equal(
        trained.excess.sel(control="none", drop=True), trained.change.sel(condition="recipe", drop=True)
    )


def test_the_same_seed_gives_the_same_numbers():
    first, second = run(seeds=1), run(seeds=1)
    xr.testing.assert_equal(first.score, second.score)
    assert float(abs(run(seeds=1, seed=5).score - first.score.values).max()) > 0


def test_a_stop_loses_one_training_at_most(tmp_path, monkeypatch):
    whole, count = run(), []
    train = bench.train

    def stopping(*args, **options):
        count.append(1)
        if len(count) == 4:
            raise KeyboardInterrupt
        return train(*args, **options)

    monkeypatch.setattr(bench, "train", stopping)
    with storing_progress(tmp_path / "lab.progress", "key"), pytest.raises(Interrupted) as stop:
        run()
    partial = stop.value.partial
    assert not np.isnan(partial.score[1, 1]).all() and np.isnan(partial.score[3]).all()
    count.clear()
    monkeypatch.setattr(bench, "train", lambda *args, **options: count.append(1) or train(*args, **options))
    with storing_progress(tmp_path / "lab.progress", "key"):
        again = run()
    assert len(count) == 3
    xr.testing.assert_equal(again.score, whole.score)


def test_a_loss_that_is_not_finite_stops_names_its_step_and_leaves_the_rest():
    def breaking(made, rng):
        return recipe(objective=lambda module, batch: LAB.answers()(module, batch) * float("nan"), name="wrong")

    with pytest.raises(Interrupted, match=r"wrong, seed 0: wrong: the loss of step 1 is nan") as stop:
        run(controls={"wrong": breaking})
    partial = stop.value.partial
    assert not np.isnan(partial.change.sel(condition="recipe")).any()
    assert np.isnan(partial.change.sel(condition="wrong")).all()


def test_a_frozen_tensor_that_changes_is_an_error():
    def meddling(module, batch):
        with torch.no_grad():
            module.model.norm.weight.add_(1)
        return LAB.answers()(module, batch)

    with pytest.raises(BrokenModel, match=r"norm\.weight is not trained"):
        run(recipe(objective=meddling, trainable=LAB.layers([0])))


def test_bad_input_is_refused_before_anything_is_trained(monkeypatch):
    monkeypatch.setattr(bench, "train", lambda *args, **options: pytest.fail("trained"))
    with pytest.raises(BadCorpus, match="empty"):
        run(recipe(data=lambda made, rng: []), controls=())
    with pytest.raises(BadArgument, match="controls"):
        run(controls=("nothing",))
    with pytest.raises(BadArgument, match="give functions"):
        run(measures=[])
    with pytest.raises(UnknownLanguage):
        run(languages="de,zz")
    with pytest.raises(BadArgument, match="teacher='xx'; give a module"):
        LAB.match("xx")
    with pytest.raises(BadArgument, match="device"):
        LAB.read_base(base(), byte_tokenizer(), device="xx")
    wrapped = base()
    wb.load_model(wrapped, tokenizer=byte_tokenizer())
    with pytest.raises(BrokenModel, match="wrapped"):
        LAB.run(recipe(), wrapped, measures=[LAB.bits_per_byte(CORPUS)], tokenizer=byte_tokenizer())


def test_a_tokenizer_that_cannot_write_a_language_is_refused():
    class Latin:
        """Every character beyond ASCII is unknown."""

        unk_token_id = 0

        def __call__(self, text, **options):
            return {"input_ids": [ord(letter) if ord(letter) < 128 else 0 for letter in text]}

    from workbench.laboratories.base import refuse_unwritable

    words = WORDS.assign(ru=["пёс", "кот", "дом", "яйцо", "лес", "рак", "рука", "луна"])
    texts = wb.text.Corpus({"de": ("Der Hund",), "ru": ("Идёт дождь",)}, aligned=False, source="test")
    with pytest.raises(UnknownLanguage, match="cannot write ru"):
        refuse_unwritable(Latin(), words[["de", "ru"]], texts)


def test_every_named_control_runs():
    result = run(recipe(trainable=LAB.layers([0])), controls=tuple(NAMED), seeds=1)
    assert result.control.values.tolist() == list(NAMED)
    assert float(result.change.sel(condition="none").max()) == 0
