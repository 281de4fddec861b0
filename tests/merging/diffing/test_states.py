"""States of two models: against a plain loop, and with a change planted in one layer."""

import numpy as np
import pytest
import torch

from tests.merging.diffing.cases import CORPUS, QUICK, made, moved
from tests.models import byte_tokenizer, tiny
from workbench.errors import BadArgument
from workbench.merging import side_by_side
from workbench.merging.diffing.states import through_lens
from workbench.text.corpus import Corpus


def states(before, after, corpus=CORPUS, **how):
    return side_by_side(before, after, corpus, parts=["states"], **{**QUICK, **how})["states"]


def by_hand(text):
    """States of every token but the first, before each layer, of two tiny models: [2, layer, position, d]."""
    ids = torch.tensor([byte_tokenizer()(text)["input_ids"]])
    streams = []
    for module in (tiny("llama"), tiny("llama", 1)):
        seen = []
        handle = module.model.norm.register_forward_pre_hook(lambda _, args, seen=seen: seen.append(args[0]))
        hidden = module(ids, output_hidden_states=True).hidden_states
        handle.remove()
        streams.append(torch.stack([*hidden[:-1], seen[0]])[:, 0, 1:].double().numpy())
    return np.stack(streams)


@torch.no_grad()
def test_equals_a_plain_loop():
    result = states(made(), made(seed=1))
    for language, texts in CORPUS.texts.items():
        distances, cosines, gaps, squares, norms = [], [], [], [], []
        for text in texts:
            old, new = by_hand(text)
            gap, size = new - old, np.linalg.norm(old, axis=-1)
            distances.append((np.linalg.norm(gap, axis=-1) / size).mean(1))
            cosines.append(((old * new).sum(-1) / size / np.linalg.norm(new, axis=-1)).mean(1))
            gaps.append(gap.mean(1))
            squares.append((gap**2).sum(-1).mean(1))
            norms.append(size.mean(1))
        row, difference = result.sel(language=language), np.mean(gaps, 0)
        length = np.linalg.norm(difference, axis=1)
        assert np.allclose(row.distance, np.mean(distances, 0), rtol=1e-4)
        assert np.allclose(row.cosine, np.mean(cosines, 0), atol=1e-5)
        assert np.allclose(row.difference, difference, atol=1e-5)
        assert np.allclose(row["shift"], length / np.mean(norms, 0), rtol=1e-4)
        assert np.allclose(row.common, length**2 / np.mean(squares, 0), rtol=1e-4)
        even, odd = np.mean(gaps[::2], 0), np.mean(gaps[1::2], 0)
        halves = (even * odd).sum(1) / np.linalg.norm(even, axis=1) / np.linalg.norm(odd, axis=1)
        assert np.allclose(row.halves, halves, atol=1e-5)


@pytest.mark.parametrize("layer", [0, 1, 2])
def test_a_change_in_one_layer_shows_from_there_on_and_not_before(layer):
    result = states(made(), moved([f"layers.{layer}.mlp.down"]))
    assert (result.distance[:, : layer + 1] == 0).all()
    assert (result.cosine[:, : layer + 1] == 1).all()
    assert (result.distance_low[:, layer + 1 :] > 0).all()
    assert (result.promoted[:, : layer + 1] == "").all()
    assert np.isnan(result.promoted_score[:, : layer + 1]).all()
    assert (result.promoted_score[:, layer + 1 :] > 0).all()


def test_a_planted_direction_is_read_as_its_token():
    model = made()
    head = model.module.get_output_embeddings()
    weight = getattr(head, "original_component", head).weight.detach().double().numpy()
    scale = model.norm_scale()[0].double().numpy()
    direction = np.zeros((1, 2, model.d_model))
    direction[0, 1] = weight[77] / scale
    read = through_lens(model, direction, 0)
    logits = weight @ (direction[0, 1] * scale)
    order = np.argsort(-logits)
    assert read["promoted"][1][0, 1].tolist() == [byte_tokenizer().decode([i]) for i in order[:5]]
    assert read["suppressed"][1][0, 1].tolist() == [byte_tokenizer().decode([i]) for i in order[::-1][:5]]
    assert np.allclose(read["promoted_score"][1][0, 1], ((logits - logits.mean()) / logits.std())[order[:5]], atol=1e-4)
    assert read["promoted_score"][1][0, 1, 0] > read["random_score"][1]
    assert (read["promoted"][1][0, 0] == "").all()


def test_the_batch_size_changes_rounding_alone():
    before, after = made(), made(seed=1)
    whole, single = states(before, after, batch_size="auto"), states(before, after, batch_size=1)
    for name in ("distance", "cosine", "difference", "halves"):
        assert np.allclose(whole[name], single[name], atol=1e-5)


def test_a_text_of_one_token_has_its_only_state():
    corpus = Corpus({"de": ("x",), "en": ("y",)}, aligned=True, source="made")
    result = states(made(), made(seed=1), corpus)
    assert np.isfinite(result.distance).all()
    assert np.isnan(result.halves).all()


def test_models_of_other_shapes_are_refused():
    wider = made("gpt2")
    with pytest.raises(BadArgument, match="compares models of one shape"):
        side_by_side(made(), other_depth(), CORPUS, parts=["states"], **QUICK)
    assert set(side_by_side(made(), other_depth(), CORPUS, **QUICK)) == {"outputs"}
    assert "states" in side_by_side(made(), wider, CORPUS, parts=["states"], **QUICK)


def other_depth():
    from transformers import LlamaConfig, LlamaForCausalLM

    from workbench.model.load import load_model

    torch.manual_seed(0)
    config = LlamaConfig(**{**tiny("llama").config.to_dict(), "num_hidden_layers": 2})
    return load_model(LlamaForCausalLM(config).eval(), tokenizer=byte_tokenizer())
