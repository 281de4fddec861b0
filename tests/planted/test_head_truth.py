"""What was planted in heads is there, every method that claims to find it does, and the designed failure fails."""

import numpy as np
import pytest
import torch

import workbench as wb
from tests.planted import loops
from tests.planted.cases import made
from workbench import planted
from workbench.errors import BadArgument, TooFewLanguages, UnknownLanguage
from workbench.model.forward.record import record
from workbench.model.forward.rerun import rescale
from workbench.model.metrics import nll

QUIET = {"progress": False}
SMALL = {"languages": "de,en,fr", "layers": 2, "heads": 5, "texts": 8, "concepts": 4}
METHODS = {
    "paper": lambda one: wb.heads.importance(one.model, one.corpus, **QUIET),
    "released": lambda one: wb.heads.importance(one.model, one.corpus, variant="released", **QUIET),
    "zero": lambda one: wb.heads.ablate(one.model, one.corpus, how="zero", **QUIET),
    "mean": lambda one: wb.heads.ablate(one.model, one.corpus, how="mean", **QUIET),
    "resample": lambda one: wb.heads.ablate(one.model, one.corpus, how="resample", **QUIET),
}


def cells(mask):
    return {tuple(map(int, cell)) for cell in np.argwhere(np.asarray(mask))}


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("method", METHODS)
def test_every_method_finds_the_truth_exactly(method, seed):
    one = made("heads", seed=seed, **SMALL)
    scored = planted.score(METHODS[method](one), one.truth)
    for name in ("precision", "recall", "average_precision"):
        np.testing.assert_array_equal(scored[name], 1)


@pytest.mark.parametrize("method", ["paper", "released", "zero"])
def test_other_heads_do_exactly_nothing(method):
    one = made("heads", **SMALL)
    found = METHODS[method](one)
    values, member = found[next(name for name in ("importance", "delta") if name in found)].values, one.truth.member
    np.testing.assert_array_equal(values[~member.values], 0.0)
    assert values[member.values].min() > (0.1 if method == "zero" else 0.01)


def test_mean_and_resample_disturb_languages_that_a_head_does_not_serve():
    one = made("heads", **SMALL)
    specific = one.truth.role.values == "specific"
    foreign = ~one.truth.member.values & specific
    for how in ("mean", "resample"):
        assert np.abs(METHODS[how](one).delta.values[foreign]).min() > 1e-5, "far from rounding; zero is exactly 0"


def test_roles_are_those_that_were_planted():
    one = made("heads", languages="de,en,fr,it", layers=3, heads=8, texts=8)
    found = METHODS["paper"](one)
    roles = wb.heads.roles(found, quantile=0.75, shared_by=4)  # each language has at most 3 of 24 heads
    np.testing.assert_array_equal(roles.member.values, one.truth.member.values)
    np.testing.assert_array_equal(roles.role.values, one.truth.role.values)
    assert planted.score(roles, one.truth).attrs["macro_precision"] == 1


def test_places_can_be_chosen_and_languages_can_do_without():
    serves = {(0, 1): ["de"], (1, 0): ["de", "en"]}
    one = planted.heads("de,en,fr", layers=2, heads=3, serves=serves, texts=6)
    assert cells(one.truth.member.sel(language="de")) == {(0, 1), (1, 0)}
    assert cells(one.truth.member.sel(language="en")) == {(1, 0)}
    assert not one.truth.member.sel(language="fr").any()
    delta = METHODS["zero"](one).delta
    assert cells(delta.sel(language="de") > 0) == {(0, 1), (1, 0)}
    np.testing.assert_array_equal(delta.sel(language="fr"), 0.0)


def losses(one, off):
    """Mean loss of each language with these heads at zero, in one pass: [language]."""
    scales = torch.ones(1, one.model.n_layers, one.model.n_heads)
    for layer, head in off:
        scales[0, layer, head] = 0
    found = []
    for texts in one.corpus.texts.values():
        batch = one.model.batch(list(texts))
        with torch.no_grad():
            states = rescale(record(one.model, batch, heads=True), heads=scales)
            found.append(float(nll.read(one.model, states, batch).mean()))
    return np.array(found)


def twins(one):
    number = one.truth.service.values
    return [sorted(cells(number == i)) for i in range(one.truth.attrs["services"])]


REDUNDANT = {**SMALL, "layers": 3, "redundant": True}


@pytest.mark.parametrize("method", ["paper", "released", "zero", "mean"])
def test_one_head_at_a_time_misses_redundant_heads(method):
    one = made("heads", **REDUNDANT)
    scored = planted.score(METHODS[method](one), one.truth)
    assert float(scored.average_precision.max()) < 0.7
    if method in ("paper", "released"):
        np.testing.assert_allclose(scored.average_precision, scored.chance)  # the score is zero everywhere
    if method == "zero":
        delta = METHODS[method](one).delta.values
        assert delta[one.truth.member.values].max() < 0, "alone, every one of them seems to do harm"


def test_a_slope_without_its_sign_notices_them():
    one = made("heads", **REDUNDANT)
    gradient = METHODS["paper"](one).gradient
    assert gradient.values[one.truth.member.values].min() > 0
    scored = planted.score(abs(gradient).to_dataset(name="importance"), one.truth)
    np.testing.assert_array_equal(scored.average_precision, 1)


def test_without_both_twins_the_loss_rises():
    one = made("heads", **REDUNDANT)
    whole = losses(one, [])
    for pair in twins(one):
        assert len(pair) == 2
        serves = one.truth.member.values[:, *pair[0]]
        rise = losses(one, pair) - whole
        assert rise[serves].min() > 0.1
        np.testing.assert_array_equal(rise[~serves], 0.0)


def test_shapley_values_find_redundant_heads():
    one = made("heads", **REDUNDANT)
    pairs = twins(one)
    dummy = min(cells(one.truth.service.values == -1))
    players = [*pairs[0], *pairs[1], dummy]
    served = [one.truth.member.values[:, *cell] for cell in players]
    known = {}

    def value(on):
        if on not in known:
            known[on] = -losses(one, [cell for cell in players if cell not in on])
        return known[on]

    found = loops.shapley(value, players)
    for cell, serves in zip(players, served, strict=True):
        assert serves.any() == (cell != dummy)
        assert (found[cell][serves] > 0.05).all()
        np.testing.assert_allclose(found[cell][~serves], 0.0, atol=1e-6)
    for pair in pairs[:2]:
        np.testing.assert_allclose(found[pair[0]], found[pair[1]], atol=2e-2)  # twins share; depth changes a norm


def test_knockout_of_the_truth_hurts_its_languages():
    one = made("heads", languages="de,en,fr", layers=3, heads=6, texts=6)
    groups = {
        code: sorted(cells((one.truth.role.values == "specific") & one.truth.member.sel(language=code).values))
        for code in one.corpus.languages
    }
    found = wb.heads.knockout(one.model, one.corpus, groups, controls=3, **QUIET)
    diagonal = np.eye(3, dtype=bool)
    assert found.delta.values[diagonal].min() > 0.1
    np.testing.assert_allclose(found.delta.values[~diagonal], 0.0, atol=1e-6)


def test_large_weights_prove_nothing():
    one = made("heads", **SMALL)
    weights = torch.stack([block.attn.o.weight.detach() for block in one.model.bridge.blocks])
    norms = weights.unflatten(2, (one.model.n_heads, -1)).square().sum((1, 3)).sqrt().numpy()
    member = one.truth.member.any("language").values
    assert norms[~member].min() > norms[member].max()


def test_the_same_seed_gives_the_same_model_and_another_one_does_not():
    one, same, other = (planted.heads(seed=seed, **SMALL) for seed in (0, 0, 1))
    assert one.model.digest == same.model.digest != other.model.digest
    assert one.corpus.texts == same.corpus.texts != other.corpus.texts
    assert one.truth.member.equals(same.truth.member)


def test_noise_is_on_every_weight_and_small_noise_hides_nothing():
    one = planted.heads(noise=0.02, **SMALL)
    for name, weight in one.model.module.named_parameters():
        if "mlp" not in name:  # there is none
            assert float((weight == 0).float().mean()) < 0.01, name
    scored = planted.score(METHODS["paper"](one), one.truth)
    assert float(scored.average_precision.min()) == 1
    assert not (METHODS["zero"](one).delta.values == 0).any(), "nothing is exactly zero any more"


def test_aligned_texts_say_the_same():
    one = made("heads", **SMALL)
    assert one.corpus.aligned
    for row in zip(*one.corpus.texts.values(), strict=True):
        concepts = {one.words.index[(one.words == text.split()[0]).any(axis=1)][0] for text in row}
        assert len(concepts) == 1


def test_refusals():
    with pytest.raises(TooFewLanguages, match="at least two"):
        planted.heads("de")
    with pytest.raises(UnknownLanguage):
        planted.heads("de,notalanguage")
    with pytest.raises(UnknownLanguage, match="planted are de, en"):
        planted.heads("de,en", serves={(0, 0): ["fr"]})
    with pytest.raises(BadArgument, match="has one twice"):
        planted.heads("de,de")
    with pytest.raises(BadArgument, match="3 layers of 6 heads"):
        planted.heads("de,en", serves={(9, 0): ["de"]})
    with pytest.raises(BadArgument, match="6 heads are to be placed and 4 are free"):
        planted.heads("de,en", layers=2, heads=2, redundant=True)
    with pytest.raises(BadArgument, match="plants nothing"):
        planted.heads("de,en", serves={})
    for options in ({"noise": -1}, {"noise": float("nan")}, {"texts": 0}, {"layers": 0}, {"concepts": 1}):
        with pytest.raises(BadArgument):
            planted.heads("de,en", **options)


def test_the_languages_that_a_head_serves_in_any_spelling():
    plain, spelled = (
        planted.heads("de,en", layers=2, heads=2, texts=4, concepts=4, serves={(0, 1): [code]})
        for code in ("de", "deu_Latn")
    )
    assert spelled.truth.member.equals(plain.truth.member) and plain.truth.member.sel(language="de")[0, 1]
