"""The jobs of a study: every analysis with every model, corpus and seed, after those whose results it reads."""

from pathlib import Path

import pytest

import workbench as wb
from workbench.errors import BadStudy
from workbench.studies.study.jobs import function_of, jobs_of
from workbench.studies.study.run import shard_of


def study(**changes):
    given = {"question": "?", "models": ["polyglot"], "analyses": [{"run": "heads"}]}
    return wb.Study(**{**given, **changes})


def folders(**changes):
    return [job.folder for job in jobs_of(study(**changes))]


def test_one_job_for_each_model_corpus_and_seed():
    assert folders() == ["polyglot/heads"]
    assert folders(models=["polyglot", "x/y"], seeds=[0, 3]) == [
        "polyglot/seed-0/heads",
        "polyglot/seed-3/heads",
        "y/seed-0/heads",
        "y/seed-3/heads",
    ]
    assert folders(corpora=["parallel", "texts/a.tsv"]) == ["polyglot/parallel/heads", "polyglot/a.tsv/heads"]


def test_an_analysis_that_names_its_models_runs_once():
    compare = {"run": "compare", "before": "polyglot", "after": "polyglot-aligned"}
    jobs = jobs_of(study(models=["polyglot", "polyglot-aligned"], analyses=[compare]))
    assert [(job.folder, job.model) for job in jobs] == [("compare", "")]


def test_models_of_one_name_have_folders_of_their_own():
    names = folders(models=["a/model", "b/model"])
    assert len(set(names)) == 2
    assert all(name.startswith("model-") for name in names)


def test_a_result_of_another_job_becomes_its_path():
    analyses = [{"run": "heads"}, {"run": "evaluate", "tasks": "words", "groups": "@heads/roles"}]
    _, job = jobs_of(study(analyses=analyses))
    assert job.needs == ("polyglot/heads",)
    (model,), named = job.call(Path("runs/s"))
    assert model == "polyglot"
    assert named["groups"] == str(Path("runs/s/polyglot/heads/roles.nc"))


def test_what_a_study_says_goes_to_the_analyses_that_take_it():
    analyses = [{"run": "heads"}, {"run": "lens", "source": "de", "target": "fr"}, {"run": "kinds", "limit": 2}]
    heads, lens, kinds = jobs_of(study(analyses=analyses, languages=["de", "fr"], limit=9, options={"batch_size": 4}))
    assert heads.arguments == {"corpus": "parallel", "languages": ["de", "fr"], "limit": 9}
    assert "corpus" not in lens.arguments
    assert kinds.arguments["limit"] == 2
    assert heads.options.batch_size == 4


def test_a_key_is_of_all_that_a_job_is_given():
    keys = {jobs_of(study(**change))[0].key for change in ({}, {"limit": 3}, {"seeds": [1]}, {"languages": ["de"]})}
    assert len(keys) == 4
    assert jobs_of(study())[0].key in keys


@pytest.mark.parametrize(
    ("analyses", "words"),
    [
        ([{"run": "head"}], "near: heads"),
        ([{"run": "heads", "limits": 3}], "limits; heads takes corpus"),
        ([{"run": "lens"}], "lens lacks source, target"),
        ([{"run": "heads"}, {"run": "heads"}], "two analyses are named heads"),
        ([{"run": "heads", "name": "../x"}], "it names a folder"),
        ([{"run": "heads", "name": ".."}], "it names a folder"),
        ([{"run": "evaluate", "tasks": "words", "groups": "@heads/roles"}], "no analysis before it"),
    ],
)
def test_what_does_not_fit_is_named(analyses, words):
    with pytest.raises(BadStudy, match=words):
        jobs_of(study(analyses=analyses))


def test_every_analysis_can_be_named():
    for name in wb.studies.__all__:
        if name.startswith("run_"):
            assert function_of(name.removeprefix("run_")).build


def test_shares_cover_all_jobs_and_bring_what_they_need():
    analyses = [{"run": "heads"}, {"run": "evaluate", "tasks": "words", "groups": "@heads/roles"}]
    jobs = jobs_of(study(models=["a", "b", "c"], analyses=analyses))
    shares = [shard_of(jobs, (number, 3)) for number in (1, 2, 3)]
    assert {job.folder for share in shares for job in share} == {job.folder for job in jobs}
    for share in shares:
        names = [job.folder for job in share]
        assert all(need in names for job in share for need in job.needs)
