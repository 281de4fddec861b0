"""What a study says is read whole, and refused with the name of what is wrong."""

import pytest

import workbench as wb
from workbench.errors import BadStudy
from workbench.studies.study.jobs import jobs_of
from workbench.studies.study.plan import Step

GOOD = {"question": "Which heads?", "models": ["polyglot"], "analyses": [{"run": "heads"}]}


def test_a_file_and_python_say_the_same(tmp_path):
    path = tmp_path / "study.toml"
    path.write_text(
        'question = "Which heads?"\nmodels = ["polyglot"]\nlimit = 4\n[options]\nmemory = "1GB"\n'
        '[[analyses]]\nrun = "heads"\nname = "a"\nablation_texts = 2\n',
        encoding="utf-8",
    )
    study = wb.Study.read(path)
    analyses = [{"run": "heads", "name": "a", "ablation_texts": 2}]
    assert study == wb.Study(**{**GOOD, "analyses": analyses}, limit=4, options={"memory": "1GB"})
    assert study.steps == (Step("heads", "a", {"ablation_texts": 2}),)
    assert wb.Study(**study.record) == study


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"question": " "}, "question"),
        ({"models": []}, "models"),
        ({"models": "polyglot"}, "give a list"),
        ({"models": ["polyglot", 3]}, "as text"),
        ({"models": ["a", "a"]}, "twice"),
        ({"limit": 0}, "limit has 0"),
        ({"limit": True}, "limit"),
        ({"seeds": [-1]}, "seeds has -1"),
        ({"seeds": [1, 1]}, "twice"),
        ({"options": {"seed": 1}}, "options has seed"),
        ({"options": {"batches": 1}}, "it takes batch_size"),
        ({"options": 3}, "options=3; give a table"),
        ({"analyses": [{"run": "heads", "name": 3}]}, "named 3"),
        ({"analyses": ["heads"]}, "a table with run"),
        ({"analyses": [{"name": "a"}]}, "a table with run"),
    ],
)
def test_what_is_wrong_is_named(change, words):
    with pytest.raises(BadStudy, match=words):
        wb.Study(**{**GOOD, **change})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("question = ", "not TOML"),
        ('question = "a"', "lacks models, analyses"),
        ('question = "a"\nmodel = "polyglot"', "has model; a study has question, models"),
        ('question = "a"\nmodels = []\nanalyses = []', "models"),
        (
            'question = "a"\nmodels = ["b"]\nanalyses = []\n[options]\ntrust_remote_code = true',
            "no file can set; give --trust-remote-code",
        ),
    ],
)
def test_a_bad_file_is_named(tmp_path, text, words):
    path = tmp_path / "a.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadStudy, match=words) as error:
        wb.Study.read(path)
    assert "a.toml" in str(error.value)


def test_a_missing_or_binary_file_is_named(tmp_path):
    with pytest.raises(BadStudy, match="study init"):
        wb.Study.read(tmp_path / "none.toml")
    (tmp_path / "b.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadStudy, match="not TOML"):
        wb.Study.read(tmp_path / "b.toml")


def test_python_may_allow_what_no_file_can():
    study = wb.Study(**GOOD, options={"memory": "1GB", "allow_pickle": True})
    assert study.record["options"] == {"memory": "1GB"}
    (job,), (same,) = jobs_of(study), jobs_of(wb.Study(**study.record))
    assert job.options.allow_pickle and not same.options.allow_pickle
    assert job.key == same.key
