"""Each layout: published files against their own formulas, and both directions to the bit."""

import json
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from huggingface_hub import snapshot_download
from safetensors.torch import load_file, save_file

import workbench as wb
from tests.circuits.cases import model_of, random_transcoder
from tests.circuits.layouts import published
from tests.circuits.layouts.published import D, F, L
from tests.circuits.transcoders.test_quality import exact, relu_model
from workbench import shipped
from workbench.errors import BadArgument, BadTranscoder, CannotWrite, WorkbenchWarning

FIELDS = ("encoder", "encoder_bias", "threshold", "decoder_bias", "input_scale", "output_scale", "input_bias", "skip")


def loaded(path, **options):
    with pytest.warns(WorkbenchWarning, match="not checked against a model"):
        return wb.circuits.load(path, **options)


def stated(path: Path) -> dict[str, np.ndarray]:
    """Every tensor of every file of a folder, by file and name, with the bytes that are stored."""
    tensors = {}
    for file in sorted(path.rglob("*")):
        where = str(file.relative_to(path))
        if file.suffix == ".safetensors":
            tensors |= {
                f"{where}:{name}": (str(v.dtype), v.view(-1).view(torch.uint8).numpy())
                for name, v in load_file(file).items()
            }
        if file.suffix == ".npz":
            with np.load(file) as archive:
                tensors |= {f"{where}:{name}": (str(archive[name].dtype), archive[name]) for name in archive.files}
    return tensors


def check_same_files(one: Path, other: Path) -> None:
    first, second = stated(one), stated(other)
    assert first.keys() == second.keys()
    for name, (dtype, values) in first.items():
        assert second[name][0] == dtype, name
        np.testing.assert_array_equal(second[name][1], values, err_msg=name)


def check_same(one, other):
    assert (one.kind, one.layers, one.reads, one.writes, one.activation, one.k) == (
        other.kind,
        other.layers,
        other.reads,
        other.writes,
        other.activation,
        other.k,
    )
    for name in FIELDS:
        values = getattr(one, name), getattr(other, name)
        assert (values[0] is None) == (values[1] is None), name
        assert values[0] is None or torch.equal(*values), name
    assert all(torch.equal(*pair) for pair in zip(one.decoder, other.decoder, strict=True))


def outputs(made, states):
    """Yhat of every layer, of states [layer, token, d]."""
    activations = [made.encode(place, states[place]) for place in range(len(made.layers))]
    return torch.stack([made.output(place, activations, states[place]) for place in range(len(made.layers))])


def states():
    return torch.randn(L, 5, D, generator=torch.Generator().manual_seed(9))


def jump(h, theta):
    return torch.where(h > theta, h, 0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("threshold", [True, False])
def test_circuit_tracer_cross_layer(tmp_path, dtype, threshold):
    published.circuit_tracer_cross(tmp_path / "clt", dtype=dtype, threshold=threshold)
    made = loaded(tmp_path / "clt")
    assert (made.kind, made.reads, made.writes) == ("cross_layer", "residual_mid", "mlp_out")
    assert made.activation == ("jump_relu" if threshold else "relu")
    x, total = states(), torch.zeros(L, 5, D)
    for i in range(L):
        enc = load_file(tmp_path / "clt" / f"W_enc_{i}.safetensors")
        dec = load_file(tmp_path / "clt" / f"W_dec_{i}.safetensors")[f"W_dec_{i}"].float()
        h = x[i] @ enc[f"W_enc_{i}"].float().T + enc[f"b_enc_{i}"].float()
        a = jump(h, enc[f"threshold_{i}"].float() if threshold else 0)
        total[i] += enc[f"b_dec_{i}"].float()
        for offset in range(L - i):
            total[i + offset] += a @ dec[:, offset]
    torch.testing.assert_close(outputs(made, x), total, rtol=1e-4, atol=1e-4)
    wb.circuits.save(made, tmp_path / "again", dtype=str(dtype).removeprefix("torch."))
    check_same_files(tmp_path / "clt", tmp_path / "again")
    check_same(made, loaded(tmp_path / "again"))
    assert made.record["dtype"] == str(dtype).removeprefix("torch.")


@pytest.mark.parametrize("activation", [None, "relu", "topk"])
@pytest.mark.parametrize("skip", [False, True])
def test_circuit_tracer_set(tmp_path, activation, skip):
    published.circuit_tracer_set(tmp_path / "set", activation=activation, skip=skip)
    made = loaded(tmp_path / "set")
    assert (made.kind, made.reads, made.k) == ("per_layer", "mlp_normalized", 3 if activation == "topk" else None)
    x, expected = states(), []
    for i in range(L):
        t = load_file(tmp_path / "set" / f"layer_{i}.safetensors")
        h = x[i] @ t["W_enc"].T + t["b_enc"]
        a = jump(h, t.get("activation_function.threshold", 0))
        if activation == "topk":
            a = torch.zeros_like(h).scatter(1, h.topk(3).indices, h.topk(3).values.relu())
        expected.append(a @ t["W_dec"] + t["b_dec"] + (x[i] @ t["W_skip"].T if skip else 0))
    torch.testing.assert_close(outputs(made, x), torch.stack(expected), rtol=1e-4, atol=1e-4)
    wb.circuits.save(made, tmp_path / "again")
    check_same_files(tmp_path / "set", tmp_path / "again")
    check_same(made, loaded(tmp_path / "again"))


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("architecture", ["standard", "jumprelu", "topk", "transcoder", "jumprelu_skip_transcoder"])
def test_saelens(tmp_path, architecture, flat):
    options = {"activation_fn_kwargs": {"k": 2}} if flat else {"k": 2}
    for layer in (1, 2):
        more = {"activation_fn_str": "topk"} if flat else {}
        published.saelens(
            tmp_path / "saes" / f"layer_{layer}",
            layer=layer,
            architecture=architecture,
            flat=flat,
            **({**options, **more} if architecture == "topk" else {}),
        )
    made = loaded(tmp_path / "saes")
    sae = "transcoder" not in architecture
    assert (made.layers, made.kind) == ((1, 2), "per_layer")
    assert (made.reads, made.writes) == (("residual_post",) * 2 if sae else ("residual_mid", "mlp_out"))
    x, expected = states()[:2], []
    for i in range(2):
        t = load_file(tmp_path / "saes" / f"layer_{i + 1}" / "sae_weights.safetensors")
        h = (x[i] - t["b_dec"] if sae else x[i]) @ t["W_enc"] + t["b_enc"]
        a = h.relu() * (h > t["threshold"]) if "threshold" in t else h.relu()
        if architecture == "topk":
            a = torch.zeros_like(h).scatter(1, h.topk(2).indices, h.topk(2).values.relu())
        expected.append(a @ t["W_dec"] + t["b_dec"] + (x[i] @ t["W_skip"].T if "W_skip" in t else 0))
    torch.testing.assert_close(outputs(made, x), torch.stack(expected), rtol=1e-4, atol=1e-4)
    wb.circuits.save(made, tmp_path / "again", layout="saelens")
    check_same_files(tmp_path / "saes", tmp_path / "again")
    check_same(made, loaded(tmp_path / "again"))
    check_same(loaded(tmp_path / "saes" / "layer_2"), loaded(tmp_path / "again" / "layer_2"))


def test_saelens_with_a_known_norm_is_the_folded_one(tmp_path):
    """As sae-lens folds it: W_enc times the factor, W_dec and b_dec divided by it."""
    published.saelens(
        tmp_path / "one",
        architecture="standard",
        normalize_activations="expected_average_only_in",
        norm_scaling_factor=0.3,
    )
    made = loaded(tmp_path / "one")
    t = load_file(tmp_path / "one" / "sae_weights.safetensors")
    x = states()[0]
    a = ((x - t["b_dec"] / 0.3) @ (t["W_enc"] * 0.3) + t["b_enc"]).relu()
    torch.testing.assert_close(
        outputs(made, x[None])[0], a @ (t["W_dec"] / 0.3) + t["b_dec"] / 0.3, rtol=1e-4, atol=1e-4
    )


def test_saelens_that_rescales_by_decoder_norms(tmp_path):
    published.saelens(tmp_path / "one", architecture="topk", k=2, rescale_acts_by_decoder_norm=True)
    made = loaded(tmp_path / "one")
    t = load_file(tmp_path / "one" / "sae_weights.safetensors")
    x, norm = states()[0], t["W_dec"].norm(dim=-1)
    h = ((x - t["b_dec"]) @ t["W_enc"] + t["b_enc"]) * norm
    a = torch.zeros_like(h).scatter(1, h.topk(2).indices, h.topk(2).values.relu())
    torch.testing.assert_close(outputs(made, x[None])[0], (a / norm) @ t["W_dec"] + t["b_dec"], rtol=1e-4, atol=1e-4)


def test_gemma_scope(tmp_path):
    published.gemma_scope(tmp_path / "gs")
    with pytest.raises(BadTranscoder, match="give reads= and writes="):
        wb.circuits.load(tmp_path / "gs")
    made = loaded(tmp_path / "gs", reads="mlp_in", writes="mlp_out")
    x, expected = states(), []
    for i in range(L):
        t = np.load(tmp_path / "gs" / f"layer_{i}" / "width_16k" / "average_l0_76" / "params.npz")
        h = x[i].numpy() @ t["W_enc"] + t["b_enc"]
        expected.append(np.maximum(h, 0) * (h > t["threshold"]) @ t["W_dec"] + t["b_dec"])
    np.testing.assert_allclose(outputs(made, x), np.stack(expected), rtol=1e-3, atol=1e-4)
    for dtype in ("float32", "float16"):
        wb.circuits.save(made, tmp_path / dtype, layout="gemma_scope", dtype=dtype)
    check_same(made, loaded(tmp_path / "float32", reads="mlp_in", writes="mlp_out"))
    for i in range(L):
        first = np.load(tmp_path / "gs" / f"layer_{i}" / "width_16k" / "average_l0_76" / "params.npz")
        second = np.load(tmp_path / "float32" / f"layer_{i}" / "params.npz")
        assert all(np.array_equal(first[name], second[name]) for name in first.files)
    one = tmp_path / "gs" / "layer_2" / "width_16k" / "average_l0_76" / "params.npz"
    assert loaded(one, reads="mlp_in", writes="mlp_out").layers == (2,)
    with pytest.raises(BadArgument, match="bfloat16"):
        wb.circuits.save(made, tmp_path / "no", layout="gemma_scope", dtype="bfloat16")


@pytest.mark.parametrize("crossed", [False, True])
@pytest.mark.parametrize("affine", [False, True])
def test_gemma_scope_2(tmp_path, crossed, affine):
    published.gemma_scope_2(tmp_path / "gs2", crossed=crossed, affine=affine, dtype=torch.bfloat16)
    made = loaded(tmp_path / "gs2")
    assert (made.kind, made.reads, made.writes) == ("cross_layer" if crossed else "per_layer", "mlp_in", "mlp_out")
    x, total = states(), torch.zeros(L, 5, D)
    for i in range(L):
        name = f"params_layer_{i}.safetensors" if crossed else f"layer_{i}_width_16k_l0_big_affine/params.safetensors"
        t = {key: value.float() for key, value in load_file(tmp_path / "gs2" / name).items()}
        h = x[i] @ t["w_enc"] + t["b_enc"]
        a = h.relu() * (h > t["threshold"])
        total[i] += t["b_dec"] + (x[i] @ t["affine_skip_connection"] if affine else 0)
        if crossed:
            total += torch.einsum("tf,fld->ltd", a, t["w_dec"])
        else:
            total[i] += a @ t["w_dec"]
    torch.testing.assert_close(outputs(made, x), total, rtol=1e-4, atol=1e-4)
    wb.circuits.save(made, tmp_path / "again", layout="gemma_scope_2", dtype="bfloat16")
    check_same(made, loaded(tmp_path / "again"))
    if crossed:
        check_same_files(tmp_path / "gs2", tmp_path / "again")


@pytest.mark.parametrize("crossed", [False, True])
def test_multilingual_clts(tmp_path, crossed):
    published.multilingual_clts(tmp_path / "clt", crossed=crossed)
    made = loaded(tmp_path / "clt")
    t = load_file(tmp_path / "clt" / "clt_weights.safetensors")
    x, total = states(), torch.zeros(L, 5, D)
    pairs = list(zip(*torch.triu_indices(L, L).tolist(), strict=True)) if crossed else [(i, i) for i in range(L)]
    for number, (source, target) in enumerate(pairs):
        h = t["estimated_norm_scaling_factor_in"][source] * x[source] @ t["W_enc"][source] + t["b_enc"][source]
        total[target] += jump(h, t["log_threshold"][source].exp()) @ t["W_dec"][number] + t["b_dec"][number]
    total /= t["estimated_norm_scaling_factor_out"][:, None, None]
    torch.testing.assert_close(outputs(made, x), total, rtol=1e-4, atol=1e-3)
    wb.circuits.save(made, tmp_path / "again", layout="multilingual_clts")
    check_same(made, loaded(tmp_path / "again"))
    wb.circuits.save(loaded(tmp_path / "again"), tmp_path / "third", layout="multilingual_clts")
    check_same_files(tmp_path / "again", tmp_path / "third")
    again = load_file(tmp_path / "again" / "clt_weights.safetensors")
    assert again.keys() == t.keys()
    for name in set(t) - {"b_dec"}:  # a bias for each pair becomes one for each target
        assert again[name].dtype == t[name].dtype and torch.equal(again[name], t[name]), name
    assert loaded(tmp_path / "again", reads="residual_mid").reads == "residual_mid"


@pytest.mark.parametrize("layout", ["circuit_tracer", "saelens", "gemma_scope", "gemma_scope_2"])
@pytest.mark.parametrize("kind", ["cross_layer", "per_layer"])
def test_scales_and_biases_go_into_the_weights(tmp_path, layout, kind):
    made = replace(random_transcoder(L, D, kind=kind, features=F), input_bias=0.3 * torch.ones(L, D))
    if kind == "cross_layer" and layout in ("saelens", "gemma_scope"):
        with pytest.raises(BadTranscoder, match="cross-layer"):
            wb.circuits.save(made, tmp_path / "no", layout=layout)
        assert not (tmp_path / "no").exists()
        return
    wb.circuits.save(made, tmp_path / "saved", layout=layout)
    sites = {"reads": "mlp_in", "writes": "mlp_out"} if layout == "gemma_scope" else {}
    again = loaded(tmp_path / "saved", **sites)
    torch.testing.assert_close(outputs(again, states()), outputs(made, states()), rtol=1e-4, atol=1e-5)
    assert (again.input_scale == 1).all() and again.input_bias is None


def test_thresholds_come_back_to_the_bit(tmp_path):
    """Also those whose logarithm float32 does not resolve; they are stored as float64."""
    made = random_transcoder(L, D, features=F)
    made = replace(made, threshold=torch.rand(L, F, generator=torch.Generator().manual_seed(3)) * 40 + 1e-6)
    wb.circuits.save(made, tmp_path / "saved", layout="multilingual_clts")
    check_same(made, loaded(tmp_path / "saved"))


def test_a_record_is_stored_where_there_is_room(tmp_path):
    made = replace(random_transcoder(L, D), record={"made": "here", "corpora": [{"source": "x"}]})
    wb.circuits.save(made, tmp_path / "saved")
    assert {"made": "here", "corpora": [{"source": "x"}]}.items() <= loaded(tmp_path / "saved").record.items()


def test_with_a_model_what_explains_nothing_is_refused(tmp_path):
    model, plain = relu_model()
    made = exact(plain)
    wb.circuits.save(made, tmp_path / "good")
    check_same(made, wb.circuits.load(tmp_path / "good", model))
    for own in (model.info["hash"], "0" * 64):
        wb.circuits.save(replace(made, record={"model": own}), tmp_path / own)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        wb.circuits.load(tmp_path / model.info["hash"], model)
    with pytest.warns(WorkbenchWarning, match="trained on a model of other weights than"):
        wb.circuits.load(tmp_path / ("0" * 64), model)
    with pytest.raises(BadTranscoder, match=r"explains nothing of .* in layers .* does it read 'residual_mid'"):
        wb.circuits.load(tmp_path / "good", model, reads="residual_mid")
    with pytest.raises(BadTranscoder, match="it reads width 16"):
        wb.circuits.save(random_transcoder(3, 16), tmp_path / "narrow")
        wb.circuits.load(tmp_path / "narrow", model_of())


def test_what_a_layout_cannot_express_is_refused(tmp_path):
    plain = random_transcoder(L, D, features=F, kind="per_layer")
    crossed = random_transcoder(L, D, features=F, skip=True)
    top = replace(plain, activation="topk", k=2)
    negative = replace(plain, threshold=-plain.threshold - 0.1)
    later = replace(plain, layers=(1, 2, 4))
    cases = [
        (crossed, "circuit_tracer", "no skip connection"),
        (later, "circuit_tracer", r"layers \[1, 2, 4\].*'saelens'"),
        (top, "saelens", "topk transcoder"),
        (replace(plain, reads="mlp_out", skip=crossed.skip), "saelens", "autoencoder with a skip"),
        (negative, "saelens", "below 0"),
        (replace(plain, reads="residual_mid"), "gemma_scope_2", "names no 'residual_mid'"),
        (top, "gemma_scope", "top-k"),
        (top, "gemma_scope_2", "no top-k"),
        (crossed, "multilingual_clts", "no skip"),
        (replace(plain, reads="residual_mid"), "multilingual_clts", "does not say where it reads"),
    ]
    for made, layout, message in cases:
        with pytest.raises(BadTranscoder, match=message):
            wb.circuits.save(made, tmp_path / "no", layout=layout)
        assert not any(tmp_path.iterdir()), "nothing is left behind"
    with pytest.raises(BadArgument, match=r"float16.*cannot hold"):
        wb.circuits.save(replace(plain, encoder_bias=plain.encoder_bias * 1e6), tmp_path / "no", dtype="float16")
    wb.circuits.save(plain, tmp_path / "there")
    with pytest.raises(CannotWrite, match="there already"):
        wb.circuits.save(plain, tmp_path / "there")


def edited(path, **entries):
    read = json.loads if path.suffix == ".json" else yaml.safe_load
    write = json.dumps if path.suffix == ".json" else yaml.safe_dump
    path.write_text(write({**read(path.read_text()), **entries}))


def changed(path, **tensors):
    values = {**load_file(path), **tensors}
    save_file({name: value for name, value in values.items() if value is not None}, path)


@pytest.mark.parametrize(
    ("make", "break_it", "message"),
    [
        ("circuit_tracer_cross", lambda p: (p / "W_enc_1.safetensors").unlink(), r"W_enc_1\.safetensors is missing"),
        ("circuit_tracer_cross", lambda p: (p / "W_dec_2.safetensors").unlink(), r"W_dec_2\.safetensors is missing"),
        (
            "circuit_tracer_cross",
            lambda p: (p / "W_dec_0.safetensors").write_bytes((p / "W_dec_0.safetensors").read_bytes()[:-40]),
            "cannot be read",
        ),
        (
            "circuit_tracer_cross",
            lambda p: changed(p / "W_enc_0.safetensors", b_enc_0=torch.full((F,), torch.nan)),
            "b_enc_0 in .* NaN",
        ),
        (
            "circuit_tracer_cross",
            lambda p: changed(p / "W_enc_0.safetensors", b_enc_0=torch.zeros(F + 1)),
            rf"shape \[{F + 1}\], expected \[{F}\]",
        ),
        ("circuit_tracer_cross", lambda p: changed(p / "W_enc_0.safetensors", extra=torch.zeros(1)), "extra"),
        (
            "circuit_tracer_cross",
            lambda p: changed(p / "W_enc_1.safetensors", threshold_1=None),
            "layer 1 has no threshold",
        ),
        ("circuit_tracer_cross", lambda p: edited(p / "config.yaml", feature_input_hook="hook_z"), "hook 'hook_z'"),
        ("circuit_tracer_cross", lambda p: edited(p / "config.yaml", model_kind="sae"), "model_kind 'sae'"),
        ("circuit_tracer_cross", lambda p: (p / "config.yaml").write_text("a: [1"), "cannot be read"),
        (
            "circuit_tracer_cross",
            lambda p: (p / "config.yaml").unlink(),
            "no files of a known layout.*W_dec_0.*circuit_tracer: config.yaml",
        ),
        ("circuit_tracer_set", lambda p: edited(p / "config.yaml", activation="gelu"), "activation 'gelu'"),
        ("circuit_tracer_set", lambda p: edited(p / "config.yaml", activation="topk"), "k None"),
        ("saelens", lambda p: edited(p / "cfg.json", architecture="gated"), "architecture 'gated'"),
        ("saelens", lambda p: edited(p / "cfg.json", normalize_activations="layer_norm"), "depends on each state"),
        (
            "saelens",
            lambda p: edited(p / "cfg.json", architecture="jumprelu", normalize_activations="expected_average_only_in"),
            "average norm",
        ),
        ("saelens", lambda p: edited(p / "cfg.json", metadata={"hook_name": "blocks.1.attn.hook_z"}), "attn.hook_z"),
        ("saelens", lambda p: (p / "cfg.json").write_text("{"), "cannot be read"),
        ("saelens", lambda p: (p / "sae_weights.safetensors").unlink(), "sae_weights.safetensors is missing"),
        ("saelens", lambda p: changed(p / "sae_weights.safetensors", W_dec=torch.zeros(F, D + 1)), "W_dec"),
        ("multilingual_clts", lambda p: changed(p / "clt_weights.safetensors", W_dec=torch.zeros(2, F, D)), "W_dec"),
        ("multilingual_clts", lambda p: (p / "clt_weights.safetensors").write_bytes(b""), "cannot be read"),
    ],
)
def test_what_is_broken_is_refused_in_one_line(tmp_path, make, break_it, message):
    getattr(published, make)(tmp_path / "files")
    break_it(tmp_path / "files")
    with pytest.raises(BadTranscoder, match=message) as caught:
        wb.circuits.load(tmp_path / "files")
    assert "\n" not in str(caught.value)


def test_broken_archives_are_refused(tmp_path):
    sites = {"reads": "mlp_in", "writes": "mlp_out"}
    published.gemma_scope(tmp_path / "files", layers=[0])
    (file,) = (tmp_path / "files").rglob("params.npz")
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadTranscoder, match="cannot be read"):
        wb.circuits.load(tmp_path / "files", **sites)
    np.savez(file, W_enc=np.array([{"a": 1}], dtype=object))
    with pytest.raises(BadTranscoder, match=r"cannot be read.*allow_pickle=False"):
        wb.circuits.load(tmp_path / "files", **sites)
    file.write_bytes(whole)
    twice = tmp_path / "files" / "layer_0" / "width_16k" / "average_l0_9"
    twice.mkdir()
    (twice / "params.npz").write_bytes(whole)
    with pytest.raises(BadTranscoder, match="several dictionaries of layer 0"):
        wb.circuits.load(tmp_path / "files", **sites)


def test_places_that_are_none(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadTranscoder, match=r"it has: nothing.*saelens: cfg\.json"):
        wb.circuits.load(tmp_path / "empty")
    for name in ("./nowhere", "nowhere", str(tmp_path / "none")):
        with pytest.raises(BadTranscoder, match="is no folder or file"):
            wb.circuits.load(name)
    with pytest.raises(BadTranscoder, match="the hub did not give it"):
        wb.circuits.load("nobody/nothing-here")
    with pytest.raises(BadArgument, match="layout='pickle'"):
        wb.circuits.load(tmp_path, layout="pickle")


def test_names_stand_for_the_cache_of_the_hub_and_for_what_is_shipped(tmp_path, monkeypatch):
    root, commit = tmp_path / "hub" / "models--someone--dictionaries", "0" * 40
    (root / "refs").mkdir(parents=True)
    (root / "refs" / "main").write_text(commit)
    (root / "snapshots" / commit).mkdir(parents=True)
    published.circuit_tracer_cross(root / "snapshots" / commit / "clt")
    monkeypatch.setattr("workbench.circuits.layouts.load.snapshot_download", cached(tmp_path / "hub"))
    made = loaded("someone/dictionaries/clt")
    with pytest.raises(BadTranscoder, match="has no 'set'"):
        wb.circuits.load("someone/dictionaries/set")
    monkeypatch.setattr(shipped, "DATA", root / "snapshots" / commit)
    check_same(made, loaded("clt"))


def cached(hub):
    """The hub's own function, on another cache and without a network."""
    return lambda *args, **options: snapshot_download(*args, cache_dir=hub, local_files_only=True, **options)
