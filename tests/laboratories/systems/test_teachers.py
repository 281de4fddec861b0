"""Teachers: a tiny model whose weak language is known, its controls, and what the Result says of the selection."""

import numpy as np
import pytest
import xarray as xr

import workbench as wb
from tests.laboratories.teaching import WORDS, able, answers, public, words_materials
from workbench.errors import BadArgument, UnknownLanguage
from workbench.laboratories.parts.options.items import option_items
from workbench.laboratories.parts.options.lesson import Lesson, probabilities
from workbench.laboratories.systems.teachers import described
from workbench.laboratories.training.planting import planted
from workbench.results.make import provenance
from workbench.text.tasks.words import words_task

LAB = wb.laboratories


@pytest.fixture(scope="module")
def small():
    return public()["laboratories.teachers"]


TASK = words_task(WORDS)


def table(*, weak, seed=0):
    """Probabilities of three languages that are sure of the right option, but for the weak ones, which guess."""
    gold = np.array([next(iter(places)) for places in TASK.gold])
    values = np.eye(4)[gold][None].repeat(3, 0) * 0.8 + 0.05
    guesses = np.random.default_rng(seed).dirichlet(np.ones(4), (3, len(TASK)))
    for row, code in enumerate(TASK.languages):
        values[row] = guesses[row] if code in weak else values[row]
    return answers(values, list(TASK.languages))


def lesson(**how):
    made = table(**how)
    return Lesson(TASK, option_items(words_materials(), TASK), made, LAB.select_teachers(made))


def test_selection_leaves_out_exactly_the_weak_language():
    own = lesson(weak=["fr"])
    assert (own.teachers, own.students) == (["de", "en"], ["fr"])


def test_a_base_that_knows_two_languages_selects_them():
    made = able()
    task = option_items(made, TASK)
    selected = LAB.select_teachers(probabilities(made, task, progress=False))
    assert selected.attrs["teachers"] == "de, fr"  # what it learned; English it was never asked for


def test_probabilities_sum_to_one():
    made = probabilities(able(), option_items(able(), TASK), progress=False)
    assert made.sizes == {"language": 3, "item": len(TASK), "option": 4}
    assert np.allclose(made.sum("option"), 1)


def weights(data):
    """Item, by its options, to the weights that its examples have."""
    rng, seen = np.random.default_rng(0), {}
    stream = iter(data(words_materials(), rng))
    for _ in range(300):
        group = [next(stream) for _ in range(4)]
        options = tuple(each.text[slice(*each.answer)] for each in group)
        seen[TASK.options[group[0].language].index(options)] = [each.weight for each in group]
    return seen


def test_the_target_is_the_mean_of_the_teachers():
    own = lesson(weak=["fr"])
    expected = table(weak=["fr"]).sel(language=["de", "en"]).mean("language").values
    seen = weights(own.data())
    assert len(seen) > 20
    assert all(np.allclose(values, expected[place]) for place, values in seen.items())


def test_shuffled_items_have_the_target_of_others():
    own = lesson(weak=["fr"])
    recipe = LAB.Recipe("r", own.data(), LAB.match_options(), LAB.everything())
    before, after = weights(recipe.data), weights(own.shuffled(recipe, words_materials()).data)
    same = [np.allclose(before[place], after[place]) for place in before.keys() & after.keys()]
    assert np.mean(same) < 0.6  # by chance a quarter: the same place of the right option
    gold = sorted(int(np.argmax(values)) for values in own.table[:2].mean(0))
    assert sorted(gold) == sorted(next(iter(places)) for places in TASK.gold)


def test_the_vote_is_a_label():
    recipe = LAB.Recipe("r", lesson(weak=["fr"]).data(), LAB.match_options(), LAB.everything())
    seen = weights(lesson(weak=["fr"]).vote(recipe, words_materials()).data)
    assert all(values[next(iter(TASK.gold[place]))] == 1 and sum(values) == 1 for place, values in seen.items())


def test_random_teachers_differ_by_seed():
    own = lesson(weak=["fr"])
    recipe = LAB.Recipe("r", own.data(), LAB.match_options(), LAB.everything())
    data = own.random_teachers(recipe, words_materials()).data
    students = {next(iter(data(words_materials(), np.random.default_rng(seed)))).language for seed in range(20)}
    assert students == {"de", "en", "fr"}


def test_no_teacher_is_refused():
    with pytest.raises(BadArgument, match="none is a teacher"):
        lesson(weak=[])


def test_planting_trains_the_strong_languages_alone():
    made, info = planted(able().base, ["fr"], steps=3, words=WORDS, tokenizer=able().tokenizer)
    assert (info["planting"], info["planted_weak"]) == (3, ["fr"])
    assert made.base is not able().base
    same = planted(able().base, ["fr"], steps=0, words=WORDS, tokenizer=able().tokenizer)[0].base
    for name, tensor in able().base.state_dict().items():
        assert (same.state_dict()[name] == tensor).all()
    assert any((made.base.state_dict()[name] != tensor).any() for name, tensor in able().base.state_dict().items())


def test_planting_needs_two_strong_languages(small):
    with pytest.raises(BadArgument, match="two to translate"):
        planted(able().base, ["fr", "en"], steps=1, words=WORDS, tokenizer=able().tokenizer)
    with pytest.raises(UnknownLanguage, match="tr"):
        LAB.teachers(**{**small, "weak": ("tr",)})


@pytest.mark.parametrize("variant", ["paper", "released"])
def test_a_quick_run_of_a_tiny_model_gives_the_whole_result(small, variant):
    result = LAB.teachers(**{**small, "controls": ("shuffled", "released"), "variant": variant})
    names = ["choice, taught", "exact match, taught", "choice, teachers", "exact match, teachers"]
    assert result.measure.values.tolist() == names
    assert result.control.values.tolist() == ["shuffled", "released"]
    assert np.isfinite(result.loss.isel(condition=slice(1, None))).all()
    assert result.attrs["selection"] == -1  # nothing was planted
    assert result.attrs["taught"] == ", ".join(sorted(c for c in WORDS.columns if not result.teacher.sel(language=c)))
    assert result.attrs["finding"].startswith("Taught: ")
    assert provenance(result)["parameters"]["variant"] == variant
    assert provenance(result)["model"]["planting"] == 0


@pytest.mark.parametrize(("weak", "exact"), [(["fr"], 1), (["de"], 0), ([], -1)])
def test_the_result_says_whether_the_selection_is_exact(weak, exact):
    selection = LAB.select_teachers(table(weak=["fr"]))
    plain = xr.Dataset(coords={"language": ["fr", "de", "en"]}, attrs={"finding": "It helps."})
    result = described(plain, selection, weak)
    assert result.attrs["selection"] == exact
    assert result.teacher.sel(language="fr").item() == 0
    assert result.attrs["finding"].endswith("It helps.")


@pytest.mark.parametrize("change", [{"controls": ("text",)}, {"planting": -1}, {"items": 0}, {"unlabelled": 0}])
def test_wrong_options(small, change):
    with pytest.raises(BadArgument):
        LAB.teachers(**{**small, **change})
