"""circuit-tracer's layouts: a folder with `config.yaml` and files by layer.

After `circuit_tracer/transcoder/cross_layer_transcoder.py` (`to_safetensors`, `load_clt`),
`single_layer_transcoder.py` (`to_safetensors`, `load_transcoder_set`) and `utils/hf_utils.py` of
https://github.com/safety-research/circuit-tracer. Hooks in the config lie in a block, such as `hook_resid_mid`.

Of a set with "topk", circuit-tracer leaves values below 0 that are among the k largest; here they are 0.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
import yaml
from safetensors.torch import save

from workbench.circuits.layouts.parts import NOT_WRITTEN, Layer, Sites, all_layers, assembled, folded, stored
from workbench.circuits.layouts.sites import hook_of, site_of
from workbench.circuits.layouts.tensor_file import TensorFile, read_config
from workbench.circuits.transcoders.transcoder import Transcoder
from workbench.errors import BadTranscoder

CONFIG = "config.yaml"
CROSS, SET = "cross_layer_transcoder", "transcoder_set"
_THRESHOLD = "activation_function.threshold"


def read(folder: Path, sites: Sites) -> Transcoder:
    """The transcoder of a folder.

    Raises:
        BadTranscoder: a file or an entry is missing, broken or unknown.
    """
    config = read_config(folder / CONFIG)
    kind = config.get("model_kind")
    if kind not in (CROSS, SET):
        raise BadTranscoder(f"{folder / CONFIG} has model_kind {kind!r} (known: {CROSS}, {SET})")
    entries = ((sites.reads, "feature_input_hook"), (sites.writes, "feature_output_hook"))
    reads, writes = (own or site_of(config.get(entry), f"{entry} in {folder / CONFIG}")[0] for own, entry in entries)
    own = config.get("workbench")
    record = {**(own if isinstance(own, dict) else {}), "layout": "circuit_tracer"}
    if kind == CROSS:
        return _cross_layer(folder, (reads, writes), record)
    return _set(folder, config, (reads, writes), record)


def _cross_layer(folder: Path, sites: tuple[str, str], record: dict[str, Any]) -> Transcoder:
    count = _count(folder, "W_enc_")
    if any(folder.glob("W_skip_*")):
        raise BadTranscoder(f"{folder} has W_skip files, which circuit-tracer's cross-layer layout does not have")
    layers = {}
    for i in range(count):
        file = TensorFile(folder / f"W_enc_{i}.safetensors")
        encoder = file.take(f"W_enc_{i}", None, None).T.contiguous()
        d, f = encoder.shape
        biases = file.take(f"b_enc_{i}", f), file.take(f"b_dec_{i}", d)
        threshold = file.take_if_there(f"threshold_{i}", f)
        file.finish()
        decoders = TensorFile(folder / f"W_dec_{i}.safetensors")
        layers[i] = Layer(encoder, biases[0], decoders.take(f"W_dec_{i}", f, count - i, d), biases[1], threshold)
        decoders.finish()
        record["dtype"] = file.dtype
    return assembled(layers, kind="cross_layer", sites=sites, record=record)


def _set(folder: Path, config: Mapping[str, Any], sites: tuple[str, str], record: dict[str, Any]) -> Transcoder:
    if "transcoders" in config and not any(folder.glob("layer_*.safetensors")):
        raise BadTranscoder(f"{folder / CONFIG} names files of other repositories; give the folder with those files")
    activation, k = config.get("activation"), config.get("k")
    if activation not in (None, "relu", "topk", "jump_relu"):
        raise BadTranscoder(f"{folder / CONFIG} has activation {activation!r} (known: relu, jump_relu, topk)")
    layers = {}
    for i in range(_count(folder, "layer_")):
        file = TensorFile(folder / f"layer_{i}.safetensors")
        encoder = file.take("W_enc", None, None).T.contiguous()
        d, f = encoder.shape
        skip = file.take_if_there("W_skip", d, d)
        layers[i] = Layer(
            encoder,
            file.take("b_enc", f),
            file.take("W_dec", f, d)[:, None],
            file.take("b_dec", d),
            file.take_if_there(_THRESHOLD, f),
            None if skip is None else skip.T.contiguous(),
        )
        file.drop("k")
        file.finish()
        record["dtype"] = file.dtype
    if activation == "topk" and not (isinstance(k, int) and 1 <= k <= next(iter(layers.values())).encoder.shape[1]):
        raise BadTranscoder(f"{folder / CONFIG} has activation topk and k {k!r}; k is a number of features")
    activation = None if activation == "jump_relu" else activation
    k = k if activation == "topk" else None
    return assembled(layers, kind="per_layer", sites=sites, activation=activation, k=k, record=record)


def _count(folder: Path, prefix: str) -> int:
    """How many layers the files are of, which are numbered from 0.

    Raises:
        BadTranscoder: there is none, or a gap.
    """
    names = {path.name for path in folder.glob(f"{prefix}*.safetensors")}
    missing = next(i for i in range(len(names) + 1) if f"{prefix}{i}.safetensors" not in names)
    if missing < max(len(names), 1):
        raise BadTranscoder(f"{prefix}{missing}.safetensors is missing in {folder}")
    return len(names)


def write(transcoder: Transcoder, dtype: str) -> Iterator[tuple[str, bytes]]:
    """The files of a transcoder, by name; scales and input bias are folded.

    Raises:
        BadTranscoder: layers do not begin at 0, or it is cross-layer with a skip connection or top-k.
    """
    all_layers(transcoder)
    transcoder = folded(transcoder)
    crossed = transcoder.kind == "cross_layer"
    if crossed and (transcoder.skip is not None or transcoder.activation == "topk"):
        raise BadTranscoder("circuit-tracer's cross-layer layout has no skip connection and no top-k")
    config: dict[str, Any] = {
        "model_kind": CROSS if crossed else SET,
        "feature_input_hook": hook_of(transcoder.reads),
        "feature_output_hook": hook_of(transcoder.writes),
    }
    if transcoder.activation != "jump_relu" and not crossed:
        config["activation"] = transcoder.activation
    if transcoder.activation == "topk":
        config["k"] = transcoder.k
    record = {name: value for name, value in transcoder.record.items() if name not in NOT_WRITTEN}
    if record:
        config["workbench"] = json.loads(json.dumps(record, default=str))
    yield CONFIG, yaml.safe_dump(config, sort_keys=False, allow_unicode=True).encode()
    for i in transcoder.layers:
        for name, tensors in (_cross_files if crossed else _set_files)(transcoder, i):
            yield name, save({key: stored(key, value, dtype) for key, value in tensors.items()})


def _cross_files(transcoder: Transcoder, i: int) -> Iterator[tuple[str, dict[str, torch.Tensor]]]:
    encoder = {
        f"W_enc_{i}": transcoder.encoder[i].T,
        f"b_enc_{i}": transcoder.encoder_bias[i],
        f"b_dec_{i}": transcoder.decoder_bias[i],
    }
    if transcoder.activation == "jump_relu":
        encoder[f"threshold_{i}"] = transcoder.threshold[i]
    yield f"W_enc_{i}.safetensors", encoder
    yield f"W_dec_{i}.safetensors", {f"W_dec_{i}": transcoder.decoder[i]}


def _set_files(transcoder: Transcoder, i: int) -> Iterator[tuple[str, dict[str, torch.Tensor]]]:
    tensors = {
        "W_enc": transcoder.encoder[i].T,
        "W_dec": transcoder.decoder[i][:, 0],
        "b_enc": transcoder.encoder_bias[i],
        "b_dec": transcoder.decoder_bias[i],
    }
    if transcoder.activation == "jump_relu":
        tensors[_THRESHOLD] = transcoder.threshold[i]
    if transcoder.skip is not None:
        tensors["W_skip"] = transcoder.skip[i].T
    yield f"layer_{i}.safetensors", tensors
