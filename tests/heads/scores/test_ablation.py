"""Exact ablation against plain loops, edits of W_O, and its invariances."""

import numpy as np
import pytest
import torch

import workbench as wb
from tests.heads.cases import TEXTS, corpus, model, module, table, token_ids
from tests.oracles import heads as oracle
from workbench.errors import BadArgument, Interrupted, NotFinite, TooFewLanguages, UnsupportedSite
from workbench.heads.scores import ablation
from workbench.heads.scores.replacements import donors

KINDS = ("llama", "gpt2", "gemma2", "bloom", "cohere")
# What a head's output becomes does not depend on the architecture; where it is put does: each kind has two or more
# here, and zero in the test of W_O below.
GRID = [("llama", how) for how in ablation.HOW] + [
    ("gpt2", "mean"),
    ("gpt2", "resample_same"),
    ("gemma2", "resample"),
    ("gemma2", "mean_position"),
    ("bloom", "mean_language"),
    ("bloom", "scale"),
    ("gpt2", "pattern"),
    ("gemma2", "pattern"),
    ("bloom", "pattern"),
    ("cohere", "mean"),
    ("cohere", "resample"),
]
ablate = wb.heads.ablate


@pytest.mark.parametrize(("kind", "how"), GRID)
def test_ablation_is_the_loop_over_heads_and_samples(kind, how):
    result = ablate(model(kind), corpus(), how=how, batch_size=3, seed=5, progress=False)
    deltas, clean = oracle.ablation(module(kind), token_ids(), how, seed=5)
    assert result.delta.dims == ("language", "layer", "head") and result.delta.shape == (3, 3, 4)
    np.testing.assert_allclose(result.delta, table({k: v.mean(0) for k, v in deltas.items()}), atol=1e-5)
    np.testing.assert_allclose(result.baseline, [clean[language].mean() for language in TEXTS], atol=1e-5)
    for k, expected in enumerate(deltas.values()):
        np.testing.assert_allclose(result.sample_delta[k, : len(expected)], expected, atol=1e-5)
        assert np.isnan(result.sample_delta[k, len(expected) :]).all()
    assert (abs(result.delta).max(("layer", "head")) > 1e-3).all(), "a test on zeros would prove nothing"


@pytest.mark.parametrize("kind", KINDS)
def test_zero_ablation_is_zeroing_the_columns_of_the_output_projection(kind):
    result = ablate(model(kind), corpus(), heads=[(1, 3), (2, 0)], progress=False)
    for layer, head in ((1, 3), (2, 0)):
        edited = oracle.without_columns(module(kind), layer, head)
        for language, texts in token_ids().items():
            with torch.no_grad():
                change = [float(oracle.loss(edited, ids) - oracle.loss(module(kind), ids)) for ids in texts]
            assert abs(float(result.delta.sel(language=language, layer=layer, head=head)) - np.mean(change)) < 1e-5


def test_each_query_head_of_a_shared_key_head_is_its_own():
    result = ablate(model("llama"), corpus(), progress=False)
    assert module("llama").config.num_key_value_heads == 2
    assert (abs(result.delta.diff("head")) > 1e-5).all(), "no two query heads may give the same change"


@pytest.mark.parametrize("how", ablation.HOW)
def test_batch_size_padding_side_and_stacking_change_nothing(how, monkeypatch):
    expected = ablate(model("llama"), corpus(), how=how, progress=False)
    runs = [ablate(model("llama"), corpus(), how=how, batch_size=size, progress=False) for size in (1, 2)]
    monkeypatch.setattr("workbench.model.memory.saturating_rows", lambda model: 1)
    runs.append(ablate(model("llama"), corpus(), how=how, progress=False))
    monkeypatch.setattr("workbench.text.batches.pad.__defaults__", ("left",), raising=True)
    monkeypatch.setattr("workbench.text.batches.batches.__kwdefaults__", {"side": "left"}, raising=True)
    runs.append(ablate(model("llama"), corpus(), how=how, progress=False))
    for run in runs:
        for name in ("sample_delta", "delta", "low", "high", "baseline"):
            np.testing.assert_allclose(run[name], expected[name], atol=1e-5)


@pytest.mark.parametrize("how", ablation.HOW)
def test_the_order_of_samples_and_languages_changes_nothing(how):
    turned = {language: TEXTS[language][::-1] for language in reversed(TEXTS)}
    forth = ablate(model("llama"), corpus(), how=how, progress=False)
    back = ablate(model("llama"), corpus(turned), how=how, progress=False).sel(language=list(TEXTS))
    for name in ("delta", "low", "high", "baseline"):
        np.testing.assert_allclose(back[name], forth[name], atol=1e-5)


def test_a_frozen_pattern_of_one_text_changes_nothing():
    result = ablate(model("gemma2"), corpus({"de": ("Der Hund der Hund",)}), how="pattern", progress=False)
    np.testing.assert_allclose(result.delta, 0, atol=1e-5)


def test_a_frozen_pattern_needs_patterns(monkeypatch):
    monkeypatch.setitem(model("llama").abilities, "pattern", False)
    with pytest.raises(UnsupportedSite, match="pattern"):
        ablate(model("llama"), corpus(), how="pattern", progress=False)


def test_donors_come_from_other_languages_and_follow_the_seed():
    encoded = model("llama").encode(corpus())
    chosen = {seed: donors(encoded, seed=seed) for seed in range(40)}
    for text in encoded:
        found = [chosen[seed][text.language, text.row] for seed in chosen]
        assert all(one.language != text.language for one in found)
        others = {(one.language, one.row) for one in encoded if one.language != text.language}
        assert {(one.language, one.row) for one in found} == others, "every text of another language may be the donor"
        assert [one.ids for one in found] == [
            oracle.donor(token_ids(), text.language, text.ids, seed) for seed in chosen
        ]
    assert chosen[0] == donors(encoded, seed=0)


def test_statistics_follow_the_samples():
    result = ablate(model("llama"), corpus(), progress=False)
    assert (result.low <= result.delta + 1e-7).all() and (result.delta <= result.high + 1e-7).all()
    samples = result.sample_delta.sel(language="de").to_numpy().astype(float)  # [sample, layer, head]
    t = samples.mean(0) / (samples.std(0, ddof=1) / 2)
    p = result.p_value.sel(language="de").to_numpy()
    assert (p >= 0).all() and (p <= 1).all()
    flat = np.argsort(-abs(t).ravel())
    assert p.ravel()[flat[0]] == p.min() and (np.diff(p.ravel()[flat]) >= -1e-12).all()
    narrow = ablate(model("llama"), corpus(), level=0.5, progress=False)
    assert ((narrow.high - narrow.low) <= (result.high - result.low) + 1e-7).all()


def test_cells_that_were_not_asked_are_nan():
    whole = ablate(model("llama"), corpus(), progress=False)
    some = ablate(model("llama"), corpus(), heads=[(2, 1), (0, 3), (2, 1)], progress=False)
    asked = np.zeros((3, 4), dtype=bool)
    asked[2, 1] = asked[0, 3] = True
    for name in ("delta", "low", "high", "p_value"):
        assert (np.isfinite(some[name]).to_numpy() == asked).all()
    np.testing.assert_allclose(some.delta.to_numpy()[:, asked], whole.delta.to_numpy()[:, asked], atol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"how": "shuffle"}, "zero, mean, resample"),
        ({"level": 1.0}, "level"),
        ({"heads": [(3, 0)]}, "layers 0 to 2 and heads 0 to 3"),
        ({"heads": [(0, -1)]}, "layers 0 to 2 and heads 0 to 3"),
        ({"heads": [4]}, "pair"),
        ({"heads": []}, "names none"),
        ({"batch_size": "many"}, "batch_size"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(BadArgument, match=message):
        ablate(model("llama"), corpus(), progress=False, **options)


def test_resampling_needs_two_languages():
    with pytest.raises(TooFewLanguages, match="'en'"):
        ablate(model("llama"), corpus({"en": TEXTS["en"]}), how="resample", progress=False)


def test_a_model_without_heads_is_refused(monkeypatch):
    monkeypatch.setitem(model("llama").abilities, "head", False)
    with pytest.raises(UnsupportedSite, match="head"):
        ablate(model("llama"), corpus(), progress=False)


def test_a_change_that_is_not_a_number_is_named(monkeypatch):
    monkeypatch.setattr(ablation, "replace_heads", lambda recording, *args: recording.residual[-1][None] * torch.nan)
    with pytest.raises(NotFinite, match=r"head 3 of layer 1 .* 'de'"):
        ablate(model("llama"), corpus(), heads=[(1, 3)], progress=False)


@pytest.mark.parametrize("how", ["zero", "mean"])
def test_an_interrupt_keeps_finished_cells_and_names_them(how, monkeypatch):
    whole = ablate(model("llama"), corpus(), how=how, progress=False)
    run, calls = ablation.replace_heads, []

    def stop(*args):
        calls.append(args)
        if len(calls) == 5:  # de takes three calls, a layer each; en is in its second
            raise KeyboardInterrupt
        return run(*args)

    monkeypatch.setattr(ablation, "replace_heads", stop)
    with pytest.raises(Interrupted, match=r"16 of 36 cells .*de 12 of 12, en 4 of 12") as caught:
        ablate(model("llama"), corpus(), how=how, progress=False)
    partial = caught.value.partial
    kept = np.zeros((3, 3, 4), dtype=bool)
    kept[0], kept[1, 0] = True, True
    for name in ("delta", "low", "high", "p_value"):
        assert (np.isfinite(partial[name]) == kept).all()
    np.testing.assert_allclose(partial.delta.to_numpy()[kept], whole.delta.to_numpy()[kept], atol=1e-6)
    assert np.isfinite(partial.baseline).to_numpy().tolist() == [True, True, False]


def test_a_cell_with_some_of_its_samples_is_not_finished(monkeypatch):
    run, calls = ablation.replace_heads, []

    def stop(*args):
        calls.append(args)
        if len(calls) == 5:  # batches of two: the second batch of de is in its second layer
            raise KeyboardInterrupt
        return run(*args)

    monkeypatch.setattr(ablation, "replace_heads", stop)
    with pytest.raises(Interrupted, match="4 of 36 cells") as caught:
        ablate(model("llama"), corpus(), batch_size=2, progress=False)
    partial = caught.value.partial
    assert np.isfinite(partial.delta).sum() == 4
    assert np.isfinite(partial.sample_delta[0, :, 1]).any(), "what was measured stays in sample_delta"


def test_an_interrupt_while_the_mean_is_taken(monkeypatch):
    def stop(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("workbench.heads.scores.replacements.record", stop)
    with pytest.raises(Interrupted, match=r"0 of 36 cells .*none") as caught:
        ablate(model("llama"), corpus(), how="mean", progress=False)
    assert np.isnan(caught.value.partial.delta).all()


def test_the_bar_counts_a_pass_for_each_head_and_batch(capsys):
    ablate(model("llama"), corpus(), batch_size=1)
    passes = 12 * sum(map(len, TEXTS.values()))  # 3 layers of 4 heads; every text is a batch
    shown = capsys.readouterr().err
    assert "ablation (zero) of 12 heads: 100%" in shown and f" {passes}/{passes} [" in shown and "pass" in shown
