"""Gemma Scope 2: `config.json` and safetensors with lower-case names, by layer or cross-layer.

After https://huggingface.co/google/gemma-scope-2-1b-pt (`transcoder_all/layer_5_width_16k_l0_big_affine/` with
`params.safetensors`, `clt/width_262k_l0_big/` with `params_layer_0.safetensors` ...) and circuit-tracer's
`load_gemma_scope_2_transcoder` and `load_gemma_scope_2_clt`; that reader of cross-layer files leaves the last one out
(`range(max(paths))`), which is not repeated here. The skip connection multiplies states from the left in both kinds.
A cross-layer decoder has all layers as targets; those before its own are not read.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from safetensors.torch import save

from workbench.circuits.layouts.gemma_scope import files_by_layer
from workbench.circuits.layouts.parts import (
    Layer,
    Sites,
    all_layers,
    assembled,
    folded,
    no_negative_thresholds,
    stored,
)
from workbench.circuits.layouts.sites import module_of, single, site_of
from workbench.circuits.layouts.tensor_file import TensorFile, read_config
from workbench.circuits.transcoders.transcoder import Transcoder
from workbench.errors import BadTranscoder

CONFIG, WEIGHTS = "config.json", "params.safetensors"
CROSS = "params_layer_*.safetensors"
_NUMBER = re.compile(r"params_layer_(\d+)\.safetensors")
_IN, _OUT = "hf_hook_point_in", "hf_hook_point_out"


def read(path: Path, sites: Sites) -> Transcoder:
    """The transcoder of a folder or file.

    Raises:
        BadTranscoder: a file or an entry is missing, broken or unknown.
    """
    crossed = path.is_dir() and any(path.glob(CROSS))
    files = _cross_files(path) if crossed else files_by_layer(path, WEIGHTS)
    layers, record = {}, {"layout": "gemma_scope_2"}
    for number, file_path in files.items():
        layers[number], record["dtype"] = _layer(file_path, (len(files), number) if crossed else None)
    places = [_sites(folder / CONFIG, sites, crossed) for folder in sorted({file.parent for file in files.values()})]
    shared = single("what they read", (each[0] for each in places)), single("what they write", (e[1] for e in places))
    return assembled(layers, kind="cross_layer" if crossed else "per_layer", sites=shared, record=record)


def _cross_files(folder: Path) -> dict[int, Path]:
    files = {int(match[1]): path for path in folder.glob(CROSS) if (match := _NUMBER.fullmatch(path.name))}
    for number in range(len(files)):
        if number not in files:
            raise BadTranscoder(f"params_layer_{number}.safetensors is missing in {folder}")
    return {number: files[number] for number in sorted(files)}


def _layer(path: Path, crossed: tuple[int, int] | None) -> tuple[Layer, str]:
    """The weights of a file, and the type that they are stored in; cross-layer, of how many layers it is which."""
    file = TensorFile(path)
    encoder = file.take("w_enc", None, None)
    d, f = encoder.shape
    decoder = file.take("w_dec", f, crossed[0], d)[:, crossed[1] :] if crossed else file.take("w_dec", f, d)[:, None]
    layer = Layer(
        encoder,
        file.take("b_enc", f),
        decoder,
        file.take("b_dec", d),
        file.take("threshold", f).clamp(min=0),  # its features are never negative
        file.take_if_there("affine_skip_connection", d, d),
    )
    file.finish()
    return layer, file.dtype


def _sites(path: Path, given: Sites, crossed: bool) -> tuple[str, str]:
    """What a layer reads and writes; an autoencoder names one hook."""
    config = read_config(path) if path.is_file() or not crossed else {}
    if config.get("architecture", "jump_relu") != "jump_relu":
        raise BadTranscoder(f"{path} has the architecture {config['architecture']!r} (known: jump_relu)")
    if crossed and not config.get(_IN):  # what all published ones read and write
        return given.reads or "mlp_in", given.writes or "mlp_out"
    hooks = [each[0] if isinstance(each, list) and each else each for each in (config.get(_IN), config.get(_OUT))]
    reads = given.reads or site_of(hooks[0], f"{_IN} in {path}")[0]
    return reads, given.writes or site_of(hooks[1] or hooks[0], f"{_OUT} in {path}")[0]


def write(transcoder: Transcoder, dtype: str) -> Iterator[tuple[str, bytes]]:
    """The files of a transcoder, by name; scales and input bias are folded.

    Raises:
        BadTranscoder: it has top-k, reads or writes what the layout has no name for, or is cross-layer and its layers
            do not begin at 0.
    """
    if transcoder.activation == "topk":
        raise BadTranscoder("Gemma Scope 2 has JumpReLU alone: no top-k")
    no_negative_thresholds(transcoder)
    transcoder = folded(transcoder)
    if transcoder.kind == "cross_layer":
        all_layers(transcoder)
        yield CONFIG, _config(transcoder, 0)
        for place, layer in enumerate(transcoder.layers):
            before = torch.zeros(transcoder.n_features, place, transcoder.width, device=transcoder.device)
            tensors = _tensors(transcoder, place, torch.cat([before, transcoder.decoder[place]], 1))
            yield f"params_layer_{layer}.safetensors", _saved(tensors, dtype)
        return
    for place, layer in enumerate(transcoder.layers):
        yield f"layer_{layer}/{CONFIG}", _config(transcoder, layer)
        tensors = _tensors(transcoder, place, transcoder.decoder[place][:, 0])
        yield f"layer_{layer}/{WEIGHTS}", _saved(tensors, dtype)


def _tensors(transcoder: Transcoder, place: int, decoder: torch.Tensor) -> dict[str, torch.Tensor]:
    tensors = {
        "w_enc": transcoder.encoder[place],
        "w_dec": decoder,
        "b_enc": transcoder.encoder_bias[place],
        "b_dec": transcoder.decoder_bias[place],
        "threshold": transcoder.threshold[place],
    }
    return tensors if transcoder.skip is None else {**tensors, "affine_skip_connection": transcoder.skip[place]}


def _saved(tensors: Mapping[str, torch.Tensor], dtype: str) -> bytes:
    return save({name: stored(name, value, dtype) for name, value in tensors.items()})


def _config(transcoder: Transcoder, layer: int) -> bytes:
    config = {
        "architecture": "jump_relu",
        "width": transcoder.n_features,
        _IN: module_of(transcoder.reads, layer),
        _OUT: module_of(transcoder.writes, layer),
        "affine_connection": transcoder.skip is not None,
    }
    return (json.dumps(config, indent=2) + "\n").encode()
