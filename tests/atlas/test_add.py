"""Adding a study: what is taken, what is left out, and what is refused."""

import importlib
import json
import shutil

import numpy as np
import pytest
import xarray as xr

import workbench as wb
from tests.atlas.cases import STUDY, atlas, studied
from workbench.atlas.narrow import relative, rounding, stored
from workbench.atlas.validate import problems
from workbench.errors import BadArgument, BadResult, BadStudy, CannotWrite, WorkbenchWarning
from workbench.results.make import make_result


def result(value=0.5, low=0.25, high=0.75, **attrs):
    made = make_result(
        {
            "delta": (("language",), np.array([value, 1.0]), "a change [nats]"),
            "low": (("language",), np.array([low, 0.5]), "low end"),
            "high": (("language",), np.array([high, 1.5]), "high end"),
        },
        {"language": ["de", "fr"]},
        method="heads.ablate",
        parameters={},
        model={"name": "m", "hash": "1"},
    )
    return made.assign_attrs(attrs)


def test_everything_but_patterns_is_taken_and_what_lacks_is_said(tmp_path):
    run, study = studied()
    with pytest.warns(WorkbenchWarning, match=r'the lens on pairs of languages \(0 of 3\): run = "lens" gives it'):
        entry = wb.atlas.add(run, study, licence="MIT", folder=tmp_path / "atlas")
    assert entry.model == "tiny" and entry.record["licence"] == "MIT"
    assert entry.record["left_out"] == ["heads/patterns"]
    assert any(part.startswith("dose curve of steering: run") for part in entry.record["lacks"])
    assert {"heads/ablation", "heads/roles", "neurons/lape", "tokens/tokenization"} <= set(entry.results)
    assert (entry.folder / "study.toml").read_text(encoding="utf-8") == study.read_text(encoding="utf-8")
    assert entry.record["corpora"].keys() >= {"parallel"}
    with pytest.raises(CannotWrite, match="is there already"):
        wb.atlas.add(run, study, licence="MIT", folder=tmp_path / "atlas")


@pytest.mark.parametrize(
    ("licence", "message"),
    [
        (None, "name the licence of the weights of tiny"),
        (" ", "name the licence"),
        ("CC-BY-ND-4.0", r"\(ND\): an atlas is for models whose results may be published"),
        ("all rights reserved", "may be published"),
    ],
)
def test_a_licence_must_be_known_and_free(tmp_path, licence, message):
    run, study = studied()
    with pytest.raises(BadArgument, match=message):
        wb.atlas.add(run, study, licence=licence, folder=tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_study_file_must_be_the_one_that_was_run(tmp_path):
    run, study = studied()
    other = tmp_path / "other.toml"
    other.write_text(study.read_text(encoding="utf-8").replace("limit = 4", "limit = 5"), encoding="utf-8")
    with pytest.raises(BadStudy, match="is not the study that was run in"):
        wb.atlas.add(run, other, licence="MIT", folder=tmp_path)
    with pytest.raises(BadStudy, match="is not the folder of a study"):
        wb.atlas.add(tmp_path, study, licence="MIT", folder=tmp_path)


def test_a_study_of_two_models_is_refused(tmp_path):
    study = tmp_path / "two.toml"
    study.write_text(
        STUDY.format(model='polyglot", "polyglot-aligned').split("[[")[0] + '[[analyses]]\nrun = "kinds"\n'
    )
    run = tmp_path / "run"
    run.mkdir()
    (run / "study.json").write_text(json.dumps(wb.Study.read(study).record), encoding="utf-8")
    with pytest.raises(BadStudy, match="is of 2 models; an entry is of one"):
        wb.atlas.add(run, study, licence="MIT", folder=tmp_path / "atlas")


@pytest.mark.parametrize("more", ["seeds = [0, 1]", 'corpora = ["parallel", "other"]'])
def test_a_study_of_several_seeds_or_corpora_is_refused(tmp_path, more):
    study, run = tmp_path / "two.toml", tmp_path / "run"
    study.write_text(f'question = "What?"\nmodels = ["polyglot"]\n{more}\n[[analyses]]\nrun = "kinds"\n')
    run.mkdir()
    (run / "study.json").write_text(json.dumps(wb.Study.read(study).record), encoding="utf-8")
    with pytest.raises(BadStudy, match="is of several corpora or seeds"):
        wb.atlas.add(run, study, licence="MIT", folder=tmp_path / "atlas")


def test_faults_of_results_are_named_before_anything_is_written(tmp_path):
    run, study = studied()
    broken = shutil.copytree(run, tmp_path / "run")
    path = broken / "tiny" / "heads" / "ablation.nc"
    effect = wb.load_result(path)
    effect["low"][:] = effect.high + 1
    del effect.attrs["provenance"]
    wb.save_result(effect, path)
    with pytest.raises(BadResult, match=r"heads/ablation: .*no 'provenance'.*values of 'delta' lie outside"):
        wb.atlas.add(broken, study, licence="MIT", folder=tmp_path / "atlas")
    assert not (tmp_path / "atlas").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda made: made, ""),
        (lambda made: made.drop_attrs(deep=False), "no 'provenance'"),
        (lambda made: made.drop_vars("language"), "axis 'language' has no labels"),
        (lambda made: made.assign(low=made.low + 1), "2 of 2 values of 'delta' lie outside their interval"),
        (lambda made: made.assign(delta=made.delta.drop_attrs()), "'delta' does not say what it is"),
    ],
)
def test_problems_are_sentences(change, message):
    told = problems("heads/ablation", change(result()))
    assert any(message in sentence for sentence in told) if message else not told


def test_a_result_of_no_model_is_a_problem_unless_it_is_of_tokenizers():
    plain = result()
    record = json.loads(plain.attrs["provenance"]) | {"model": None}
    plain.attrs["provenance"] = json.dumps(record)
    assert problems("heads/ablation", plain) == ["heads/ablation: its provenance has no hash of the model"]
    plain.attrs["provenance"] = json.dumps({**record, "method": "evaluation.tokenization"})
    assert not problems("counts/tokenization", plain), "whatever the analysis is called"


def test_numbers_are_rounded_only_where_the_interval_is_wide_enough():
    narrow = stored(result())
    assert narrow.delta.dtype == np.float32 and rounding(result(), narrow) == 0.0
    third = result(1 / 3)
    error = abs(1 / 3 - float(np.float32(1 / 3))) / 0.25
    assert rounding(third, stored(third)) == pytest.approx(error)
    tight = result(1 / 3, 1 / 3 - 1e-9, 1 / 3 + 1e-9)
    narrow = stored(tight)
    assert {narrow[name].dtype for name in ("delta", "low", "high")} == {np.dtype(np.float64)}
    assert not problems("heads/ablation", narrow), "its interval is not rounded away from it"
    large = result().assign(size=("language", np.array([1e300, 1.0]), {"long_name": "size"}))
    assert stored(large)["size"].dtype == np.float64


def test_large_arrays_without_an_interval_keep_three_digits():
    values = np.sort(np.random.default_rng(0).standard_normal(30_000)) * 10.0 ** np.linspace(-30, 30, 30_000)
    odd = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-44, 3.4028234e38]
    values[: len(odd)] = odd
    made = xr.Dataset(
        {"sample_delta": (("sample",), values), "few": (("item",), values[100:200])}, attrs={"method": "m"}
    )
    narrow = stored(made)
    there = values[len(odd) :]
    error = np.abs(narrow.sample_delta.values[len(odd) :].astype(float) / there - 1)
    assert 1e-4 < error.max() <= relative(narrow) < 0.0005
    kept = narrow.sample_delta.values
    assert (np.diff(kept[len(odd) :][np.argsort(there)]) >= 0).all(), "the order is kept"
    np.testing.assert_array_equal(kept[: len(odd)], np.array(odd, np.float32))
    np.testing.assert_array_equal(narrow.few, made.few.astype(np.float32))
    assert relative(stored(made[["few"]])) == 0
    beside = made.assign(low=made.sample_delta - 1e40, high=made.sample_delta + 1e40)
    beside["sample_delta"].attrs["ancillary_variables"] = "low high"
    assert relative(stored(beside)) == 0, "its interval says how many digits it needs"


def test_what_a_model_wrote_and_read_is_left_out():
    assert stored(result(method="heads.patterns")) is None
    assert stored(result(method="steering.directions")) is None
    written = result().assign(text=("language", np.array(["ja", "nein"], dtype=object)))
    assert set(stored(written).data_vars) == {"delta", "low", "high"}


def test_an_entry_that_is_too_large_is_refused_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.import_module("workbench.atlas.add"), "LARGEST", 2**14)
    run, study = studied()
    with pytest.raises(BadResult, match=r"may have 0\.0156; the largest are "):
        wb.atlas.add(run, study, licence="MIT", folder=tmp_path / "atlas")
    assert not list((tmp_path / "atlas").iterdir())


def test_a_compressed_file_is_the_same_result(tmp_path):
    made = xr.Dataset({"x": (("a",), np.zeros(5000))}, {"a": np.arange(5000)}, {"format": 2, "method": "m"})
    plain, small = wb.save_result(made, tmp_path / "a.nc"), wb.save_result(made, tmp_path / "b.nc", compress=True)
    xr.testing.assert_identical(wb.load_result(plain), wb.load_result(small))
    assert small.stat().st_size < plain.stat().st_size / 2


def test_an_atlas_of_ones_own_is_explored_without_the_model():
    both = wb.atlas.explorer(["tiny", "polyglot"], folder=atlas()).to_html()
    alone = wb.atlas.explorer("tiny", folder=atlas()).to_html()
    assert 'select id="model"' in both and 'select id="model"' not in alone


def test_the_explorer_opens_on_a_model_with_heads():
    names = list(wb.atlas.explorer()._models)
    have = ["heads/ablation" in wb.atlas.entry(name).results for name in names]
    assert have == sorted(have, reverse=True) and sorted(names) == wb.atlas.models()
