"""The laboratory of schedules: what its Result holds, against plain loops over its scores, and what a stop leaves."""

import numpy as np
import pytest
import xarray as xr

import workbench as wb
from workbench.errors import BadArgument, Interrupted, TooFewLanguages
from workbench.laboratories.inside.inside import Inside
from workbench.laboratories.pretraining.verdicts import BITS, HELD_OUT, TRAINED, against, finding, ways
from workbench.laboratories.systems import parallel_schedule as module
from workbench.results.resuming.progress import storing_progress

WAYS = ["de-en", "de-fr", "en-de", "en-fr", "fr-de", "fr-en"]
CONDITIONS = ("none", "monolingual", "last_one_way")


def run(**options):
    how = {"conditions": CONDITIONS, "tokens": 1600, "share": 0.5, "seeds": 2, "progress": False, **options}
    return wb.laboratories.parallel_schedule(**how)


@pytest.fixture(scope="module")
def result():
    return run()


def test_it_measures_every_condition_seed_and_direction(result, tmp_path):
    assert result.condition.values.tolist() == ["before", *CONDITIONS]
    assert result.control.values.tolist() == ["none", "monolingual"]
    assert sorted(result.language.values) == sorted([*WAYS, "de", "en", "fr"])
    count = (~np.isnan(result.score)).sum("sample")
    assert (count == count[0, 0]).all()
    numbers = count[0, 0].to_series().to_dict()
    trained = {way: 0 if way in ("de-fr", "fr-de") else 48 for way in WAYS}
    assert {way: numbers[TRAINED, way] for way in WAYS} == trained
    assert {way: numbers[HELD_OUT, way] for way in WAYS} == {way: 60 - trained[way] for way in WAYS}
    assert [numbers[BITS, code] for code in ("de", "en", "fr", "de-en")] == [60, 60, 60, 0]
    saved = wb.load_result(wb.save_result(result, tmp_path / "lab.nc"))
    xr.testing.assert_equal(saved.excess, result.excess)


def test_it_reads_as_much_in_every_condition(result):
    assert result.read.sum("kind").values.tolist() == [0, 1536, 1536, 1536]
    assert result.read.sel(kind="files").values.tolist() == [0, 0, 768, 768]
    assert result.loss.sizes["step"] == 3
    assert np.isnan(result.loss.sel(condition="before")).all() and not np.isnan(result.loss[1:]).any()


def test_excess_is_the_difference_of_scores(result):
    for condition in CONDITIONS:
        for control in ("none", "monolingual"):
            cell = {"condition": condition, "control": control}
            if condition == control:
                assert np.isnan(result.excess.sel(cell)).all() and (result.helps.sel(cell) == 0).all()
                continue
            for language in ("de", "en"):
                own, other = (
                    result.score.sel(condition=name, measure=BITS, language=language).mean(("seed", "sample"))
                    for name in (condition, control)
                )
                found = result.excess.sel(cell | {"measure": BITS, "language": language})
                assert float(found) == pytest.approx(float(own - other))
    assert np.isnan(result.excess.sel(condition="before")).all()
    tested = ~np.isnan(result.p_value)
    assert tested.sel(condition="last_one_way", measure=BITS, language="de").all()
    assert (tested == ~np.isnan(result.excess)).all()


def test_seeds_differ_and_repeat(result):
    bits = result.score.sel(measure=BITS, language="de")
    assert (bits.sel(seed=0) != bits.sel(seed=1)).all()
    again = run(conditions=("none", "first"), seeds=1, seed=1)
    np.testing.assert_array_equal(again.score.sel(condition="none", seed=1), result.score.sel(condition="none", seed=1))


def made(score):
    """A Result that has what the sentences read, by hand."""
    means = {"mean_excess": 0.5, "mean_excess_low": 0.25, "mean_excess_high": 0.75, "mean_helps": 1}
    axes = ("condition", "measure", "control")
    return xr.Dataset(
        {"score": (("condition", "measure", "language", "sample"), score), "units": ("measure", ["share"])}
        | {name: (axes, np.full((2, 1, 1), value)) for name, value in means.items()},
        {
            "condition": ["none", "last_one_way_back"],
            "control": ["none"],
            "measure": [TRAINED],
            "language": ["de-en", "en-de", "de"],
        },
    )


def test_sentences_are_computed_from_the_numbers():
    score = np.zeros((2, 1, 3, 4))
    score[1, 0, 0, 0] = score[1, 0, 1] = 1
    score[:, :, 2] = np.nan
    by_hand = made(score)
    back = "last_one_way_back (trained back only): 25% of trained words in code order, 100% back."
    assert ways(by_hand, "last_one_way_back") == back
    compared = "last_one_way_back +50 [+25, +75], better"
    assert against(by_hand, "last_one_way_back", TRAINED, "none") == compared
    none = "none: 0% of trained words in code order, 0% back."
    assert finding(by_hand) == f"{none} {back} {TRAINED} beyond none, in points: {compared}."


def test_a_stop_loses_one_training_at_most(result, tmp_path, monkeypatch):
    count, pretrain = [], module.pretrain

    def stopping(*args, **options):
        count.append(1)
        if len(count) == 4:
            raise KeyboardInterrupt
        return pretrain(*args, **options)

    monkeypatch.setattr(module, "pretrain", stopping)
    with storing_progress(tmp_path / "lab.progress", "key"), pytest.raises(Interrupted) as stop:
        run()
    partial = stop.value.partial
    assert not np.isnan(partial.loss.sel(condition="monolingual", seed=0)).any()
    assert np.isnan(partial.loss.sel(condition="last_one_way")).all()
    count.clear()
    monkeypatch.setattr(module, "pretrain", lambda *args, **options: count.append(1) or pretrain(*args, **options))
    with storing_progress(tmp_path / "lab.progress", "key"):
        again = run()
    assert len(count) == 3
    xr.testing.assert_equal(again.score, result.score)


def test_a_loss_that_is_not_finite_names_its_step_and_leaves_the_rest(monkeypatch):
    def broken(plan, *args, **options):
        if plan.condition == "monolingual":
            raise wb.errors.NotFinite("the loss of step 2 of 'monolingual' is nan")
        return pretrain(plan, *args, **options)

    pretrain = module.pretrain
    monkeypatch.setattr(module, "pretrain", broken)
    with pytest.raises(Interrupted, match=r"monolingual, seed 0: the loss of step 2") as stop:
        run(seeds=1)
    assert not np.isnan(stop.value.partial.loss.sel(condition="none")).any()


def test_it_looks_inside_the_models_of_the_first_seed():
    class Weights(Inside):
        def look(self, model):
            return xr.Dataset({"heads": ((), model.n_heads), "first": ((), float(model.module.lm_head.weight[0, 0]))})

        def compare(self, before, after):
            moved = [float(state.first - before.first) for state in after.values()]
            heads = [int(state.heads) for state in after.values()]
            return xr.Dataset(
                {"moved": ("condition", moved), "heads": ("condition", heads)},
                {"condition": list(after)},
                {"finding": "it moved"},
            )

    looked = run(
        seeds=1, conditions=("none", "first", "last"), inside=Weights(**vars(wb.laboratories.inside(progress=False)))
    )
    assert (looked.inside_moved.sel(condition=["first", "last"]) != 0).all()
    assert np.isnan(looked.inside_moved.sel(condition=["before", "none"])).all()
    assert int(looked.inside_heads.sel(condition="first")) == 8
    assert looked.attrs["finding_inside"] == "Against none: it moved Against none: it moved"


def test_quick_is_small():
    assert module.QUICK["seeds"] == 1 and module.QUICK["tokens"] <= 40_000 and len(module.QUICK["conditions"]) <= 3
    quick = wb.laboratories.parallel_schedule(quick=True, tokens=1600, progress=False)
    assert quick.condition.values.tolist() == ["before", *module.QUICK["conditions"]]


def test_wrong_arguments_are_refused_before_anything_is_trained(monkeypatch):
    monkeypatch.setattr(module, "pretrain", lambda *_, **__: pytest.fail("it trained"))
    for options, words in (
        ({"conditions": ("last", "first")}, "nothing to compare"),
        ({"conditions": ("none",)}, "nothing to compare"),
        ({"conditions": ("none", "late")}, "last_one_way"),
        ({"tokens": 100}, "tokens"),
        ({"share": 1e-9}, "share"),
        ({"seeds": 0}, "seeds"),
        ({"variant": "theirs"}, "released"),
    ):
        with pytest.raises(BadArgument, match=words):
            run(**options)
    with pytest.raises(TooFewLanguages, match="two"):
        run(languages=["de"])
