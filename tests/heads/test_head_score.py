"""Head scores as values: how they are named, what they must return, and what is said where they do not."""

import functools

import numpy as np
import pytest
import xarray as xr

import workbench as wb
from tests.heads.cases import corpus, model
from workbench.errors import BadArgument, BadResult
from workbench.heads.scores.built_in import built_in

AXES = ("language", "layer", "head")
TEXTS = {"de": ("Der Hund", "Es regnet", "Nein"), "en": ("The dog", "It rains")}
VALUES = np.random.default_rng(0).random((2, 3, 4))


def agreement(*methods, **options):
    given = options.pop("methods", list(methods))
    return wb.heads.agreement(model("llama"), corpus(TEXTS), methods=given, progress=False, **options)


def mine(model, corpus):
    return wb.heads.score_result(model, corpus, VALUES, name="mine")


def test_names_functions_and_dicts_are_mixed():
    assert agreement("random", mine, "magnitude")["score"].values.tolist() == ["random", "mine", "magnitude"]
    partial = functools.partial(mine)
    found = agreement(methods={"a": partial, "b": lambda m, c: mine(m, c), "c": "magnitude"})
    assert found["score"].values.tolist() == ["a", "b", "c"]
    assert (found.correlation.sel(score="a", other="b") > 0.999).all()
    np.testing.assert_array_equal(found.value.sel(score="a"), VALUES)


def test_the_packages_own_functions_are_scores():
    found = agreement(wb.heads.ablate, "zero", wb.heads.importance, "lahis")
    for own, name in (("ablate", "zero"), ("importance", "lahis")):
        assert (found.correlation.sel(score=own, other=name) > 0.999).all()


@pytest.mark.parametrize("name", built_in(progress=False, batch_size=2, seed=0, truncate=False, permutations=2))
@pytest.mark.parametrize("together", [False, True])
def test_every_built_in_score_is_a_head_score(name, together):
    options = {"progress": False, "batch_size": 2, "seed": 0, "truncate": False, "permutations": 2}
    score = built_in(**options, together=together)[name]
    found = agreement(methods={"own": score, "mine": mine})
    np.testing.assert_allclose(found.value[0], score(model("llama"), corpus(TEXTS)).pipe(_score), atol=1e-5)


def _score(result):
    return next(one for one in result.data_vars.values() if one.attrs.get("role") == "score").transpose(*AXES)


def one_argument(model):
    return model


def zero(model, corpus):
    return mine(model, corpus)


@pytest.mark.parametrize(
    ("methods", "message"),
    [
        (["random", lambda m, c: mine(m, c)], "give a dict such as"),
        (["random", functools.partial(mine)], "give a dict such as"),
        (["random", one_argument], "'one_argument' does not take a model and a corpus"),
        (["random", zero], "'zero', which is the name of a score that is built in"),
        ([mine, functools.wraps(mine)(lambda m, c: 0)], "two scores are called 'mine'"),
        ({"a": "best", "b": "random"}, "'best' does not exist"),
        ({"a": mine}, "fewer than two"),
    ],
)
def test_what_cannot_be_named_is_refused(methods, message):
    with pytest.raises(BadArgument, match=message):
        agreement(methods=methods)


def test_prunes_own_names_are_taken():
    for name in ("greedy", "random", "michel"):
        with pytest.raises(BadArgument, match=f"'{name}', which is the name"):
            wb.heads.prune(model("llama"), corpus(TEXTS), keep="de", compare={name: mine}, progress=False)


def table(values=VALUES, languages=("de", "en"), dims=AXES, name="x", **attrs):
    return xr.Dataset({name: (dims, values, {"role": "score", **attrs})}, {"language": list(languages)})


NAN = np.where(VALUES.max() == VALUES, np.nan, VALUES)


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (VALUES, "returned <ndarray>; it should return a Dataset"),
        (
            xr.Dataset({"x": (AXES, VALUES)}, {"language": ["de", "en"]}),
            r"returned 0 scores .*x\[language, layer, head\]",
        ),
        (table().assign(y=table().x), "returned 2 scores"),
        (table(dims=("language", "head", "neuron")), "returned 0 scores"),
        (table(languages=("de", "fr")), r"the languages \['de', 'fr'\]"),
        (table().drop_vars("language"), r"the languages \[\]"),
        (table(VALUES[:, :2]), r"\[2, 4\] layers and heads, the model \[3, 4\]"),
        (table(NAN), "not a finite number"),
        (table(VALUES.astype(str)), "not a finite number"),
        (
            table().assign(sample_x=(("language", "sample", "layer", "head"), np.zeros((2, 3, 3, 4)))),
            "mean of its samples",
        ),
        (table().assign(sample_x=(("language", "sample", "layer", "head"), np.zeros((2, 2, 3, 4)))), "2 samples"),
    ],
)
def test_what_a_score_returns_is_checked(returned, message):
    with pytest.raises(BadResult, match=message):
        agreement(methods={"x": lambda m, c: returned, "random": "random"})


def test_languages_come_in_any_order():
    turned = table().isel(language=[1, 0]).transpose("head", "language", "layer")
    found = agreement(methods={"x": lambda m, c: turned, "random": "random"})
    np.testing.assert_array_equal(found.value.sel(score="x"), VALUES)


def test_lowest_first_is_refused_where_heads_are_ranked():
    with pytest.raises(BadArgument, match="give minus x"):
        wb.heads.top(table(best="lowest"))


def test_a_table_a_language_or_a_table_a_text():
    plain = mine(model("llama"), corpus(TEXTS))
    assert plain.mine.attrs == {"long_name": "mine", "role": "score"} and set(plain.data_vars) == {"mine"}
    rng = np.random.default_rng(1)
    texts = [rng.random((count, 3, 4)) for count in (3, 2)]
    found = wb.heads.score_result(model("llama"), corpus(TEXTS), texts, name="mine", unit="nats")
    for language, values in zip(TEXTS, texts, strict=True):
        np.testing.assert_allclose(found.mine.sel(language=language), values.mean(0))
    assert found.mine.attrs["units"] == "nats" and np.isnan(found.sample_mine[1, 2]).all()
    assert (found.low < found.high).all() and found.mine.attrs["ancillary_variables"] == "low high"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (VALUES[:1], "1 tables; give one .*de, en"),
        (VALUES[:, :2], r"'de' have the shape \[2, 4\]; give \[layer, head\] = \[3, 4\]"),
        ([np.ones((3, 3, 4)), np.ones((3, 4))], r"'en' have the shape \[3, 4\]"),
        ([np.ones((3, 3, 4)), np.ones((3, 3, 4))], r"'en' have the shape \[3, 3, 4\].*\[2, 3, 4\]"),
        (NAN, "NaN or infinity"),
        ([[["a"]], [["b"]]], "no table of numbers"),
        ([[[1, 2], [3]], [[1]]], "no table of numbers"),
    ],
)
def test_tables_that_do_not_fit_are_refused(values, message):
    with pytest.raises(BadArgument, match=message):
        wb.heads.score_result(model("llama"), corpus(TEXTS), values, name="mine")


def test_a_normed_score_is_normed_in_every_draw():
    """Agreement and roles norm what they draw: a layer that is twice as loud has the same roles."""
    score = built_in(progress=False, batch_size=2, seed=0, truncate=False)["michel"](model("llama"), corpus(TEXTS))
    assert np.allclose((score.score**2).sum("head"), 1)
    louder = score.assign(sample_score=score.sample_score * xr.DataArray([1.0, 2.0, 1.0], dims="layer"))
    first, again = wb.heads.roles(score, quantile=0.7), wb.heads.roles(louder, quantile=0.7)
    np.testing.assert_allclose(first.member_share, again.member_share)
