"""Subspaces of languages, against their definition in plain NumPy, values by hand and planted models."""

from contextlib import nullcontext

import numpy as np
import pytest
import torch

import workbench as wb
from workbench.errors import BadArgument, BadResult, TooFewLanguages, UnknownLanguage, WorkbenchWarning
from workbench.steering.vectors.decompose import decompose
from workbench.text.corpus import Corpus

TEXTS = {
    "de": ("Der Hund", "Es regnet heute", "Na ja"),
    "en": ("The dog", "It rains", "No, no"),
    "fr": ("Le chien", "Il pleut", "Non"),
    "it": ("Il cane", "Piove", "Ma no"),
}
CORPUS = Corpus(TEXTS, aligned=True, source="test")
QUIET = {"progress": False}


def states(model, corpus, language, positions="last"):
    """The state of every text after each layer, [row, layer, d], text by text."""
    rows = []
    for text in corpus.texts[language]:
        captured = wb.model.capture(model, text, "residual_post").residual_post.values[0]
        rows.append(captured[:, -1] if positions == "last" else captured[:, len(model.front) :].mean(1))
    return np.stack(rows).astype(np.float64)


def loss(means, agnostic, basis):
    """|M - a 1' - W G'|^2 at its best G; all by rows, [language, d]."""
    left = means - agnostic
    return ((left - left @ basis.T @ basis) ** 2).sum()


def test_values_by_hand():
    split = decompose(np.array([[1.0, 2, 0], [3, 2, 0]]), 1)
    np.testing.assert_allclose(split.agnostic, [0, 2, 0], atol=1e-15)
    np.testing.assert_allclose(split.basis, [[1, 0, 0]], atol=1e-15)
    state = np.array([5.0, 1, 7])
    np.testing.assert_allclose(state - split.basis.T @ (split.basis @ state), [0, 1, 7], atol=1e-15)
    assert split.explained == 1


@pytest.mark.parametrize("rank", [1, 2, 4])
def test_the_split_is_the_published_one_and_a_minimum(rank):
    generator = np.random.default_rng(rank)
    means = generator.normal(size=(5, 9)) + 3
    split = decompose(means, rank)
    projection = split.basis.T @ split.basis
    np.testing.assert_allclose(projection @ projection, projection, atol=1e-14)
    np.testing.assert_allclose(projection @ split.agnostic, 0, atol=1e-14)
    np.testing.assert_allclose(split.agnostic, means.mean(0) - projection @ means.mean(0), atol=1e-14)
    u, s, v = np.linalg.svd((means - means.mean(0)).T, full_matrices=False)
    low = means.mean(0)[:, None] + u[:, :rank] * s[:rank] @ v[:rank]
    published = np.linalg.pinv(low).T @ np.ones(5)
    np.testing.assert_allclose(split.agnostic, published / (published @ published), atol=1e-12)
    assert split.explained == pytest.approx((s[:rank] ** 2).sum() / (s**2).sum())
    if rank == 4:
        np.testing.assert_allclose(means @ split.agnostic, split.agnostic @ split.agnostic, atol=1e-12)
    least = loss(means, split.agnostic, split.basis)
    for seed in range(20):
        near = np.linalg.qr((split.basis + 0.1 * np.random.default_rng(seed).normal(size=split.basis.shape)).T)[0].T
        shared = split.agnostic + 0.1 * np.random.default_rng(seed + 99).normal(size=9)
        assert loss(means, shared - near.T @ (near @ shared), near) >= least - 1e-12


def test_means_that_do_not_differ_have_no_subspace():
    same = np.ones((3, 4)) * 7
    split = decompose(same + 1e-6 * np.eye(3, 4), 2)
    assert not split.basis.any() and np.isnan(split.explained)
    np.testing.assert_allclose(split.agnostic, 7, atol=1e-5)


@pytest.mark.parametrize("positions", ["last", "all"])
def test_a_model_against_the_definition(wrapped, positions):
    model = wrapped("llama")
    result = wb.steering.subspace(model, CORPUS, rank=2, pivot="en", positions=positions, batch_size=3, **QUIET)
    means = np.stack([states(model, CORPUS, language, positions).mean(0) for language in TEXTS])
    np.testing.assert_allclose(result["mean"], means, atol=1e-6)
    for layer in range(model.n_layers):
        u = np.linalg.svd((means[:, layer] - means[:, layer].mean(0)).T)[0][:, :2]
        projection = u @ u.T
        basis = result.basis.values[layer]
        np.testing.assert_allclose(basis.T @ basis, projection, atol=1e-5)
        center = means[:, layer].mean(0)
        np.testing.assert_allclose(result.agnostic[layer], center - projection @ center, atol=1e-5)
        shift = (means[:, layer] - means[1, layer]) @ projection
        np.testing.assert_allclose(result["shift"][:, layer], shift, atol=1e-5)
    ends = np.concatenate([states(model, CORPUS, language) for language in TEXTS])
    np.testing.assert_allclose(result.residual_norm, np.linalg.norm(ends, axis=2).mean(0), rtol=1e-5)


def test_two_languages_differ_in_their_difference(wrapped):
    model = wrapped("llama")
    pair = CORPUS.select("de,fr")
    result = wb.steering.subspace(model, pair, **QUIET)
    difference = result["mean"][0] - result["mean"][1]
    np.testing.assert_allclose(result["shift"].sel(language="de"), difference, atol=1e-6)
    np.testing.assert_allclose(result["shift"].sel(language="fr"), -difference, atol=1e-6)
    cosine = (result.basis[:, 0] * difference).sum("d") / np.linalg.norm(difference, axis=1)
    np.testing.assert_allclose(np.abs(cosine), 1, atol=1e-6)
    assert wb.merging.subspace is wb.steering.subspace and wb.merging.project is wb.steering.project


def test_permuted_labels_keep_the_states_of_each_row(wrapped):
    model = wrapped("llama")
    real = wb.steering.subspace(model, CORPUS, **QUIET)
    mixed = wb.steering.subspace(model, CORPUS, permuted=True, seed=3, **QUIET)
    np.testing.assert_allclose(mixed["mean"].mean("language"), real["mean"].mean("language"), atol=1e-6)
    assert np.abs(mixed["mean"] - real["mean"]).max() > 1e-2
    again = wb.steering.subspace(model, CORPUS, permuted=True, seed=3, batch_size=1, **QUIET)
    np.testing.assert_allclose(mixed["mean"], again["mean"], atol=1e-6)


def test_a_random_subspace_has_the_rank_of_the_real_one():
    planted = wb.planted.concepts("de,en,fr")
    real = wb.steering.subspace(planted.model, planted.corpus, **QUIET)
    random = wb.steering.random(real, seed=1)
    lengths = np.linalg.norm(real.basis, axis=2) > 0
    assert lengths.sum(1).tolist() == [0, 0, 0, 2, 2, 2]
    products = np.einsum("lcd,led->lce", random.basis, random.basis)
    np.testing.assert_allclose(products, lengths[:, None] * np.eye(2) * 1.0, atol=1e-12)
    assert not np.allclose(random.basis, real.basis)
    with pytest.raises(BadResult, match="no direction and no basis"):
        wb.steering.random(real[["explained"]])


def nearest_mean(train, labels, test, truth):
    """Accuracy of the nearest class mean."""
    centers = np.stack([train[labels == label].mean(0) for label in np.unique(labels)])
    return (((test[:, None] - centers) ** 2).sum(2).argmin(1) == truth).mean()


def probes(planted, inside):
    """Accuracy of a probe of language on other concepts, and of one of concept on other languages."""
    with inside:
        last = np.stack([states(planted.model, planted.corpus, code)[:, -1] for code in planted.corpus.languages])
    last = last + np.random.default_rng(0).normal(size=last.shape) * 1e-2  # rounding says nothing of a language
    language, concept = np.indices(last.shape[:2])
    half = np.arange(last.shape[1]) % 2 == 0
    parts = [(values[:, rows].reshape(-1, *values.shape[2:])) for rows in (half, ~half) for values in (last, language)]
    rows = [(values[codes].reshape(-1, *values.shape[2:])) for codes in ([0, 1], [2, 3]) for values in (last, concept)]
    return nearest_mean(*parts), nearest_mean(*rows)


def test_removal_leaves_a_planted_concept_and_no_language():
    planted = wb.planted.concepts("de,en,fr,it", concepts=24, seed=1)
    model = planted.model
    space = wb.steering.subspace(model, planted.corpus.split("train"), **QUIET)
    assert probes(planted, nullcontext()) == (1.0, 1.0)
    language, concept = probes(planted, wb.steering.project(model, space))
    assert concept == 1.0 and language < 0.45, "chance is 1/4; 48 texts"
    assert probes(planted, wb.steering.project(model, wb.steering.random(space))) == (1.0, 1.0)
    assert probes(planted, wb.steering.project(model, space, scale=0)) == (1.0, 1.0)


@pytest.mark.parametrize("kind", ["llama", "gpt2", "gemma3"])
def test_projection_in_passes_against_a_plain_hook(wrapped, kind):
    model = wrapped(kind)
    space = wb.steering.subspace(model, CORPUS, **QUIET)
    basis = torch.as_tensor(space.basis.values[1], dtype=torch.float32)
    batch = model.batch(["Ein Hund", "Na"], side="left")

    def plain(module, args, output):
        states = output[0] if isinstance(output, tuple) else output
        changed = states - 0.7 * states @ basis.T @ basis
        return (changed, *output[1:]) if isinstance(output, tuple) else changed

    real = batch.mask.bool()
    handle = model.bridge.blocks[1].register_forward_hook(plain)
    wanted = model.logits(batch)[real]
    written = wb.generate(model, ["Ein Hund", "Na"], tokens=5, progress=False).text.tolist()
    handle.remove()
    with wb.steering.project(model, space, 1, scale=0.7):
        torch.testing.assert_close(model.logits(batch)[real], wanted, atol=1e-5, rtol=1e-5)
        assert wb.generate(model, ["Ein Hund", "Na"], tokens=5, progress=False).text.tolist() == written
    assert (model.logits(batch)[real] - wanted).abs().max() > 1e-3
    clean = model.logits(batch)
    with wb.steering.project(model, space, scale=0):
        assert torch.equal(model.logits(batch), clean)


def test_what_does_not_fit_is_refused(wrapped):
    model = wrapped("llama")
    space = wb.steering.subspace(model, CORPUS, **QUIET)
    with pytest.raises(TooFewLanguages, match="need two or more"):
        wb.steering.subspace(model, CORPUS.select("de"), **QUIET)
    with pytest.raises(BadArgument, match="rank=4; give a whole number from 1 to 3"):
        wb.steering.subspace(model, CORPUS, rank=4, **QUIET)
    with pytest.raises(UnknownLanguage, match="'ja' is not in this corpus"):
        wb.steering.subspace(model, CORPUS, pivot="ja", **QUIET)
    with pytest.warns(WorkbenchWarning, match="not aligned"):
        wb.steering.subspace(model, Corpus(TEXTS, aligned=False, source="test"), **QUIET)
    with pytest.raises(BadResult, match="belongs to another model"):
        wb.steering.project(wrapped("gpt2"), space)
    with pytest.raises(BadResult, match="belongs to another model"):
        wb.steering.project(model, space.isel(d=slice(4)))
    with pytest.raises(BadResult, match="NaN"):
        wb.steering.project(model, space * np.nan)
    with pytest.raises(BadResult, match="not orthonormal"):
        wb.steering.project(model, space.assign(basis=2 * space.basis))
    with pytest.raises(BadResult, match="no basis"):
        wb.steering.project(model, space[["explained"]])
    with pytest.raises(BadArgument, match=r"layers=\[7\]; the layers are 0 to 2"):
        wb.steering.project(model, space, [7])
    with pytest.raises(BadArgument, match="scale=inf"):
        wb.steering.project(model, space, scale=float("inf"))
    with (
        pytest.raises(BadArgument, match=r"projections have shape \[2, 2\]"),
        wb.model.edited(model, projections=torch.zeros(2, 2)),
    ):
        pass
    with (
        pytest.raises(BadArgument, match="not orthonormal"),
        wb.model.edited(model, projections=torch.ones(model.n_layers, 1, model.d_model)),
    ):
        pass
