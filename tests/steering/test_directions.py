"""Directions of languages, against plain NumPy on states read text by text."""

import numpy as np
import pytest
import torch

import workbench as wb
from tests.steering.test_subspace import CORPUS, QUIET, TEXTS, states
from workbench.errors import BadArgument, BadCorpus, BadResult, TooFewLanguages
from workbench.text.corpus import Corpus


@pytest.fixture(scope="module")
def model(wrapped):
    return wrapped("llama")


@pytest.fixture(scope="module")
def rows(model):
    return np.stack([states(model, CORPUS, language) for language in TEXTS])  # [language, row, layer, d]


def others(values, language, pivot):
    """What a language is compared with."""
    return values[pivot] if pivot is not None else np.delete(values, language, 0).mean(0)


@pytest.mark.parametrize("pivot", [None, 1])
def test_difference_and_pca(model, rows, pivot):
    options = {"pivot": None if pivot is None else "en", **QUIET}
    means = wb.steering.directions(model, CORPUS, **options)
    first = wb.steering.directions(model, CORPUS, kind="pca", **options)
    for language in range(4):
        paired = rows[language] - others(rows, language, pivot)
        np.testing.assert_allclose(means.direction[language], paired.mean(0), atol=1e-6)
        for layer in range(model.n_layers):
            values, vectors = np.linalg.eigh(paired[:, layer].T @ paired[:, layer])
            top = vectors[:, values.argmax()]
            wanted = top * (top @ paired[:, layer].mean(0))
            np.testing.assert_allclose(first.direction[language, layer], wanted, atol=1e-5)
    np.testing.assert_allclose(means.length, np.linalg.norm(means.direction, axis=2))
    if pivot is not None:
        assert not means.direction.sel(language="en").any() and not first.direction.sel(language="en").any()


def test_subspace_is_the_shift(model):
    for pivot in (None, "fr"):
        space = wb.steering.subspace(model, CORPUS, rank=2, pivot=pivot, **QUIET)
        found = wb.steering.directions(model, CORPUS, kind="subspace", rank=2, pivot=pivot, **QUIET)
        np.testing.assert_allclose(found.direction, space["shift"], atol=1e-9)


def test_sparse_takes_the_coordinates_that_differ_most_beside_their_spread(model, rows):
    found = wb.steering.directions(model, CORPUS, kind="sparse", coordinates=3, **QUIET)
    means, variances = rows.mean(1), rows.var(1)
    for language in range(4):
        moved = means[language] - others(means, language, None)
        spread = np.sqrt((variances[language] + others(variances, language, None)) / 2)
        for layer in range(model.n_layers):
            top = np.argsort(-np.abs(moved[layer]) / spread[layer])[:3]
            wanted = np.zeros(model.d_model)
            wanted[top] = moved[layer, top]
            np.testing.assert_allclose(found.direction[language, layer], wanted, atol=1e-6)
    one = wb.steering.directions(model, CORPUS, kind="sparse", **QUIET)
    assert ((one.direction != 0).sum("d") == 1).all(), "a hundredth of 32, at least one"


def test_one_layer_alone(model):
    every = wb.steering.directions(model, CORPUS, **QUIET)
    some = wb.steering.directions(model, CORPUS, layer=[0, 2], **QUIET)
    np.testing.assert_array_equal(some.direction.sel(layer=[0, 2]), every.direction.sel(layer=[0, 2]))
    assert not some.direction.sel(layer=1).any()


def test_memory_of_batches_changes_nothing(model):
    options = {"kind": "pca", "positions": "all", **QUIET}
    small, large = (wb.steering.directions(model, CORPUS, batch_size=size, **options) for size in (1, 32))
    np.testing.assert_allclose(small.direction, large.direction, atol=1e-5)


def test_a_planted_direction_is_what_the_model_wrote():
    planted = wb.planted.concepts("de,en,fr")
    found = wb.steering.directions(planted.model, planted.corpus, pivot="en", **QUIET)
    head = planted.model.module.lm_head.weight
    ids = planted.model.tokenizer.convert_tokens_to_ids
    changes = {}
    for code in ("de", "fr"):
        words = [ids(word) for word in planted.words[code]]
        changes[code] = (head[words].detach().numpy() @ found.direction.sel(language="fr").values[-1]).mean()
    assert changes["fr"] > 1 > changes["de"] + 0.5
    assert not found.direction.sel(language="fr", layer=2).any(), "before the language is written"


def test_an_unembedding_difference_moves_the_logits_as_computed_by_hand(wrapped):
    model = wrapped("llama")
    weight = model.module.lm_head.weight.detach().double()
    vectors = np.zeros((3, model.d_model))
    vectors[2] = (weight[70] - weight[71]).numpy()
    direction = wb.results.make_result(
        {"direction": (("layer", "d"), vectors, "what is added")}, {}, method="test", parameters={}
    )
    batch = model.batch("Ein Hund")
    with wb.model.edited(model, directions=wb.steering.scaled(direction, strength=3.0, unit="direction")):
        logits = model.logits(batch)[0, -1]
    state = wb.model.capture(model, "Ein Hund", "residual_post").residual_post.values[0, 2, -1].astype(np.float64)
    moved = state + 3 * vectors[2]
    norm = model.module.model.norm
    normed = moved / np.sqrt((moved**2).mean() + norm.variance_epsilon) * norm.weight.detach().double().numpy()
    torch.testing.assert_close(logits.double(), torch.as_tensor(normed) @ weight.T, atol=1e-4, rtol=1e-4)
    assert logits[70] - logits[71] > 1


def test_scaled_in_both_units(model):
    found = wb.steering.directions(model, CORPUS, **QUIET).assign_attrs(strength=2.0)
    german = wb.steering.scaled(found.sel(language="de"), strength=-0.5, layers=[1])
    lengths = np.linalg.norm(german.direction, axis=1)
    np.testing.assert_allclose(lengths, [0, 0.5 * found.residual_norm[1], 0])
    np.testing.assert_allclose(
        german.direction[1] / lengths[1], -found.direction.sel(language="de", layer=1) / found.length[0, 1], atol=1e-12
    )
    raw = wb.steering.scaled(found, strength=1.5, unit="direction")
    np.testing.assert_allclose(raw.direction, 3 * found.direction)
    assert "strength" not in raw.attrs and raw.attrs["added_strength"] == 1.5
    with pytest.raises(BadResult, match="no residual_norm"):
        wb.steering.scaled(found[["direction"]], strength=1)
    with pytest.raises(BadResult, match="no direction"):
        wb.steering.scaled(found[["length"]], strength=1)
    random = wb.steering.random(found, seed=2)
    np.testing.assert_allclose(np.linalg.norm(random.direction, axis=2), found.length)
    assert np.abs(np.einsum("kld,kld->kl", random.direction, found.direction)).max() > 0


def test_a_random_direction_is_the_direction_turned_as_a_whole(model):
    found = wb.steering.directions(model, CORPUS, **QUIET)
    random = wb.steering.random(found, seed=2)
    for code in found["language"].values:
        own, turned = (result.direction.sel(language=code).to_numpy() for result in (found, random))
        np.testing.assert_allclose(turned @ turned.T, own @ own.T, atol=1e-8, err_msg="lengths and angles")
        assert not np.allclose(turned, own)
        alone = wb.steering.random(found.sel(language=code), seed=2)
        np.testing.assert_array_equal(alone.direction, turned, err_msg="other languages change nothing")
    nothing = wb.steering.random(found.assign(direction=0 * found.direction))
    assert not nothing.direction.any()
    for broken, message in (
        (found.assign(direction=found.direction.where(found.direction.layer > 0)), "NaN or infinite"),
        (found.isel(layer=1), "with a layer axis"),
    ):
        with pytest.raises(BadResult, match=message):
            wb.steering.random(broken)


def test_what_does_not_fit_is_refused(model):
    with pytest.raises(TooFewLanguages):
        wb.steering.directions(model, CORPUS.select("de"), **QUIET)
    with pytest.raises(BadCorpus, match="pca compares row by row"):
        wb.steering.directions(model, Corpus(TEXTS, aligned=False, source="test"), kind="pca", **QUIET)
    for options, message in (
        ({"layer": 9}, "layers=9; the layers are 0 to 2"),
        ({"layer": []}, r"layers=\[\]"),
        ({"rank": 9, "kind": "subspace"}, "rank=9"),
        ({"coordinates": 99, "kind": "sparse"}, "coordinates=99"),
        ({"kind": "mean"}, "kind='mean'"),
    ):
        with pytest.raises(BadArgument, match=message):
            wb.steering.directions(model, CORPUS, **options, **QUIET)
