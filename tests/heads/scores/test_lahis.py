"""LAHIS against plain loops, finite differences and its own identities."""

import numpy as np
import pytest
import torch

import workbench as wb
from tests.heads.cases import TEXTS, corpus, model, module, table, token_ids
from tests.models import byte_tokenizer, tiny
from tests.oracles import heads as oracle
from workbench.errors import BadArgument, Interrupted, NotFinite, UnsupportedSite
from workbench.heads.scores import lahis
from workbench.model.gradients import head_gradient
from workbench.model.load import load_model

KINDS = ("llama", "gpt2", "gemma2", "bloom", "cohere")
importance = wb.heads.importance


@pytest.mark.parametrize("kind", KINDS)
def test_the_paper_variant_is_the_loop_over_samples(kind):
    result = importance(model(kind), corpus(), per_sample=True, batch_size=2, progress=False)
    score, gradient, loss = oracle.lahis_paper(module(kind), token_ids())
    assert result.importance.dims == ("language", "layer", "head") and result.importance.shape == (3, 3, 4)
    assert list(result.language.to_numpy()) == list(TEXTS)
    np.testing.assert_allclose(result.importance, table(score), atol=1e-5)
    np.testing.assert_allclose(result.gradient, table(gradient), atol=1e-5)
    np.testing.assert_allclose(result.nll, [loss[language] for language in TEXTS], atol=1e-5)
    assert (result.importance.max(("layer", "head")) > 1e-3).all(), "a test on zeros would prove nothing"
    for k, texts in enumerate(token_ids().values()):
        for row, ids in enumerate(texts):
            expected, _ = oracle.gradient(module(kind), ids)
            np.testing.assert_allclose(result.sample_gradient[k, row], expected, atol=1e-5)
        assert np.isnan(result.sample_gradient[k, len(texts) :]).all()


@pytest.mark.parametrize("kind", KINDS)
def test_the_released_variant_is_the_loop_with_adamw(kind):
    result = importance(model(kind), corpus(), variant="released", progress=False)
    score, gradient, loss, mask = oracle.lahis_released(module(kind), token_ids())
    np.testing.assert_allclose(result.importance, table(score), rtol=1e-5, atol=1e-2)  # thousandths of a nat
    np.testing.assert_allclose(result.gradient, table(gradient), atol=1e-5)
    np.testing.assert_allclose(result.nll, [loss[language] for language in TEXTS], atol=1e-5)
    np.testing.assert_allclose(result["mask"], table(mask), atol=1e-5)
    assert (abs(result["mask"] - 1) > 1e-3).any(), "the mask must have moved"
    assert result.importance.attrs["units"] == "millinats"


@pytest.mark.parametrize("kind", ["llama", "gpt2", "gemma2"])
def test_gradient_is_the_finite_difference_of_the_loss(kind):
    wide = tiny(kind).double()
    language, ids = "ja", token_ids()["ja"][1]
    result = importance(model(kind), corpus(), per_sample=True, progress=False).sel(language=language, sample=1)
    for layer in range(3):
        for head in range(4):
            near, far = (_slope(wide, ids, layer, head, step) for step in (0.02, 0.04))
            slope = (4 * near - far) / 3  # what the step leaves behind is of fourth order
            assert abs(float(result.sample_gradient[layer, head]) - slope) < 1e-5


def _slope(wide, ids, layer, head, step):
    losses = []
    for sign in (1, -1):
        mask = torch.ones(3, 4, dtype=torch.float64)
        mask[layer, head] += sign * step
        with torch.no_grad():
            losses.append(_double_loss(wide, ids, mask))
    return (losses[0] - losses[1]) / (2 * step)


def _double_loss(wide, ids, mask):
    with oracle.edited(wide, lambda layer, z: z * mask[layer][None, None, :, None]):
        logits = wide(torch.tensor([ids]), use_cache=False).logits[0].double()
    return float(torch.nn.functional.cross_entropy(logits[:-1], torch.tensor(ids[1:])))


@pytest.mark.parametrize("kind", KINDS)
def test_a_mask_of_ones_is_the_identity_and_masks_may_differ_by_sample(kind):
    m = model(kind)
    batch = m.batch(TEXTS["de"])
    plain, loss = head_gradient(m, batch)
    ones, same = head_gradient(m, batch, torch.ones(3, 4))
    assert torch.equal(plain, ones) and torch.equal(loss, same)
    torch.manual_seed(0)
    masks = torch.rand(len(batch), 3, 4)
    together, losses = head_gradient(m, batch, masks)
    for i, text in enumerate(TEXTS["de"]):
        alone, loss = head_gradient(m, m.batch(text), masks[i])
        torch.testing.assert_close(together[i : i + 1], alone, atol=1e-5, rtol=0)
        torch.testing.assert_close(losses[i : i + 1], loss, atol=1e-5, rtol=0)


@pytest.mark.parametrize("variant", lahis.VARIANTS)
def test_batch_size_and_padding_side_change_nothing(variant, monkeypatch):
    expected = importance(model("gemma2"), corpus(), variant=variant, progress=False)
    for size in (1, 2, 7):
        found = importance(model("gemma2"), corpus(), variant=variant, batch_size=size, progress=False)
        np.testing.assert_allclose(found.importance, expected.importance, rtol=1e-5, atol=1e-5)
    monkeypatch.setattr("workbench.text.batches.pad.__defaults__", ("left",), raising=True)
    monkeypatch.setattr("workbench.text.batches.batches.__kwdefaults__", {"side": "left"}, raising=True)
    found = importance(model("gemma2"), corpus(), variant=variant, progress=False)
    np.testing.assert_allclose(found.importance, expected.importance, rtol=1e-4, atol=1e-5)


def test_sample_order_changes_the_released_variant_only():
    turned = {language: texts[::-1] for language, texts in TEXTS.items()}
    for variant in lahis.VARIANTS:
        forth = importance(model("llama"), corpus(), variant=variant, progress=False).importance
        back = importance(model("llama"), corpus(turned), variant=variant, progress=False).importance
        assert (abs(forth - back).max() < 1e-5) == (variant == "paper")


def test_languages_do_not_touch_each_other():
    alone = importance(model("llama"), corpus({"en": TEXTS["en"]}), variant="released", progress=False)
    among = importance(model("llama"), corpus(), variant="released", progress=False).sel(language=["en"])
    np.testing.assert_allclose(alone.importance, among.importance, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("options", [{"variant": "official"}, {"batch_size": 0}, {"batch_size": 2.5}])
def test_bad_options(options):
    with pytest.raises(BadArgument, match=next(iter(options))):
        importance(model("llama"), corpus(), progress=False, **options)


def test_a_model_without_heads_is_refused(monkeypatch):
    monkeypatch.setitem(model("llama").abilities, "head", False)
    with pytest.raises(UnsupportedSite, match="head"):
        importance(model("llama"), corpus(), progress=False)


def test_a_loss_that_is_not_a_number_is_named():
    broken = load_model(tiny("llama"), tokenizer=byte_tokenizer())
    with torch.no_grad():
        broken.module.get_input_embeddings().weight[token_ids({"x": ["I"]})["x"][0][-1]] = torch.nan
    with pytest.raises(NotFinite, match="sample 1 of 'en'"):
        importance(broken, corpus(), progress=False)
    with pytest.raises(NotFinite, match="sample 1 of 'en'"):
        wb.heads.ablate(broken, corpus(), progress=False)


def test_an_interrupt_keeps_finished_languages(monkeypatch):
    calls = []

    def stop(*args):
        calls.append(args)
        if len(calls) > 2:
            raise KeyboardInterrupt
        return head_gradient(*args)

    whole = importance(model("llama"), corpus(), progress=False)
    monkeypatch.setattr(lahis, "head_gradient", stop)
    with pytest.raises(Interrupted, match="finished languages: de of 3") as caught:
        importance(model("llama"), corpus(), batch_size=2, progress=False)
    partial = caught.value.partial
    np.testing.assert_allclose(partial.importance[0], whole.importance[0], atol=1e-6)
    assert np.isnan(partial.importance[1:]).all() and np.isnan(partial.nll[1:]).all()
