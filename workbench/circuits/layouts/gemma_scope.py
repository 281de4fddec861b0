"""Gemma Scope 1: `params.npz` in a folder whose path names the layer.

After https://huggingface.co/google/gemma-scope-2b-pt-transcoders (`layer_12/width_16k/average_l0_6/params.npz`) and
`load_gemma_scope_transcoder` of circuit-tracer. JumpReLU throughout; no file says what it reads and writes, so the
caller does.
"""

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from workbench.circuits.layouts.parts import Layer, Sites, assembled, folded, no_negative_thresholds, stored
from workbench.circuits.layouts.tensor_file import TensorFile
from workbench.circuits.transcoders.transcoder import Transcoder
from workbench.errors import BadArgument, BadTranscoder

WEIGHTS = "params.npz"
_LAYER = re.compile(r"layer_(\d+)(?:_.*)?")


def files_by_layer(path: Path, name: str) -> dict[int, Path]:
    """The files of this name in a folder, or the file itself, by the layer that its path names.

    Raises:
        BadTranscoder: a path names no layer, or a layer has several files.
    """
    layers: dict[int, Path] = {}
    for file in [path] if path.is_file() else sorted(path.rglob(name)):
        numbers = [match[1] for part in file.absolute().parts if (match := _LAYER.fullmatch(part))]
        if not numbers:
            raise BadTranscoder(f"no folder of {file} names its layer, such as layer_12")
        if int(numbers[-1]) in layers:
            raise BadTranscoder(f"{path} has several dictionaries of layer {numbers[-1]}; give the folder of one")
        layers[int(numbers[-1])] = file
    return layers


def read(path: Path, sites: Sites) -> Transcoder:
    """The transcoder of a folder or file.

    Raises:
        BadTranscoder: a file or tensor is missing or broken, or the caller does not say what it reads and writes.
    """
    if sites.reads is None or sites.writes is None:
        raise BadTranscoder(
            "Gemma Scope 1 does not say what it reads and writes: give reads= and writes= (transcoders: "
            "'mlp_normalized' or 'mlp_in', and 'mlp_out'; autoencoders: 'residual_post' or 'mlp_out' twice)"
        )
    layers, record = {}, {"layout": "gemma_scope"}
    for number, file_path in files_by_layer(path, WEIGHTS).items():
        file = TensorFile(file_path)
        encoder = file.take("W_enc", None, None)
        d, f = encoder.shape
        decoder, threshold = file.take("W_dec", f, d)[:, None], file.take("threshold", f).clamp(min=0)
        layers[number] = Layer(encoder, file.take("b_enc", f), decoder, file.take("b_dec", d), threshold)
        file.finish()
        record["dtype"] = file.dtype
    return assembled(layers, kind="per_layer", sites=(sites.reads, sites.writes), record=record)


def write(transcoder: Transcoder, dtype: str) -> Iterator[tuple[str, bytes]]:
    """The files of a per-layer transcoder, by name; scales and input bias are folded.

    Raises:
        BadTranscoder: it is cross-layer, or has a skip connection or top-k.
        BadArgument: NumPy has no bfloat16.
    """
    if transcoder.kind != "per_layer" or transcoder.skip is not None or transcoder.activation == "topk":
        raise BadTranscoder("Gemma Scope 1 has per-layer JumpReLU alone: no cross-layer, skip connection or top-k")
    if dtype == "bfloat16":
        raise BadArgument("dtype='bfloat16' does not exist in an npz file; give 'float32' or 'float16'")
    no_negative_thresholds(transcoder)
    transcoder = folded(transcoder)
    for place, layer in enumerate(transcoder.layers):
        tensors = {
            "W_enc": transcoder.encoder[place],
            "W_dec": transcoder.decoder[place][:, 0],
            "b_enc": transcoder.encoder_bias[place],
            "b_dec": transcoder.decoder_bias[place],
            "threshold": transcoder.threshold[place],
        }
        file = io.BytesIO()
        arrays: dict[str, Any] = {name: stored(name, value, dtype).numpy() for name, value in tensors.items()}
        np.savez(file, **arrays)
        yield f"layer_{layer}/{WEIGHTS}", file.getvalue()
