"""Where heads look, against loops over the patterns of an unwrapped module, and on patterns that are known."""

import importlib
import math

import numpy as np
import pytest
import torch

import workbench as wb
from tests.heads.cases import corpus, model, token_ids
from tests.models import tiny
from tests.oracles import heads_kinds as oracle
from workbench.errors import BadArgument, Interrupted, UnsupportedSite
from workbench.text.batches import Batch, pad

module = importlib.import_module("workbench.heads.attention.kinds")  # the package's `kinds` is the function
TEXTS = {
    "de": ("Der Hund der Hund", "Es regnet", "Nein nein", "abc"),
    "en": ("The dog, the dog", "It rains, it rains", "xyz"),
    "ja": ("犬が犬が眠る",),
}


@pytest.mark.parametrize("kind", ["llama", "gpt2", "gemma2", "bloom"])
def test_kinds_are_the_loop_over_patterns(kind):
    found = wb.heads.kinds(model(kind), corpus(TEXTS), batch_size=3, progress=False)
    plain = tiny(kind)
    plain.set_attn_implementation("eager")  # type: ignore[operator]
    for language, texts in token_ids(TEXTS).items():
        everything = [oracle.patterns(plain, ids) for ids in texts]
        for name in module.KINDS:
            for layer in range(3):
                for head in range(4):
                    each = [
                        oracle.measures(one[layer][head], ids)[name] for one, ids in zip(everything, texts, strict=True)
                    ]
                    each = [value for value in each if value is not None]
                    cell = float(found[name].sel(language=language, layer=layer, head=head))
                    assert cell == pytest.approx(np.mean(each), abs=1e-5)
            alike = [oracle.measures(oracle.uniform(len(ids)), ids)[name] for ids in texts]
            alike = [value for value in alike if value is not None]
            assert float(found[f"uniform_{name}"].sel(language=language)) == pytest.approx(np.mean(alike), abs=1e-5)


def test_intervals_hold_the_mean_and_need_two_texts():
    found = wb.heads.kinds(model("llama"), corpus(TEXTS), progress=False)
    for name in module.KINDS:
        two = found.sel(language=["de", "en"])
        assert (two[f"{name}_low"] <= two[name] + 1e-7).all() and (two[name] <= two[f"{name}_high"] + 1e-7).all()
        assert (two[f"{name}_low"] < two[f"{name}_high"]).any()
        assert np.isnan(found[f"{name}_low"].sel(language="ja")).all()
        assert found[name].dims == ("language", "layer", "head")
    assert found.entropy.attrs["units"] == "nats" and found.distance.attrs["units"] == "tokens"


def test_a_text_in_which_no_token_repeats_does_not_count():
    found = wb.heads.kinds(model("llama"), corpus({"de": ("abc", "defg")}), progress=False)
    for name in ("same", "induction", "uniform_same", "uniform_induction"):
        assert np.isnan(found[name]).all()
    assert np.isfinite(found.previous).all()


@pytest.mark.parametrize("side", ["left", "right"])
def test_patterns_that_are_known(side):
    ids, mask = pad([[5, 6, 7, 5, 6, 7, 5, 6], [5, 6, 7]], 0, side)
    batch = Batch(ids, mask, ("en", "en"), (0, 1))
    place = (mask.cumsum(1) - 1).clamp(min=0)
    column = torch.zeros(2, 3, 8, dtype=torch.int64)  # previous, three back, induction (two back); else the first
    for row in range(2):
        begin = int((mask[row] == 0).sum()) if side == "left" else 0
        for head, back in enumerate((1, 3, 2)):
            column[row, head] = begin + (place[row] - back).clamp(min=0)
    pattern = torch.nn.functional.one_hot(column, 8).float()
    found = dict(zip(module.KINDS, module._reduce(pattern, module._weights(batch), batch)[:, 0], strict=True))
    assert found["previous"][0] == 1 and found["distance"][0] == 1
    assert found["same"][1] == 1 and found["induction"][2] == 1
    assert found["same"][2] == 0 and (found["entropy"] == 0).all()
    alike = dict(
        zip(module.KINDS, module._reduce(module._uniform(batch), module._weights(batch), batch)[:, 0], strict=True)
    )
    assert alike["entropy"][0] == pytest.approx(np.mean([math.log(n) for n in range(2, 9)]), abs=1e-6)


def test_batches_and_the_order_of_texts_change_nothing():
    turned = {language: TEXTS[language][::-1] for language in reversed(TEXTS)}
    forth = wb.heads.kinds(model("llama"), corpus(TEXTS), progress=False)
    back = wb.heads.kinds(model("llama"), corpus(turned), batch_size=1, progress=False).sel(language=list(TEXTS))
    for name in forth:
        np.testing.assert_allclose(back[name], forth[name], atol=1e-5)


@pytest.mark.parametrize(("options", "message"), [({"level": 1.0}, "level"), ({"batch_size": 0}, "batch_size")])
def test_bad_options(options, message):
    with pytest.raises(BadArgument, match=message):
        wb.heads.kinds(model("llama"), corpus(), progress=False, **options)


def test_a_model_without_patterns_is_refused(monkeypatch):
    monkeypatch.setitem(model("llama").abilities, "pattern", False)
    with pytest.raises(UnsupportedSite, match="pattern"):
        wb.heads.kinds(model("llama"), corpus(), progress=False)


def test_an_interrupt_keeps_finished_languages(monkeypatch):
    run, calls = module._reduced, []

    def stop(*args):
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return run(*args)

    monkeypatch.setattr(module, "_reduced", stop)
    with pytest.raises(Interrupted, match="finished languages: de of 3") as caught:
        wb.heads.kinds(model("llama"), corpus(TEXTS), progress=False)
    kept = np.isfinite(caught.value.partial.previous).all(("layer", "head")).to_numpy().tolist()
    assert kept == [True, False, False]
