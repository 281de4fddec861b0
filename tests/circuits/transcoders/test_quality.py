"""Quality against a plain loop over texts with hooks on the plain module, and against exact transcoders."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
import transformers as hf

import workbench as wb
from tests.circuits.cases import model_of, random_transcoder
from tests.models import byte_tokenizer
from workbench.circuits.transcoders.fit import Fit, Means, check_explains
from workbench.circuits.transcoders.replaced import replaced
from workbench.circuits.transcoders.transcoder import Transcoder
from workbench.errors import BadArgument, BadTranscoder, Interrupted
from workbench.text.corpus import Corpus

TEXTS = {
    "de": ("Der Hund bellt.", "Es regnet", "Na ja", "Gut"),
    "en": ("The dog", "It rains all day", "No"),
}
CORPUS = Corpus(TEXTS, aligned=False, source="here")
QUIET = {"progress": False, "batch_size": 2}


def relu_model():
    """A tiny GPT-2 whose MLPs are ungated ReLUs, so that each of them is a transcoder."""
    torch.manual_seed(0)
    config = hf.GPT2Config(
        vocab_size=300, n_embd=32, n_layer=3, n_head=4, n_positions=128, activation_function="relu", bos_token_id=1
    )
    module = hf.GPT2LMHeadModel(config).eval()
    for parameter in module.parameters():  # biases that are not 0
        parameter.data += 0.02 * torch.randn_like(parameter)
    plain = copy.deepcopy(module)
    return wb.load_model(module, tokenizer=byte_tokenizer()), plain


def exact(plain) -> Transcoder:
    mlps = [block.mlp for block in plain.transformer.h]
    layers = len(mlps)
    return Transcoder(
        kind="per_layer",
        layers=tuple(range(layers)),
        encoder=torch.stack([mlp.c_fc.weight.detach() for mlp in mlps]),
        encoder_bias=torch.stack([mlp.c_fc.bias.detach() for mlp in mlps]),
        threshold=torch.zeros(layers, 128),
        decoder=tuple(mlp.c_proj.weight.detach()[:, None] for mlp in mlps),
        decoder_bias=torch.stack([mlp.c_proj.bias.detach() for mlp in mlps]),
        input_scale=torch.ones(layers),
        output_scale=torch.ones(layers),
        activation="relu",
    )


def as_cross_layer(made: Transcoder) -> Transcoder:
    """The same with decoders to later layers that are zero."""
    layers = len(made.layers)
    decoders = []
    for place, weight in enumerate(made.decoder):
        wide = torch.zeros(weight.shape[0], layers - place, made.width)
        wide[:, :1] = weight
        decoders.append(wide)
    return replace(made, kind="cross_layer", decoder=tuple(decoders))


def by_hand(model, plain, made, mode):
    """Per language: explained and l0 by layer, and nll, kl, agreement, one text at a time in the plain module."""
    layers = made.layers
    rows = {k: [model.tokenizer(text).input_ids[: len(text) + 1] for text in texts] for k, texts in TEXTS.items()}

    def run(ids, writes=None):
        seen, handles = {}, []
        for place, layer in enumerate(layers):

            def hook(module, args, output, place=place):
                seen[place] = args[0][0], output[0]
                if writes is None:
                    return None
                own = writes(place, seen)
                return torch.cat([output[:, :1], own[None, 1:]], 1)

            handles.append(plain.transformer.h[layer].mlp.register_forward_hook(hook))
        logits = plain(torch.tensor([ids])).logits[0]
        for handle in handles:
            handle.remove()
        return logits.double().log_softmax(-1), seen

    def guess(place, seen):
        return made.output(place, [made.encode(p, seen[p][0]) for p in range(place + 1)], seen[place][0])

    with torch.no_grad():
        written = {k: [torch.cat([run(ids)[1][p][1][1:] for ids in rows[k]]) for p in range(len(layers))] for k in rows}
        means = [torch.cat([written[k][p] for k in rows]).mean(0) for p in range(len(layers))]
        numbers = {}
        for k in rows:
            residual, active, tokens = torch.zeros(len(layers)), torch.zeros(len(layers)), 0
            per_text = []
            for ids in rows[k]:
                truth, seen = run(ids)
                tokens += len(ids) - 1
                for p in range(len(layers)):
                    residual[p] += ((seen[p][1] - guess(p, seen))[1:] ** 2).sum()
                    active[p] += (made.encode(p, seen[p][0])[1:] > 0).sum()
                writes = guess if mode == "replaced" else lambda p, seen: means[p].expand_as(seen[p][1])
                other, _ = run(ids, writes)
                truth, other, following = truth[1:-1], other[1:-1], torch.tensor(ids[2:])[:, None]
                kl = (truth.exp() * (truth - other)).sum(-1).mean()
                agree = (truth.argmax(-1) == other.argmax(-1)).double().mean()
                base, nll = (-each.gather(1, following).mean() for each in (truth, other))
                per_text.append([float(value) for value in (nll, kl, agree, base)])
            spread = [((y - y.mean(0)) ** 2).sum() for y in written[k]]
            explained = [1 - float(residual[p] / spread[p]) for p in range(len(layers))]
            numbers[k] = explained, (active / tokens).tolist(), np.mean(per_text, 0)
    return numbers


@pytest.mark.parametrize("kind", ["cross_layer", "per_layer"])
@pytest.mark.parametrize("skip", [False, True])
def test_against_a_plain_loop(kind, skip):
    model, plain = relu_model()
    made = random_transcoder(3, 32, kind=kind, skip=skip)
    result = wb.circuits.quality(made, model, CORPUS, **QUIET)
    for mode in ("replaced", "mean_ablated"):
        for language, (explained, l0, outputs) in by_hand(model, plain, made, mode).items():
            own = result.sel(language=language)
            np.testing.assert_allclose(own.explained, explained, rtol=1e-4)
            np.testing.assert_allclose(own.l0, l0, rtol=1e-6)
            measured = [float(own.sel(mode=mode)[name]) for name in ("nll", "kl", "agreement")]
            np.testing.assert_allclose([*measured, float(own.baseline)], outputs, rtol=1e-4)
    assert result.tokens.values.tolist() == [len("".join(texts)) for texts in TEXTS.values()]
    for name in ("explained", "l0", "nll", "kl", "agreement"):
        assert (result[f"{name}_low"] <= result[name] + 1e-12).all()
        assert (result[name] <= result[f"{name}_high"] + 1e-12).all()


def test_a_relu_mlp_is_an_exact_transcoder():
    model, plain = relu_model()
    made = exact(plain)
    result = wb.circuits.quality(made, model, CORPUS, modes=("replaced",), **QUIET)
    np.testing.assert_allclose(result.explained, 1, atol=1e-6)
    np.testing.assert_allclose(result.kl, 0, atol=1e-6)
    np.testing.assert_allclose(result.nll.sel(mode="replaced"), result.baseline, atol=1e-6)
    assert (result.agreement == 1).all()
    batch = model.batch(["Der Hund", "Na"])
    clean = model.logits(batch)
    with replaced(model, made, batch):
        changed = model.logits(batch)
    real = batch.mask.bool()
    torch.testing.assert_close(changed[real], clean[real], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(model.logits(batch), clean)  # the hooks are gone
    check_explains(made, model)


def test_zeros_beyond_the_own_layer_change_nothing():
    model = model_of()
    made = random_transcoder(model.n_layers, model.d_model, kind="per_layer")
    first, second = (wb.circuits.quality(each, model, CORPUS, **QUIET) for each in (made, as_cross_layer(made)))
    for name in first.data_vars:
        np.testing.assert_allclose(first[name], second[name], rtol=1e-6, err_msg=str(name))


@pytest.mark.parametrize("architecture", ["llama", "gemma2", "cohere", "neox", "bloom", "opt", "qwen3_moe"])
def test_writing_replaces_what_is_written(architecture):
    """Means as outputs: the residual stream after the last layer is what comes before it plus the mean."""
    model = model_of(architecture)
    made = random_transcoder(model.n_layers, model.d_model)
    batch = model.batch(["Hallo Welt", "Na"])
    with replaced(model, made, batch):
        changed = model.logits(batch)
    clean, real = model.logits(batch), batch.mask.bool()
    assert (changed - clean)[real].abs().max() > 1e-3
    torch.testing.assert_close(changed[:, 0], clean[:, 0])  # BOS keeps its own


def test_batches_and_order_do_not_matter():
    model = model_of()
    made = random_transcoder(model.n_layers, model.d_model)
    shuffled = Corpus({k: texts[::-1] for k, texts in TEXTS.items()}, aligned=False, source="here")
    first = wb.circuits.quality(made, model, CORPUS, **QUIET)
    second = wb.circuits.quality(made, model, shuffled, progress=False, batch_size=4)
    for name in first.data_vars:
        np.testing.assert_allclose(first[name], second[name], rtol=1e-5, atol=1e-7, err_msg=str(name))


@pytest.mark.parametrize("reads", ["residual", "residual_mid", "mlp_normalized", "mlp_in"])
@pytest.mark.parametrize("architecture", ["llama", "gemma2", "gpt2"])
def test_every_site_is_read(architecture, reads):
    """Also those inside norms, which are not run where norms are fused."""
    model = model_of(architecture)
    made = replace(random_transcoder(model.n_layers, model.d_model), reads=reads)
    result = wb.circuits.quality(made, model, CORPUS, **QUIET)
    assert result.nll.notnull().all() and (result.l0 > 0).all()


def test_an_autoencoder_of_a_residual_stream():
    model = model_of()
    made = replace(
        random_transcoder(model.n_layers, model.d_model, kind="per_layer"), reads="residual", writes="residual"
    )
    result = wb.circuits.quality(made, model, CORPUS, modes=(), **QUIET)
    assert set(result.data_vars) >= {"explained", "l0", "dead"} and "mode" not in result.dims


def test_repeats_are_one_text_and_silent_features_are_dead():
    model = model_of()
    made = random_transcoder(model.n_layers, model.d_model)
    silent = made.encoder_bias.clone()
    silent[:, :6] = -1000
    made = replace(made, encoder_bias=silent)
    twice = Corpus({"de": ("Der Hund",) * 3}, aligned=False, source="here")
    result = wb.circuits.quality(made, model, twice, modes=(), **QUIET)
    assert result.explained_low.isnull().all()
    assert (result.dead >= 6 / 24).all()


def test_a_random_control_never_has_all_features_at_all_tokens(monkeypatch):
    model = model_of()
    made = random_transcoder(model.n_layers, model.d_model)
    expected = wb.circuits.random(made, model, CORPUS, **QUIET)
    monkeypatch.setattr("workbench.circuits.transcoders.random_control._NUMBERS", 100)
    largest = []
    original = type(made).preactivation

    def watched(self, place, states):
        values = original(self, place, states)
        largest.append(values.numel())
        return values

    with monkeypatch.context() as patch:
        patch.setattr("workbench.circuits.transcoders.random_control._Squares.add", lambda *_: None)
        patch.setattr("workbench.circuits.transcoders.random_control._Squares.solved", lambda own: own.control)
        patch.setattr(type(made), "preactivation", watched)
        control = wb.circuits.random(made, model, CORPUS, **QUIET)
    assert max(largest) <= 100
    torch.testing.assert_close(control.encoder_bias, expected.encoder_bias, atol=1e-5, rtol=1e-5)


def test_features_of_one_layer_at_a_time_are_in_memory(monkeypatch):
    model = model_of()
    made = random_transcoder(model.n_layers, model.d_model, kind="per_layer")
    original = type(made).output

    def watched(self, place, activations, states=None):
        assert not any(own.numel() for own in activations[:place])
        return original(self, place, activations, states)

    monkeypatch.setattr(type(made), "output", watched)
    wb.circuits.quality(made, model, CORPUS, **QUIET)


def test_a_random_control_has_the_best_decoders():
    """Least squares by numpy, and as many active features as the transcoder."""
    model = model_of()
    long = Corpus(
        {k: tuple(t * 3 + str(i) for i in range(6) for t in texts) for k, texts in TEXTS.items()},
        aligned=False,
        source="here",
    )
    for kind in ("cross_layer", "per_layer"):
        made = random_transcoder(model.n_layers, model.d_model, kind=kind)
        control = wb.circuits.random(made, model, long, **QUIET)
        ours, theirs = (wb.circuits.quality(each, model, long, modes=(), **QUIET) for each in (control, made))
        assert (ours.explained > 0).all()
        np.testing.assert_allclose(ours.l0.mean("language"), theirs.l0.mean("language"), rtol=0.1)
        _check_least_squares(model, control, long)
        assert control.digest == wb.circuits.random(made, model, long, progress=False, batch_size=2).digest


def _check_least_squares(model, control, corpus):
    from workbench.circuits.transcoders.states import read_and_written

    states, targets = [[] for _ in control.layers], [[] for _ in control.layers]
    for texts in corpus.texts.values():
        for text in texts:
            read, written = read_and_written(model, control, model.batch(text))
            for place in range(len(control.layers)):
                states[place].append(control.encode(place, read[place, 0, 1:]).double())
                targets[place].append(written[place, 0, 1:].double())
    for place in range(len(control.layers)):
        sources = range(place + 1) if control.kind == "cross_layer" else [place]
        parts = [torch.cat(states[source]) for source in sources]
        rows = torch.cat([torch.ones_like(parts[0][:, :1]), *parts], 1).numpy()
        truth = torch.cat(targets[place]).numpy() * float(control.output_scale[place])
        best = np.linalg.lstsq(rows, truth, rcond=None)[0]
        own = np.concatenate(
            [
                control.decoder_bias[place][None].numpy(),
                *(control.decoder[source][:, place - source].numpy() for source in sources),
            ]
        )
        error, least = (np.square(truth - rows @ weight).sum() for weight in (own, best))
        assert error == pytest.approx(least, rel=1e-3)


def test_what_explains_nothing_is_refused():
    model, plain = relu_model()
    made = exact(plain)
    wrong = replace(made, decoder=(made.decoder[0], -made.decoder[1], made.decoder[2]))
    with pytest.raises(BadTranscoder, match=r"explains nothing of .* in layers 1 \(-"):
        check_explains(wrong, model)
    with pytest.raises(BadTranscoder, match="width 16"):
        wb.circuits.quality(random_transcoder(3, 16), model, CORPUS, **QUIET)
    with pytest.raises(BadArgument, match="modes='zero'"):
        wb.circuits.quality(made, model, CORPUS, modes=("zero",), **QUIET)


@pytest.mark.parametrize("batch", [0, 5])
def test_an_interruption_leaves_the_texts_that_were_read(monkeypatch, batch):
    """In the pass for means nothing is known yet; in the second one, of the texts so far."""
    model = model_of()
    made = random_transcoder(model.n_layers, model.d_model)
    steps = iter(range(100))
    original = Fit.add if batch else Means.add

    def stopping(self, *arguments):
        if next(steps) == 1:
            raise KeyboardInterrupt
        return original(self, *arguments)

    monkeypatch.setattr(Fit if batch else Means, "add", stopping)
    with pytest.raises(Interrupted, match=f"{2 if batch else 0} of 7 texts") as stopped:
        wb.circuits.quality(made, model, CORPUS, **QUIET)
    partial = stopped.value.partial
    assert int(partial.tokens.sum()) > 0 if batch else partial.explained.isnull().all()
