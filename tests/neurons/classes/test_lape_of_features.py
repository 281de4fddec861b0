"""SAE-LAPE against its definition, one feature at a time."""

import math

import numpy as np
import pytest
import xarray as xr

import workbench as wb
from workbench.errors import BadCounts

LANGUAGES = ["de", "en", "fr"]
TOKENS, TEXTS = [200, 300, 400], [50, 60, 70]


def counts(seed=0, features=40):
    rng = np.random.default_rng(seed)
    rate = rng.random((3, 2, features)) * (rng.random((3, 2, features)) < 0.7)
    shares = np.clip(2 * rate, 0, 1)
    return xr.Dataset(
        {
            "fired": (("language", "layer", "feature"), (rate * np.array(TOKENS)[:, None, None]).astype(int)),
            "tokens": ("language", TOKENS),
            "texts_fired": (("language", "layer", "feature"), (shares * np.array(TEXTS)[:, None, None]).astype(int)),
            "texts": ("language", TEXTS),
        },
        {"language": LANGUAGES, "layer": [1, 3]},
    )


@pytest.mark.parametrize("specific", [True, False])
@pytest.mark.parametrize("text_share", [0.98, 0.5])
def test_it_is_the_definition(specific, text_share):
    own = counts()
    result = wb.neurons.lape(own, variant="features", specific=specific, text_share=text_share)
    assert result["layer"].values.tolist() == [1, 3]
    for layer in range(2):
        for feature in range(40):
            fired = own.fired.values[:, layer, feature]
            texts = own.texts_fired.values[:, layer, feature]
            p = [f / t for f, t in zip(fired, TOKENS, strict=True)]
            passes = any(n >= int(t * text_share) for n, t in zip(texts, TEXTS, strict=True))
            passes &= any(f > int(t * 0.1) for f, t in zip(fired, TOKENS, strict=True))
            member = [passes and value >= 0.8 * max(p) for value in p]
            if specific and sum(member) != 1:
                member = [False] * 3
            assert result.member.values[:, layer, feature].tolist() == member
            if max(p) > 0:
                q = [value / sum(p) for value in p if value]
                assert float(result.entropy[layer, feature]) == pytest.approx(-sum(x * math.log(x) for x in q))
    assert int(result.selected.sum()) == result.attrs["n_selected"] > 0


def test_top_takes_the_lowest_entropies_of_each_language():
    every = wb.neurons.lape(counts(), variant="features", text_share=0.3)
    few = wb.neurons.lape(counts(), variant="features", text_share=0.3, top=2)
    for code in LANGUAGES:
        of_all, of_few = every.member.sel(language=code).values, few.member.sel(language=code).values
        assert of_few.sum() == min(2, of_all.sum())
        assert (of_few <= of_all).all()
        dropped = every.entropy.values[of_all & ~of_few]
        if dropped.size:
            assert few.entropy.values[of_few].max() <= dropped.min()


def test_counts_without_texts_are_refused():
    with pytest.raises(BadCounts, match="texts_fired"):
        wb.neurons.lape(counts().drop_vars("texts"), variant="features")
