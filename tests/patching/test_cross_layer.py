import numpy as np
import pytest

import workbench as wb
from tests.oracles import patching as oracle
from tests.patching.cases import KINDS, encoded, make_pairs, plain, token, wrapped
from workbench.errors import BadArgument, UnsupportedSite
from workbench.text.pairs import Pair, Pairs

cross_layer = wb.patching.cross_layer
EQUAL = make_pairs([8, 8])
UNEQUAL = Pairs(
    (
        Pair("abcdef ghi", "bcdx", "kord", "lord"),
        Pair("qq", "bcdefghijk", "mord", "nord"),
        Pair("ab", "cd", "ko", "lo"),
    ),
    "unequal",
)


def difference(pair):
    return oracle.difference(token(pair.answer), token(pair.foil))


@pytest.mark.parametrize("site", ["residual", "residual_post"])
@pytest.mark.parametrize("kind", [*KINDS, "xglm", "opt"])
def test_agrees_with_loops_over_unpadded_pairs_of_any_lengths(kind, site):
    for position in (-1, -3):
        result = cross_layer(wrapped(kind), UNEQUAL, site=site, position=position, progress=False)
        for row, pair in enumerate(encoded(UNEQUAL)):
            expected = oracle.cross_layer(plain(kind), pair, position, difference(UNEQUAL[row]), site != "residual")
            np.testing.assert_allclose(result.pair_value[row], expected, atol=1e-5)


@pytest.mark.parametrize("site", ["residual", "residual_post"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_diagonal_is_the_column_of_the_sweep(kind, site):
    model = wrapped(kind)
    swept = wb.patching.sweep(model, EQUAL, site=site, progress=False)
    for position in (-1, 5):
        crossed = cross_layer(model, EQUAL, site=site, position=position, progress=False)
        diagonal = np.diagonal(crossed.pair_value, axis1=1, axis2=2)
        np.testing.assert_allclose(diagonal, swept.pair_value[:, :, position], atol=1e-5)
    np.testing.assert_array_equal(crossed.target_value, swept.target_value)


def test_the_last_layer_into_the_last_is_the_source_itself():
    result = cross_layer(wrapped("llama"), UNEQUAL, site="residual_post", progress=False)
    assert result.effect.dims == ("source_layer", "target_layer")
    np.testing.assert_allclose(result.effect[-1, -1], 1, atol=1e-5)
    np.testing.assert_allclose(result.pair_value[:, -1, -1], result.source_value, atol=1e-6)


def test_positions_count_from_the_end_or_the_start():
    model = wrapped("gpt2")
    end, start = (cross_layer(model, EQUAL, position=position, progress=False) for position in (-4, 5))
    np.testing.assert_array_equal(end.pair_value, start.pair_value)
    first = cross_layer(model, EQUAL, position=0, progress=False)
    assert (np.diagonal(first.pair_effect, axis1=1, axis2=2) == 0).all(), "BOS is the same in both runs"


@pytest.mark.parametrize("metric", ["answer_probability", "nll"])
def test_other_metrics_and_small_batches(metric, monkeypatch):
    model = wrapped("mistral")
    result = cross_layer(model, UNEQUAL, metric=metric, position=-2, progress=False)
    assert np.isfinite(result.pair_value).all()
    monkeypatch.setattr("workbench.model.memory.saturating_rows", lambda model: 1)
    alone = cross_layer(model, UNEQUAL, metric=metric, position=-2, progress=False)
    np.testing.assert_allclose(alone.pair_value, result.pair_value, atol=1e-5)


def test_positions_outside_the_prompts_are_refused():
    model = wrapped("llama")
    with pytest.raises(BadArgument, match=r"position=2 counts from the start, but the prompts have 3 to 11 tokens"):
        cross_layer(model, UNEQUAL, position=2)
    with pytest.raises(BadArgument, match=r"position=-4 lies outside pair 1, which has 3 tokens \(-3 to -1\)"):
        cross_layer(model, UNEQUAL, position=-4)
    with pytest.raises(BadArgument, match=r"position=9 lies outside pair 0 .*\(-9 to -1, or 0 to 8\)"):
        cross_layer(model, EQUAL, position=9)
    with pytest.raises(BadArgument, match=r"position=.*; give a whole number"):
        cross_layer(model, EQUAL, position="last")
    with pytest.raises(
        UnsupportedSite, match=r"'head' cannot be patched across layers \(works: residual, residual_post"
    ):
        cross_layer(model, EQUAL, site="head")
