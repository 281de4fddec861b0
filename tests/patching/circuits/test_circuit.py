import sys
from itertools import combinations

import numpy as np
import pytest
import torch
import xarray as xr

import workbench as wb
from tests.models import byte_tokenizer
from tests.oracles import circuit as oracle
from tests.oracles import patching
from tests.patching.cases import encoded, make_pairs, plain, token, wrapped
from tests.patching.planted_circuit import EVERY as EVERY_PART
from tests.patching.planted_circuit import PAIRS as PLANTED
from tests.patching.planted_circuit import PARTS, planted
from workbench.errors import BadArgument, BadPairs, Interrupted, UnsupportedSite
from workbench.model.load import load_model
from workbench.patching.circuits.mean_ablated_task import Task
from workbench.patching.engine.pair_metric import metric_for_pairs
from workbench.patching.engine.prompts import encode

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


def test_the_planted_circuit_is_the_smallest_that_an_exhaustive_search_finds():
    module = planted()
    prompts = [source for source, _ in encoded(PLANTED)]
    reads = [patching.difference(token(pair.answer), token(pair.foil)) for pair in PLANTED]
    fills = oracle.mean_outputs(module, prompts), oracle.mean_neurons(module, prompts)

    def measure(some):
        of = [{part[1:] for part in some if part[0] == kind} for kind in ("head", "neuron")]
        values = [oracle.kept(module, prompts[i], of[0], fills[0], reads[i], (of[1], fills[1])) for i in (1, 3)]
        return sum(values) / 2

    none, whole = measure([]), measure(EVERY_PART)
    share = {some: (measure(some) - none) / (whole - none) for n in range(9) for some in combinations(EVERY_PART, n)}
    smallest = next(some for some in share if share[some] >= 0.9)
    assert set(smallest) == PARTS
    result = wb.patching.circuit(
        load_model(planted(), tokenizer=byte_tokenizer()), PLANTED, over=("head", "neuron"), **OPTIONS
    )
    kept = {("head", *at) for at in np.argwhere(result.member.values).tolist()}
    kept |= {("neuron", *at) for at in np.argwhere(result.neuron_member.values).tolist()}
    assert kept == PARTS
    assert [result.attrs[name] for name in ("size", "size_heads", "size_neurons")] == [3, 2, 1]
    assert result.faithfulness[3] == pytest.approx(share[smallest], abs=1e-4)
    assert result.completeness[3] == pytest.approx(share[tuple(p for p in EVERY_PART if p not in PARTS)], abs=1e-4)
    assert sorted([*result["rank"].values.ravel(), *result.neuron_rank.values.ravel()]) == list(range(1, 9))


def test_neurons_that_matter_less_are_tried_in_blocks_that_double():
    model = wrapped("gpt2")  # 3 x 128 neurons
    result = wb.patching.circuit(model, PAIRS, over=("neuron",), candidates=3, **OPTIONS)
    sizes = np.bincount(result.neuron_rank.values.ravel())[1:]
    assert sorted(sizes.tolist()) == sorted([1, 1, 1, 3, 6, 12, 24, 48, 96, 192])
    assert "member" not in result and "rank" not in result
    np.testing.assert_array_equal(np.diff(result.neurons), sizes)
    assert (result.heads == 0).all()
    assert result.faithfulness[-1] == pytest.approx(1, abs=1e-6)


def test_the_ranking_of_neurons_is_the_slope_times_the_change():
    model, module = wrapped("llama"), plain("llama")
    prompts = encode(model, PAIRS)
    metric = metric_for_pairs(model, prompts, "logit_difference").metric
    finding, measuring = (Task(model, prompts, range(at, len(PAIRS), 2), metric, "auto", ("neuron",)) for at in (0, 1))
    finding.share_means(measuring)
    prompts = [source for source, _ in encoded(PAIRS)]
    fills = oracle.mean_neurons(module, prompts)
    np.testing.assert_allclose(finding.means["neuron"], torch.stack(fills), atol=1e-5)
    change = sum(
        oracle.first_order(module, prompts[i], fills, token(PAIRS[i].answer), token(PAIRS[i].foil)) for i in (0, 2)
    )
    ranked = change.flatten()[finding.neurons_by_loss()]
    assert (ranked.diff() <= 1e-5).all()


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


def test_overlap_of_neurons():
    made = {"provenance": '{"model": null, "corpus": null}'}
    member = np.zeros((2, 40), dtype=bool)
    member[1, :3] = True
    one = xr.Dataset({"neuron_member": (("layer", "neuron"), member)}, attrs=made)
    result = wb.patching.overlap({"a": one, "b": one}, over="neuron")
    assert result.shared.values.tolist() == [[3, 3], [3, 3]]
    assert result.p_value[0, 1] < 0.01
    with pytest.raises(BadArgument, match="over='head'; it is"):
        wb.patching.overlap({"a": one, "b": one})


def test_refusals_and_interrupts(monkeypatch):
    model = wrapped("llama")
    with pytest.raises(BadPairs, match="3 pairs are too few"):
        wb.patching.circuit(model, make_pairs([5, 5, 5]), **OPTIONS)
    for options, said in (
        ({"keep": 0}, "keep=0; give a finite number above 0 and at most 1"),
        ({"keep": 1.5}, "keep=1.5; give a finite number above 0 and at most 1"),
        ({"controls": 0}, "controls=0; give a whole number from 1"),
        ({"candidates": -1}, "candidates=-1; give a whole number from 0"),
        ({"over": "head"}, "over='head'; give a list of texts"),
        ({"over": ("layer",)}, "it is .'head',., .'neuron',. or .'head', 'neuron'."),
        ({"over": ()}, "it is .'head',."),
    ):
        with pytest.raises(BadArgument, match=said):
            wb.patching.circuit(model, PAIRS, **options)
    with pytest.raises(UnsupportedSite, match="neuron"):
        wb.patching.circuit(wrapped("qwen3_moe"), PAIRS, over=("neuron",), **OPTIONS)
    with pytest.raises(BadArgument, match="two or more circuits"):
        wb.patching.overlap({"a": of([])})

    def stop(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["workbench.patching.circuits.mean_ablated_task"], "rescale", stop)
    with pytest.raises(Interrupted, match="the order is not finished"):
        wb.patching.circuit(model, PAIRS, **OPTIONS)
