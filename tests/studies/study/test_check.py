"""A study is checked without its models, and its cost is the line through two short passes."""

import pytest

from tests.studies.study.toy import plan, sums
from tests.studies.study.toy import toys as _toys
from workbench.errors import BadStudy
from workbench.studies.study import check as module
from workbench.studies.study.check import check, cost, readable_cost, total

toys = _toys


@pytest.fixture
def no_model(monkeypatch):
    monkeypatch.setattr(module.Models, "of", lambda *_: pytest.fail("a model was loaded"))


def study(**changes):
    given = {"models": ["polyglot"], "analyses": [{"run": "neurons"}], "seeds": [0]}
    return plan(**{**given, **changes})


@pytest.mark.usefixtures("no_model")
def test_what_can_be_run(tmp_path):
    (tmp_path / "own").mkdir()
    assert check(study(limit=3)) == 3
    assert check(study(languages=["de", "fr"])) == 120
    assert check(study(models=["polyglot", str(tmp_path / "own"), "owner/name", "gemma-3-270m"], limit=1)) == 1


@pytest.mark.usefixtures("no_model")
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"models": ["polyglott"]}, "models has polyglott; it is no shipped"),
        ({"models": ["/nowhere/model"]}, "models has /nowhere/model"),
        ({"models": ["./a"]}, "models has ./a"),
        ({"corpora": ["none.tsv"]}, "corpora has none.tsv: "),
        ({"languages": ["xx"]}, "corpora has parallel: .*xx"),
        ({"analyses": [{"run": "neuron"}]}, "near: neurons"),
        ({"analyses": [{"run": "patch"}]}, "patch lacks pairs"),
    ],
)
def test_what_cannot_is_named(changes, words):
    with pytest.raises(BadStudy, match=words):
        check(study(**changes))


@pytest.mark.usefixtures("toys")
def test_cost_is_the_line_through_two_passes(monkeypatch):
    """A toy that takes 5 seconds and 3 more a text: with 2 texts 11, with 5 texts 20, so 65 with 20."""
    now = [0.0]

    def job(job, folder, models, *, progress):
        texts = job.arguments["limit"]
        now[0] += 5 + 3 * texts
        (folder / job.folder).mkdir(parents=True)
        (folder / job.folder / "a.nc").write_bytes(b"x" * (100 + 10 * texts))

    monkeypatch.setattr(module, "run_job", job)
    monkeypatch.setattr(module.Models, "of", lambda *_: None)
    study = plan(models=["polyglot"], seeds=[0], limit=20)
    costs = cost(study, progress=False, clock=lambda: now[0])
    assert costs.index.tolist() == ["toy", "other"]
    assert costs.results.tolist() == [1, 1]
    assert costs.seconds.tolist() == pytest.approx([65.0, 65.0])
    assert costs.disk.tolist() == [300, 300]
    assert costs.attrs["memory"] > 10**7
    assert total(costs).startswith("2 jobs, 2 results: about 2.2 minutes one after another")
    assert readable_cost(costs).seconds.tolist() == ["65.0", "65.0"]


@pytest.mark.usefixtures("toys")
def test_a_job_that_does_not_grow_costs_what_it_took(monkeypatch):
    ticks = iter(range(0, 1000, 7))
    monkeypatch.setattr(module.Models, "of", lambda *_: None)
    study = plan(models=["polyglot"], seeds=[0], limit=20)
    costs = cost(study, progress=False, clock=lambda: float(next(ticks)))
    assert costs.seconds.tolist() == [7.0, 7.0]
    assert (costs.results == 2).all() and (costs.disk > 1000).all()
    assert sums(1.0, 0, limit=2).total.size == 3  # the probe ran the toy itself
