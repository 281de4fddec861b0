"""Contexts of features against a plain loop, one text at a time."""

import numpy as np
import pytest
import torch

from tests.circuits.cases import model_of, random_transcoder
from workbench.circuits import contexts
from workbench.errors import BadArgument, BadTranscoder, Interrupted
from workbench.text.corpus import Corpus

TEXTS = {
    "en": ("good morning", "a cat", "yes, of course"),
    "ar": ("صباح الخير", "قطة", "نعم"),
    "zh": ("早安", "猫", "好"),
}
CORPUS = Corpus(TEXTS, aligned=True, source="test")
FEATURES = [(2, 5), (0, 3), (2, 1)]


@pytest.fixture(scope="module", params=["llama", "opt"])
def model(request):
    return model_of(request.param)


@pytest.fixture(scope="module")
def transcoder(model):
    return random_transcoder(model.n_layers, model.d_model)


@torch.no_grad()
def plain(model, transcoder, text, layer, number):
    """Activations at a text's tokens after BOS: the MLP's input caught by a hook of PyTorch's own."""
    states = []
    module = model.module.model
    mlp = module.layers[layer].mlp if hasattr(module, "layers") else module.decoder.layers[layer].fc1
    handle = mlp.register_forward_pre_hook(lambda _, inputs: states.append(inputs[0].reshape(-1, model.d_model)))
    model.module(torch.tensor([model.tokenizer(text)["input_ids"]]))
    handle.remove()
    before = transcoder.input_scale[layer] * states[0] @ transcoder.encoder[layer][:, number]
    before = before + transcoder.encoder_bias[layer, number]
    return torch.where(before > transcoder.threshold[layer, number], before, 0)[1:].numpy()


def test_contexts_are_those_of_the_plain_loop(model, transcoder):
    result = contexts(transcoder, model, CORPUS, FEATURES, top=2, batch_size=2, progress=False)
    assert result.feature.values.tolist() == ["2/5", "0/3", "2/1"]
    assert list(zip(result.layer.values, result.number.values, strict=True)) == FEATURES
    for place, (layer, number) in enumerate(FEATURES):
        for language, rows in TEXTS.items():
            values = [plain(model, transcoder, text, layer, number) for text in rows]
            peaks = np.array([value.max() for value in values])
            order = [row for row in np.argsort(-peaks)[:2] if peaks[row] > 0]
            cell = result.isel(feature=place).sel(language=language)
            assert cell.row.values.tolist() == [*order, *[-1] * (2 - len(order))]
            np.testing.assert_allclose(cell.activation[: len(order)], peaks[order], rtol=1e-4)
            assert float(cell.rate) == pytest.approx((np.concatenate(values) > 0).mean())
            for context, row in enumerate(order):
                assert "".join(cell.text.values[context]) in rows[row]
                marked = float(cell.value[context, int(cell.peak[context])])
                assert marked == pytest.approx(float(cell.activation[context]), rel=1e-6)
                assert np.nanmax(cell.value[context]) == pytest.approx(marked)
            assert (cell.peak.values[len(order) :] == -1).all() and (cell.text.values[len(order) :] == "").all()
    assert ((result.text == "") == np.isnan(result.value)).all()


def test_the_window_is_around_the_marked_piece(model, transcoder):
    whole = contexts(transcoder, model, CORPUS, FEATURES, top=1, window=99, progress=False)
    near = contexts(transcoder, model, CORPUS, FEATURES, top=1, window=2, progress=False)
    assert near.sizes["piece"] <= 5
    for at in np.argwhere(near.peak.values >= 0):
        here, there = int(near.peak.values[tuple(at)]), int(whole.peak.values[tuple(at)])
        all_pieces = [text for text in whole.text.values[tuple(at)] if text]
        assert [text for text in near.text.values[tuple(at)] if text] == all_pieces[max(0, there - 2) : there + 3]
        assert here == min(there, 2)


def test_a_feature_that_is_never_active_has_no_context(model, transcoder):
    silent = random_transcoder(model.n_layers, model.d_model)
    silent.threshold[:] = 1e6
    result = contexts(silent, model, CORPUS, [(1, 0)], progress=False)
    assert not result.rate.any() and (result.row == -1).all() and result.activation.isnull().all()


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ([], "at least one"),
        ([(0, 1), (0, 1)], "each once"),
        ([(3, 1)], "layers"),
        ([(0, 24)], "from 0 to 23"),
        ([7], "pairs"),
    ],
)
def test_wrong_features_are_refused(model, transcoder, features, message):
    with pytest.raises(BadArgument, match=message):
        contexts(transcoder, model, CORPUS, features, progress=False)


def test_another_models_transcoder_is_refused(model):
    with pytest.raises(BadTranscoder):
        contexts(random_transcoder(model.n_layers, model.d_model + 1), model, CORPUS, [(0, 1)], progress=False)


def test_an_interrupt_leaves_nothing(model, transcoder, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(type(model), "states", stop)
    with pytest.raises(Interrupted, match="after 0 of 9 texts"):
        contexts(transcoder, model, CORPUS, FEATURES, progress=False)
