"""Small files in exactly the layouts that others publish, written with safetensors, NumPy, JSON and YAML alone."""

import json

import numpy as np
import torch
import yaml
from safetensors.torch import save_file

D, F, L = 32, 8, 3
DRAW = torch.Generator()


def normal(*shape, dtype=torch.float32):
    return torch.randn(*shape, generator=DRAW).to(dtype)


def positive(*shape, dtype=torch.float32):
    return (torch.rand(*shape, generator=DRAW) * 0.2 + 0.01).to(dtype)


def circuit_tracer_cross(folder, *, dtype=torch.float32, threshold=True, hook="hook_resid_mid"):
    DRAW.manual_seed(0)
    folder.mkdir()
    for i in range(L):
        encoder = {f"W_enc_{i}": normal(F, D), f"b_enc_{i}": normal(F), f"b_dec_{i}": normal(D)}
        if threshold:
            encoder[f"threshold_{i}"] = positive(F)
        save_file({name: value.to(dtype) for name, value in encoder.items()}, folder / f"W_enc_{i}.safetensors")
        save_file({f"W_dec_{i}": normal(F, L - i, D, dtype=dtype)}, folder / f"W_dec_{i}.safetensors")
    config = {
        "model_kind": "cross_layer_transcoder",
        "feature_input_hook": hook,
        "feature_output_hook": "hook_mlp_out",
        "model_name": "someone/model",
        "scan": "someone/clt",
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))


def circuit_tracer_set(folder, *, activation=None, skip=False, dtype=torch.float32):
    DRAW.manual_seed(1)
    folder.mkdir()
    for i in range(L):
        tensors = {"W_enc": normal(F, D), "W_dec": normal(F, D), "b_enc": normal(F), "b_dec": normal(D)}
        if activation is None:
            tensors["activation_function.threshold"] = positive(F)
        if skip:
            tensors["W_skip"] = normal(D, D)
        save_file({name: value.to(dtype) for name, value in tensors.items()}, folder / f"layer_{i}.safetensors")
    config = {
        "model_kind": "transcoder_set",
        "feature_input_hook": "ln2.hook_normalized",
        "feature_output_hook": "hook_mlp_out",
    }
    config |= {"activation": activation} if activation else {}
    config |= {"k": 3} if activation == "topk" else {}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))


def saelens(folder, *, layer=1, architecture="jumprelu_skip_transcoder", flat=False, dtype=torch.float32, **entries):
    DRAW.manual_seed(2 + layer)
    folder.mkdir(parents=True)
    tensors = {"W_enc": normal(D, F), "W_dec": normal(F, D), "b_enc": normal(F), "b_dec": normal(D)}
    if "jumprelu" in architecture:
        tensors["threshold"] = positive(F)
    if "skip" in architecture:
        tensors["W_skip"] = normal(D, D)
    save_file({name: value.to(dtype) for name, value in tensors.items()}, folder / "sae_weights.safetensors")
    hooks = {"hook_name": f"blocks.{layer}.hook_mlp_in"}
    if "transcoder" in architecture:
        hooks["hook_name_out"] = f"blocks.{layer}.hook_mlp_out"
    else:
        hooks["hook_name"] = f"blocks.{layer}.hook_resid_post"
    config = {"d_in": D, "d_sae": F, "dtype": "float32", "device": "cpu", "normalize_activations": "none"}
    if flat:
        config |= {"activation_fn_str": "relu", "prepend_bos": True, "hook_layer": layer, **hooks}
    else:
        config |= {"apply_b_dec_to_input": "transcoder" not in architecture, "reshape_activations": "none"}
        config["metadata"] = {"sae_lens_version": "6.12.1", "model_name": "gpt2", **hooks}
    config["architecture"] = architecture
    (folder / "cfg.json").write_text(json.dumps(config | entries))


def gemma_scope(folder, *, layers=range(L)):
    DRAW.manual_seed(3)
    for i in layers:
        own = folder / f"layer_{i}" / "width_16k" / "average_l0_76"
        own.mkdir(parents=True)
        tensors = {
            "W_enc": normal(D, F),
            "W_dec": normal(F, D),
            "b_enc": normal(F),
            "b_dec": normal(D),
            "threshold": positive(F),
        }
        np.savez(own / "params.npz", **{name: value.numpy() for name, value in tensors.items()})


def gemma_scope_2(folder, *, crossed=False, affine=True, dtype=torch.float32):
    DRAW.manual_seed(4)
    folder.mkdir()
    for i in range(L):
        tensors = {
            "w_enc": normal(D, F),
            "w_dec": normal(F, L, D) if crossed else normal(F, D),
            "b_enc": normal(F),
            "b_dec": normal(D),
            "threshold": positive(F),
        }
        if crossed:
            tensors["w_dec"][:, :i] = 0
        if affine:
            tensors["affine_skip_connection"] = normal(D, D)
        tensors = {name: value.to(dtype) for name, value in tensors.items()}
        if crossed:
            save_file(tensors, folder / f"params_layer_{i}.safetensors")
            continue
        own = folder / f"layer_{i}_width_16k_l0_big_affine"
        own.mkdir()
        save_file(tensors, own / "params.safetensors")
        config = {
            "architecture": "jump_relu",
            "model_name": "google/gemma-3-1b-pt",
            "hf_hook_point_in": f"model.layers.{i}.pre_feedforward_layernorm.output",
            "hf_hook_point_out": f"model.layers.{i}.post_feedforward_layernorm.output",
            "affine_connection": affine,
            "width": F,
            "l0": 60,
        }
        (own / "config.json").write_text(json.dumps(config))


def multilingual_clts(folder, *, crossed=True):
    DRAW.manual_seed(5)
    folder.mkdir()
    pairs = L * (L + 1) // 2 if crossed else L
    tensors = {
        "W_enc": normal(L, D, F),
        "b_enc": normal(L, F),
        "W_dec": normal(pairs, F, D),
        "b_dec": normal(pairs, D),
        "log_threshold": positive(L, F).log(),
        "feature_count": torch.zeros(L, F, dtype=torch.int64),
        "estimated_norm_scaling_factor_in": positive(L),
        "estimated_norm_scaling_factor_out": positive(L),
    }
    if crossed:
        sources, _ = torch.triu_indices(L, L)
        tensors["layer_mask"] = (sources == torch.arange(L)[:, None]).float()
    save_file(tensors, folder / "clt_weights.safetensors")
    config = {
        "device": "cuda",
        "dtype": "float32",
        "model_name": "gpt2",
        "d_in": D,
        "d_latent": F,
        "cross_layer_decoders": crossed,
    }
    (folder / "clt_cfg.json").write_text(json.dumps(config))
