import sys

import numpy as np
import pytest
import xarray as xr

import workbench as wb
from tests.oracles import circuit as oracle
from tests.oracles import patching
from tests.patching.cases import encoded, make_pairs, plain, token, wrapped
from workbench.errors import BadArgument, BadPairs, Interrupted

PAIRS = make_pairs([5, 6, 5, 7], seed=2)
EVERY = [(layer, head) for layer in range(3) for head in range(4)]
OPTIONS = {"controls": 3, "progress": False}


@pytest.fixture(scope="module")
def found():
    return {kind: wb.patching.circuit(wrapped(kind), PAIRS, **OPTIONS) for kind in ("llama", "gpt2", "gemma2")}


@pytest.mark.parametrize("kind", ["llama", "gpt2", "gemma2"])
def test_the_order_and_both_curves_agree_with_the_loops(kind, found):
    module, result = plain(kind), found[kind]
    prompts = [source for source, _ in encoded(PAIRS)]
    reads = [patching.difference(token(pair.answer), token(pair.foil)) for pair in PAIRS]
    means = oracle.mean_outputs(module, prompts)
    order = oracle.greedy(module, prompts[::2], reads[::2], EVERY, means)
    ranks = {head: len(order) - place for place, head in enumerate(order)}
    assert {head: int(result["rank"][head]) for head in EVERY} == ranks

    def measure(heads):
        values = [oracle.kept(module, prompts[i], heads, means, reads[i]) for i in (1, 3)]
        return sum(values) / len(values)

    none, whole = measure([]), measure(EVERY)
    for size in (0, 1, 5, 11, 12):
        some = order[len(order) - size :]
        rest = [head for head in EVERY if head not in some]
        assert result.faithfulness[size] == pytest.approx((measure(some) - none) / (whole - none), abs=1e-3)
        assert result.completeness[size] == pytest.approx((measure(rest) - none) / (whole - none), abs=1e-3)


def test_ends_members_and_saving(found, tmp_path):
    result = found["llama"]
    assert result.faithfulness[0] == pytest.approx(0, abs=1e-6)
    assert result.faithfulness[-1] == pytest.approx(1, abs=1e-6)
    assert result.completeness[0] == pytest.approx(1, abs=1e-6)
    for end in ("low", "high"):  # the share of the whole is 1 in every draw
        assert result[f"faithfulness_{end}"][-1] == pytest.approx(1, abs=1e-6)
        assert result[f"faithfulness_{end}"][0] == pytest.approx(0, abs=1e-6)
    assert result.random[-1] == pytest.approx(1, abs=1e-6)
    size = result.attrs["size"]
    assert int(result.member.sum()) == size
    assert (result.faithfulness.values[size:] >= result.attrs["keep"]).all()
    assert size == 0 or result.faithfulness.values[size - 1] < result.attrs["keep"]
    assert (result.attrs["found_on"], result.attrs["measured_on"]) == (2, 2)
    xr.testing.assert_identical(wb.load_result(wb.save_result(result, tmp_path / "circuit.nc")), result)


def test_batches_do_not_matter(found):
    alone = wb.patching.circuit(wrapped("llama"), PAIRS, batch_size=1, **OPTIONS)
    np.testing.assert_array_equal(alone["rank"], found["llama"]["rank"])
    np.testing.assert_allclose(alone.faithfulness, found["llama"].faithfulness, atol=1e-3)


def test_taking_several_away_at_a_time():
    result = wb.patching.circuit(wrapped("llama"), PAIRS, drop=0.4, **OPTIONS)
    first = wb.patching.circuit(wrapped("llama"), PAIRS, **OPTIONS)
    assert sorted(result["rank"].values.ravel().tolist()) == list(range(1, 13))
    gone = np.argwhere(first["rank"].values == 12)[0]
    assert result["rank"].values[tuple(gone)] == 12, "the least missed of all goes first in both"
    with pytest.raises(BadArgument, match="drop=1"):
        wb.patching.circuit(wrapped("llama"), PAIRS, drop=1, **OPTIONS)


def of(heads):
    member = np.zeros((4, 16), dtype=bool)
    for layer, head in heads:
        member[layer, head] = True
    made = {"provenance": '{"model": null, "corpus": null}'}
    return xr.Dataset({"member": (("layer", "head"), member)}, attrs=made)


def test_overlap_of_the_same_of_none_and_of_the_same_layers():
    one = of([(2, 0), (2, 1), (2, 2), (3, 5)])
    layers = of([(2, 8), (2, 9), (2, 10), (3, 11)])  # the same layers, other heads
    result = wb.patching.overlap({"a": one, "b": one, "c": layers}, permutations=4000)
    assert result.shared.values.tolist() == [[4, 4, 0], [4, 4, 0], [0, 0, 4]]
    assert result.jaccard.values.tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 1]]
    assert float(result.expected[0, 1]) == pytest.approx(3 * 3 / 16 + 1 / 16, abs=0.05)
    assert result.p_value[0, 1] < 0.01
    assert result.p_value[0, 2] == 1
    assert np.isnan(np.diag(result.p_value)).all()
    np.testing.assert_array_equal(result.p_value, result.p_value.T)


def test_refusals_and_interrupts(monkeypatch):
    model = wrapped("llama")
    with pytest.raises(BadPairs, match="3 pairs are too few"):
        wb.patching.circuit(model, make_pairs([5, 5, 5]), **OPTIONS)
    for options in ({"keep": 0}, {"keep": 1.5}, {"controls": 0}):
        with pytest.raises(BadArgument, match="a share above 0 up to 1"):
            wb.patching.circuit(model, PAIRS, **options)
    with pytest.raises(BadArgument, match="two or more circuits"):
        wb.patching.overlap({"a": of([])})

    def stop(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["workbench.patching.circuit"], "rescale", stop)
    with pytest.raises(Interrupted, match="the order of the heads is not finished"):
        wb.patching.circuit(model, PAIRS, **OPTIONS)
