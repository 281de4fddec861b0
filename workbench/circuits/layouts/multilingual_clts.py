"""The layout of MultilingualCLTs (arXiv 2511.10840): `clt_cfg.json` and `clt_weights.safetensors`.

After `src/featflow/clt.py` (`CLT`, `save_model`, `load_from_pretrained`, `replacement_forward`) of
https://github.com/abirharrasse/MultilingualCLTs. Decoders and their biases are stored by pair of layers, the source
first; a target's bias is the sum over its sources. There is no layer count: it is that of `b_enc`. Scales of what is
read and written are part of it.

No file says where it reads. The released inference reads what MLPs read, with scales; the released training read the
residual stream before the norm, without. So "mlp_in" is the default here, and `reads=` says otherwise.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import torch
from einops import rearrange
from safetensors.torch import save
from torch import Tensor

from workbench.circuits.layouts.parts import Layer, Sites, all_layers, assembled, folded, stored
from workbench.circuits.layouts.tensor_file import TensorFile, read_config
from workbench.circuits.transcoders.transcoder import Transcoder
from workbench.errors import BadTranscoder

CONFIG, WEIGHTS = "clt_cfg.json", "clt_weights.safetensors"
_READS, _WRITES = "mlp_in", "mlp_out"
_SCALES = ("estimated_norm_scaling_factor_in", "estimated_norm_scaling_factor_out")
_TRAINING = ("layer_mask", "feature_count")  # of the training alone


def read(folder: Path, sites: Sites) -> Transcoder:
    """The transcoder of a folder.

    Raises:
        BadTranscoder: a file or tensor is missing, broken or unknown.
    """
    config = read_config(folder / CONFIG)
    if config.get("activation_fn", "jumprelu") != "jumprelu":
        raise BadTranscoder(f"{folder / CONFIG} has the activation {config['activation_fn']!r} (known: jumprelu)")
    crossed = bool(config.get("cross_layer_decoders", True))
    file = TensorFile(folder / WEIGHTS)
    record = {"layout": "multilingual_clts", "dtype": file.dtype}
    encoder_bias = file.take("b_enc", None, None)
    n, f = encoder_bias.shape
    encoder = file.take("W_enc", n, None, f)
    d, pairs = encoder.shape[1], n * (n + 1) // 2 if crossed else n
    decoder, bias = file.take("W_dec", pairs, f, d), file.take("b_dec", pairs, d)
    theta = file.take("log_threshold", n, f, dtype=torch.float64).exp().float()
    scales = [file.take_if_there(name, n) for name in _SCALES]
    file.drop(*_TRAINING)
    file.finish()
    layers, start = {}, 0
    for i in range(n):
        count = n - i if crossed else 1
        own = rearrange(decoder[start : start + count], "target feature d -> feature target d")
        layers[i] = Layer(encoder[i], encoder_bias[i], own, _bias(bias, i, n, crossed), theta[i])
        start += count
    return assembled(
        layers,
        kind="cross_layer" if crossed else "per_layer",
        sites=(sites.reads or _READS, sites.writes or _WRITES),
        record=record,
        input_scale=scales[0],
        output_scale=scales[1],
    )


def _bias(biases: Tensor, target: int, n: int, crossed: bool) -> Tensor:
    """The bias of a layer: the sum over the pairs that it is the target of."""
    if not crossed:
        return biases[target]
    first = [source * n - source * (source - 1) // 2 for source in range(target + 1)]  # the pair (source, source)
    return biases[[start + target - source for source, start in enumerate(first)]].sum(0)


def write(transcoder: Transcoder, dtype: str) -> Iterator[tuple[str, bytes]]:
    """The files of a transcoder, by name; an input bias is folded.

    Logarithms of thresholds are float32 where that gives the thresholds back exactly, and float64 elsewhere. The bias
    of a layer stands at the pair of the layer with itself.

    Raises:
        BadTranscoder: it has a skip connection, is no JumpReLU with thresholds above 0, reads or writes something else
            than an MLP does, or its layers do not begin at 0.
    """
    all_layers(transcoder)
    thresholds = transcoder.activation == "jump_relu" and bool((transcoder.threshold > 0).all())
    if transcoder.skip is not None or not thresholds:
        raise BadTranscoder("MultilingualCLTs have JumpReLU alone, with thresholds above 0 and no skip connection")
    if (transcoder.reads, transcoder.writes) != (_READS, _WRITES):
        raise BadTranscoder(
            f"this layout does not say where it reads: it is for {_READS!r} and {_WRITES!r}, and this transcoder is of "
            f"{transcoder.reads!r} and {transcoder.writes!r}; save it as 'circuit_tracer'"
        )
    if transcoder.input_bias is not None:
        transcoder = folded(transcoder)
    n, f, d = len(transcoder.layers), transcoder.n_features, transcoder.width
    crossed = transcoder.kind == "cross_layer"
    config = {
        "device": "cpu",
        "dtype": dtype,
        "seed": 0,
        "model_name": str(transcoder.record.get("model", "")),
        "d_in": d,
        "d_latent": f,
        "n_layers": n,
        "jumprelu_bandwidth": 1.0,
        "jumprelu_init_threshold": 0.03,
        "normalize_decoder": False,
        "dead_feature_window": 250,
        "cross_layer_decoders": crossed,
        "context_size": 16,
        "l0_coefficient": 0.0,
    }
    yield CONFIG, (json.dumps(config, indent=2) + "\n").encode()
    sources = torch.triu_indices(n, n)[0]
    bias = torch.zeros(len(sources), d) if crossed else transcoder.decoder_bias
    if crossed:
        bias[torch.eye(n).bool()[tuple(torch.triu_indices(n, n))]] = transcoder.decoder_bias.cpu()
    tensors = {
        "W_enc": transcoder.encoder,
        "b_enc": transcoder.encoder_bias,
        "W_dec": torch.cat([rearrange(own, "feature target d -> target feature d") for own in transcoder.decoder]),
        "b_dec": bias,
    }
    files = {name: stored(name, value, dtype) for name, value in tensors.items()}
    files["log_threshold"] = _logarithm(transcoder.threshold.cpu(), dtype)
    files["feature_count"] = torch.zeros(n, f, dtype=torch.int64)
    scales = (transcoder.input_scale, transcoder.output_scale)
    files |= {name: value.cpu().clone() for name, value in zip(_SCALES, scales, strict=True)}
    if crossed:
        files["layer_mask"] = stored("layer_mask", (sources == torch.arange(n)[:, None]).float(), dtype)
    yield WEIGHTS, save(files)


def _logarithm(theta: Tensor, dtype: str) -> Tensor:
    exact = theta.double().log()
    if dtype != "float32":
        return stored("log_threshold", exact, dtype)
    short = exact.float()
    return short if bool((short.double().exp().float() == theta).all()) else exact
