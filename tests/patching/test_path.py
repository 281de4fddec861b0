import sys

import numpy as np
import pytest

import workbench as wb
from tests.oracles import patching as loops
from tests.oracles import patching_path as oracle
from tests.patching.cases import encoded, make_pairs, plain, token, wrapped
from workbench.errors import BadArgument, BadPairs, Interrupted, UnsupportedSite
from workbench.text.pairs import Pair, Pairs

path = wb.patching.path
MIXED = make_pairs([5, 7], seed=1)
RECEIVERS = [("final",), ("residual", 2), ("q", 2, 3), ("k", 2, 1), ("v", 1, 0)]


@pytest.mark.parametrize("through_mlps", [True, False])
@pytest.mark.parametrize("receiver", RECEIVERS, ids=lambda receiver: receiver[0])
@pytest.mark.parametrize("kind", ["llama", "gpt2", "gemma2"])
def test_agrees_with_the_definition_over_unpadded_pairs(kind, receiver, through_mlps):
    agrees(kind, receiver, through_mlps)


@pytest.mark.parametrize("kind", ["mistral", "bloom"])  # Bloom adds the residual stream inside attention and MLP
def test_agrees_where_attention_adds_the_residual_stream_or_slides(kind):
    agrees(kind, ("residual", 2), True)


def agrees(kind, receiver, through_mlps):
    asked = receiver if len(receiver) > 1 else receiver[0]
    result = path(wrapped(kind), MIXED, receiver=asked, through_mlps=through_mlps, progress=False)
    assert result.effect.dims == ("layer", "head")
    for row, pair in enumerate(encoded(MIXED)):
        read = loops.difference(token(MIXED[row].answer), token(MIXED[row].foil))
        expected = np.array(oracle.path(plain(kind), pair, receiver, read, through_mlps))
        np.testing.assert_allclose(result.pair_value[row], expected, atol=1e-5)
        assert np.ptp(expected) > 1e-4, "the path must matter, or the comparison says nothing"
    values, source, target = (result[name].values for name in ("pair_value", "source_value", "target_value"))
    effect = (values.mean(0) - target.mean()) / (source.mean() - target.mean())
    np.testing.assert_allclose(result.effect, effect, rtol=1e-6, atol=1e-9)


def test_heads_behind_the_receiver_send_nothing_and_others_than_senders_are_unknown():
    model = wrapped("llama")
    result = path(model, MIXED, receiver=("q", 1, 2), senders=[(0, 3), (2, 1)], progress=False)
    whole = path(model, MIXED, receiver=("q", 1, 2), progress=False)
    assert result.effect[2, 1] == 0
    assert (whole.effect[1:] == 0).all()
    np.testing.assert_allclose(result.pair_value[:, 0, 3], whole.pair_value[:, 0, 3], atol=1e-6)
    assert int(np.isfinite(result.effect).sum()) == 2


def test_the_last_layer_has_no_path_but_the_direct_one():
    model = wrapped("gemma2")
    direct, all_paths = path(model, MIXED, progress=False), wb.patching.sweep(model, MIXED, site="head", progress=False)
    np.testing.assert_allclose(direct.pair_value[:, -1], all_paths.pair_value[:, -1], atol=1e-5)
    assert not np.allclose(direct.pair_value[:, 0], all_paths.pair_value[:, 0], atol=1e-3)


def test_a_run_patched_by_itself_is_bit_identical():
    same = Pairs((Pair("abcde", "abcde", "kord", "lord"),), "same")
    result = path(wrapped("llama"), same, receiver=("residual", 2), progress=False)
    np.testing.assert_array_equal(result.pair_value[0], np.full((3, 4), float(result.target_value[0])))


def test_an_interrupt_keeps_what_is_finished(monkeypatch):
    module = sys.modules["workbench.patching.path"]  # the package's own `path` is the function
    real = module.patch_path

    def breaks(runs, end, layer, heads, *, last):
        if layer == 2:
            raise KeyboardInterrupt
        return real(runs, end, layer, heads, last=last)

    monkeypatch.setattr(module, "patch_path", breaks)
    with pytest.raises(Interrupted, match="2 of 3 layers") as stopped:
        path(wrapped("llama"), MIXED, progress=False)
    assert np.isfinite(stopped.value.partial.effect[:2]).all()
    assert np.isnan(stopped.value.partial.effect[2]).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"receiver": "q"}, "is not a receiver .works: 'final'"),
        ({"receiver": ("q", 1)}, "is not a receiver"),
        ({"receiver": ("residual", 0)}, "its layer is 1 to 2"),
        ({"receiver": ("k", 1, 2)}, "has heads 0 to 1 of 'k'"),
        ({"senders": [(3, 0)]}, "layers 0 to 2 of heads 0 to 3"),
        ({"senders": []}, "senders is empty"),
    ],
)
def test_bad_arguments_say_what_would_work(options, message):
    with pytest.raises(BadArgument, match=message):
        path(wrapped("llama"), MIXED, progress=False, **options)


def test_prompts_of_unequal_length_are_refused():
    with pytest.raises(BadPairs, match="source has"):
        path(wrapped("llama"), Pairs((Pair("abc", "abcde", "kord", "lord"),), "unequal"), progress=False)


def test_sites_that_the_architecture_does_not_have_are_refused():
    experts = wrapped("qwen3_moe")
    with pytest.raises(UnsupportedSite, match="cannot do 'neuron'"):
        path(experts, MIXED, through_mlps=False, progress=False)
    assert np.isfinite(path(experts, MIXED, senders=[(2, 0)], progress=False).effect[2, 0])


def test_answers_that_begin_alike_are_refused():
    with pytest.raises(BadPairs, match="both begin with the token 'k'"):
        path(wrapped("llama"), Pairs((Pair("abcde", "abxde", "kord", "kund"),), "alike"), progress=False)
