import sys

import numpy as np
import pytest

import workbench as wb
from tests.oracles import patching as loops
from tests.oracles import patching_cross_position as oracle
from tests.patching.cases import encoded, make_pairs, plain, token, wrapped
from workbench.errors import BadArgument, Interrupted, UnsupportedSite
from workbench.patching.engine import cells
from workbench.text.pairs import Pair, Pairs

cross_position = wb.patching.cross_position
EQUAL = make_pairs([6, 6])
UNEQUAL = Pairs((Pair("abcdef g", "bcdx", "kord", "lord"), Pair("qq", "bcdefg", "mord", "nord")), "unequal")


@pytest.mark.parametrize(("layer", "site"), [(1, "residual"), (2, "residual_post")])
@pytest.mark.parametrize("kind", ["llama", "gpt2", "gemma2", "bloom"])
def test_agrees_with_loops_over_unpadded_pairs_of_any_lengths(kind, layer, site):
    result = cross_position(wrapped(kind), UNEQUAL, layer=layer, site=site, progress=False)
    assert result.effect.dims == ("source_position", "target_position")
    assert result.source_position.values.tolist() == list(range(-9, 0))
    assert result.target_position.values.tolist() == list(range(-7, 0))
    for row, pair in enumerate(encoded(UNEQUAL)):
        read = loops.difference(token(UNEQUAL[row].answer), token(UNEQUAL[row].foil))
        expected = np.array(oracle.cross_position(plain(kind), pair, layer, read, site != "residual"))
        down, right = 9 - len(pair[0]), 7 - len(pair[1])
        np.testing.assert_allclose(result.pair_value[row, down:, right:], expected, atol=1e-5)
        assert np.isnan(result.pair_value[row, :down]).all()
        assert np.isnan(result.pair_value[row, :, :right]).all()
        assert np.ptp(expected) > 1e-4, "the patch must matter, or the comparison says nothing"


def test_the_diagonal_is_the_row_of_the_sweep():
    model = wrapped("gemma2")
    swept = wb.patching.sweep(model, EQUAL, progress=False)
    crossed = cross_position(model, EQUAL, layer=1, progress=False)
    diagonal = np.diagonal(crossed.pair_value, axis1=1, axis2=2)
    np.testing.assert_allclose(diagonal, swept.pair_value[:, 1], atol=1e-5)
    assert crossed.source_position.values.tolist() == list(range(7))


def test_a_metric_of_all_positions_and_small_memory(monkeypatch):
    model = wrapped("llama")
    result = cross_position(model, UNEQUAL, layer=1, metric="nll", progress=False)
    monkeypatch.setattr("workbench.model.memory.saturating_rows", lambda model: 1)
    alone = cross_position(model, UNEQUAL, layer=1, metric="nll", progress=False, batch_size=1)
    np.testing.assert_allclose(alone.pair_value, result.pair_value, atol=1e-5)


def test_an_interrupt_keeps_what_is_finished(monkeypatch):
    real, calls = cells.replace_positions, []

    def breaks(*args, **options):
        calls.append(1)
        if len(calls) > 3:
            raise KeyboardInterrupt
        return real(*args, **options)

    monkeypatch.setattr(sys.modules["workbench.patching.cross_position"], "replace_positions", breaks)
    with pytest.raises(Interrupted, match="of 7 source positions") as stopped:
        cross_position(wrapped("llama"), EQUAL, layer=1, progress=False)
    assert np.isfinite(stopped.value.partial.effect[:3]).all()
    assert np.isnan(stopped.value.partial.effect[3:]).all()


def test_bad_arguments_say_what_would_work():
    with pytest.raises(BadArgument, match="layer=3; give a whole number from 0 to 2: the layers of"):
        cross_position(wrapped("llama"), EQUAL, layer=3)
    with pytest.raises(UnsupportedSite, match="works: residual, residual_post"):
        cross_position(wrapped("llama"), EQUAL, layer=1, site="head")
