"""States of one model put into the other."""

import numpy as np
import pytest
import torch

from tests.merging.diffing.cases import CORPUS, QUICK, made, moved
from tests.models import byte_tokenizer, tiny
from tests.patching.cases import make_pairs, token
from workbench.errors import BadArgument
from workbench.merging import side_by_side
from workbench.merging.diffing.exchange import exchange

PAIRS = make_pairs([6, 6, 8])


def exchanged(before, after, **how):
    return exchange(before, after, PAIRS, **{**QUICK, **how})


def test_the_last_states_of_the_other_model_give_its_logits_where_the_rest_is_equal():
    result = exchanged(made(), moved(["layers.0.mlp", "layers.2.self_attn"]))
    assert np.allclose(result.whole[-1], 1, atol=1e-4)
    assert np.allclose(result.effect.sel(layer=2, position=-1), 1, atol=1e-4)
    assert (result.effect.sel(layer=2).isel(position=slice(0, -1)).fillna(0) == 0).all()


def test_with_another_unembedding_the_last_states_are_not_all():
    result = exchanged(made(), moved(["lm_head"]))
    assert np.allclose(result.effect.fillna(0), 0, atol=1e-6)  # all states are equal
    assert np.allclose(result.whole, 0, atol=1e-4)


@pytest.mark.parametrize("layer", [0, 1, 2])
def test_all_states_after_the_changed_layer_are_the_other_model_and_before_it_nothing(layer):
    result = exchanged(made(), moved([f"layers.{layer}.mlp.down"]))
    assert np.allclose(result.whole[:layer], 0, atol=1e-4)
    assert np.allclose(result.whole[layer:], 1, atol=1e-3)


@torch.no_grad()
@pytest.mark.parametrize("metric", ["logit_difference", "nll"])
def test_equals_a_run_with_the_state_replaced_by_hand(metric):
    result = exchanged(made(), made(seed=1), metric=metric)
    before, after = tiny("llama"), tiny("llama", 1)
    pair, layer, position = 1, 1, 3
    text = PAIRS.items[pair]
    ids = torch.tensor([byte_tokenizer()(text.source)["input_ids"]])

    def read(module):
        logits = module(ids).logits[0].double()
        if metric == "nll":
            return float(-logits[:-1].log_softmax(-1)[torch.arange(ids.shape[1] - 1), ids[0, 1:]].mean())
        return float(logits[-1, token(text.answer)] - logits[-1, token(text.foil)])

    given = []
    handle = after.model.layers[layer].register_forward_hook(lambda _, args, out: given.append(out))
    value_after = read(after)
    handle.remove()
    given = given[0][0] if isinstance(given[0], tuple) else given[0]

    def patched(places):
        def hook(_, args, out):
            states = (out[0] if isinstance(out, tuple) else out).clone()
            states[:, places] = given[:, places]
            return (states, *out[1:]) if isinstance(out, tuple) else states

        handle = before.model.layers[layer].register_forward_hook(hook)
        value = read(before)
        handle.remove()
        return value

    row = result.sel(pair=pair)
    assert np.isclose(row.value_before, read(before), atol=1e-4)
    assert np.isclose(row.value_after, value_after, atol=1e-4)
    at = result.position.values[position + result.sizes["position"] - ids.shape[1]]
    assert np.isclose(row.pair_value.sel(layer=layer, position=at), patched([position]), atol=1e-4)
    alone = exchange(made(), made(seed=1), [vars_of(text)], metric=metric, **QUICK)
    old, whole = read(before), patched(slice(None))
    assert np.isclose(alone.whole[layer], (whole - old) / (value_after - old), atol=1e-3)


def vars_of(pair):
    return {"source": pair.source, "target": pair.target, "answer": pair.answer, "foil": pair.foil}


def test_a_model_in_itself_has_no_effect():
    result = exchanged(made(), made())
    assert np.isnan(result.effect).all()
    assert (result.value_before == result.value_after).all()


def test_the_exchange_needs_pairs():
    with pytest.raises(BadArgument, match="give pairs="):
        side_by_side(made(), made(), CORPUS, parts=["exchange"], **QUICK)
