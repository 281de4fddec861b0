"""SAELens's layout: a folder a layer, each with `cfg.json` and `sae_weights.safetensors`.

After `sae_lens/saes/` (`sae.py`, `standard_sae.py`, `jumprelu_sae.py`, `topk_sae.py`, `transcoder.py`) and
`sae_lens/loading/pretrained_sae_loaders.py` (`handle_pre_6_0_config`) of https://github.com/decoderesearch/SAELens.
Since 6.0 the hooks stand in `metadata`; before, everything was flat. `W_skip` is [out, in].

`apply_b_dec_to_input` is an input bias equal to the decoder's. Activations normalized by their average norm
("expected_average_only_in") are read where the file gives the factor, `norm_scaling_factor`; other normalizations
depend on each state, which no transcoder here expresses.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from workbench.circuits.layouts.parts import (
    NOT_WRITTEN,
    Layer,
    Sites,
    assembled,
    folded,
    no_negative_thresholds,
    stored,
)
from workbench.circuits.layouts.sites import hook_of, single, site_of
from workbench.circuits.layouts.tensor_file import TensorFile, read_config
from workbench.circuits.transcoders.transcoder import Transcoder
from workbench.errors import BadTranscoder

CONFIG, WEIGHTS = "cfg.json", "sae_weights.safetensors"
_AUTOENCODERS = {"standard": "relu", "jumprelu": "jump_relu", "topk": "topk"}
_TRANSCODERS = {
    "transcoder": "relu",
    "skip_transcoder": "relu",
    "jumprelu_transcoder": "jump_relu",
    "jumprelu_skip_transcoder": "jump_relu",
}
_KNOWN = {**_AUTOENCODERS, **_TRANSCODERS}
_VERSION = "6.0.0"  # since which the hooks stand in `metadata`


def folders(folder: Path) -> list[Path]:
    """The folders of layers in a folder, or the folder itself."""
    if (folder / CONFIG).is_file():
        return [folder]
    return sorted(path.parent for path in folder.glob(f"*/{CONFIG}"))


def read(folder: Path, sites: Sites) -> Transcoder:
    """The transcoder of a folder, or of all folders of layers in it.

    Raises:
        BadTranscoder: a file or an entry is missing, broken or unknown, or layers differ in kind.
    """
    configs = {path: _Config(path, sites) for path in folders(folder)}
    if not configs:
        raise BadTranscoder(f"{folder} has no {CONFIG}, and no folder in it has one")
    layers: dict[int, Layer] = {}
    scales: dict[int, float] = {}
    record = {"layout": "saelens"}
    for config in configs.values():
        if config.layer in layers:
            raise BadTranscoder(f"{folder} has several dictionaries of layer {config.layer}; give the folder of one")
        layers[config.layer], record["dtype"] = config.weights()
        scales[config.layer] = config.scale
    activation = single("activation", (each.activation for each in configs.values()))
    k = int(single("k", (str(each.k) for each in configs.values()))) if activation == "topk" else None
    scale = torch.tensor([scales[number] for number in sorted(scales)])
    return assembled(
        layers,
        kind="per_layer",
        sites=(
            single("what they read", (each.reads for each in configs.values())),
            single("what they write", (each.writes for each in configs.values())),
        ),
        activation=None if activation == "jump_relu" else activation,
        k=k,
        record=record,
        input_scale=scale,
        output_scale=scale.clone(),
    )


class _Config:
    """What `cfg.json` says of a layer.

    Raises:
        BadTranscoder: it says something that a transcoder here cannot do.
    """

    def __init__(self, folder: Path, sites: Sites):
        self.folder = folder
        config = read_config(folder / CONFIG)
        metadata = config.get("metadata")
        # `metadata` first: a flat entry of the same name is what an older version left.
        self.entries = {**config, **(metadata if isinstance(metadata, dict) else {})}
        self.where = str(folder / CONFIG)
        self.architecture = self._architecture(flat=not isinstance(metadata, dict))
        self.activation = _KNOWN[self.architecture]
        self.k = self._k() if self.activation == "topk" else None
        reads, layer = self._site("hook_name", "hook_point")
        self.writes = sites.writes or reads
        if self.architecture in _TRANSCODERS:
            self.writes = sites.writes or self._site("hook_name_out")[0]
        self.reads = sites.reads or reads
        layer = self.entries.get("hook_layer", self.entries.get("hook_point_layer")) if layer is None else layer
        if not isinstance(layer, int):
            raise BadTranscoder(f"{self.where} does not say which layer it is of")
        self.layer = layer
        self.scale = self._scale()
        for name in ("finetuning_scaling_factor", "hook_head_index"):
            if self.entries.get(name) not in (None, False):
                raise BadTranscoder(f"{self.where} has {name} {self.entries[name]!r}, which is not read here")

    def _architecture(self, *, flat: bool) -> str:
        name = self.entries.get("architecture", "standard" if flat else None)
        function = self.entries.get("activation_fn_str", self.entries.get("activation_fn", "relu"))
        if function == "topk" and name == "standard":
            name = "topk"
        elif function not in ("relu", "topk"):
            raise BadTranscoder(f"{self.where} has the activation {function!r} (known: relu, topk)")
        if name not in _KNOWN:
            raise BadTranscoder(f"{self.where} has the architecture {name!r} (known: {', '.join(_KNOWN)})")
        return str(name)

    def _k(self) -> int:
        options = self.entries.get("activation_fn_kwargs")
        k = self.entries.get("k", options.get("k") if isinstance(options, Mapping) else None)
        if not isinstance(k, int) or isinstance(k, bool) or k < 1:
            raise BadTranscoder(f"{self.where} has k {k!r}; top-k needs a whole number from 1")
        return k

    def _site(self, *names: str) -> tuple[str, int | None]:
        name = next((name for name in names if name in self.entries), names[0])
        return site_of(self.entries.get(name), f"{name} in {self.where}")

    def _scale(self) -> float:
        """What states are multiplied by."""
        how = self.entries.get("normalize_activations")
        how = {True: "expected_average_only_in", False: "none", None: "none"}.get(how, how)
        if how == "none":
            return 1.0
        factor = self.entries.get("norm_scaling_factor")
        if how == "expected_average_only_in" and self.architecture in _AUTOENCODERS:
            if isinstance(factor, int | float) and 0 < factor < float("inf"):
                return float(factor)
            raise BadTranscoder(
                f"{self.where} divides by the average norm of its training data, which it does not give "
                "(norm_scaling_factor); fold it with sae-lens's fold_activation_norm_scaling_factor, and save it again"
            )
        raise BadTranscoder(f"{self.where} has normalize_activations {how!r}, which depends on each state")

    def weights(self) -> tuple[Layer, str]:
        """The weights, and the type that they are stored in."""
        file = TensorFile(self.folder / WEIGHTS)
        encoder = file.take("W_enc", None, None)
        d, f = encoder.shape
        bias, threshold, skip = file.take("b_dec", d), None, None
        if self.activation == "jump_relu":
            threshold = file.take("threshold", f).clamp(min=0)  # its features are never negative
        if "skip" in self.architecture:
            skip = file.take("W_skip", d, d).T.contiguous()
        decoder, encoder_bias = file.take("W_dec", f, d), file.take("b_enc", f)
        if "scaling_factor" in file and not bool((file.take("scaling_factor", f) == 1).all()):
            raise BadTranscoder(f"{file.path} has scaling factors, which are not read here")
        file.finish()
        if self.entries.get("rescale_acts_by_decoder_norm"):  # the k largest by what they write
            norm = decoder.norm(dim=1)
            encoder, encoder_bias, decoder = encoder * norm, encoder_bias * norm, decoder / norm[:, None]
        by_default = self.architecture in _AUTOENCODERS
        applied = self.entries.get("apply_b_dec_to_input", by_default)
        left = bias / self.scale if applied else None
        return Layer(encoder, encoder_bias, decoder[:, None], bias, threshold, skip, left), file.dtype


def write(transcoder: Transcoder, dtype: str) -> Iterator[tuple[str, bytes]]:
    """The files of a per-layer transcoder, by name; scales are folded, and an input bias unless it is the decoder's.

    Raises:
        BadTranscoder: it is cross-layer, or one that SAELens has no architecture for.
    """
    if transcoder.kind != "per_layer":
        raise BadTranscoder("SAELens's layout has no cross-layer transcoders; save it as 'circuit_tracer'")
    no_negative_thresholds(transcoder)
    transcoder = folded(transcoder, input_bias=True)
    same = transcoder.reads == transcoder.writes
    left = transcoder.input_bias
    applied = same and left is not None and bool((left == transcoder.decoder_bias).all())
    if not applied:
        transcoder = folded(transcoder)
    architecture = _architecture_of(transcoder, same)
    for place, layer in enumerate(transcoder.layers):
        tensors = {
            "W_enc": transcoder.encoder[place],
            "W_dec": transcoder.decoder[place][:, 0],
            "b_enc": transcoder.encoder_bias[place],
            "b_dec": transcoder.decoder_bias[place],
        }
        if transcoder.activation == "jump_relu":
            tensors["threshold"] = transcoder.threshold[place]
        if transcoder.skip is not None:
            tensors["W_skip"] = transcoder.skip[place].T
        config = _config_of(transcoder, architecture, layer, applied, dtype)
        yield f"layer_{layer}/{CONFIG}", (json.dumps(config, indent=2, default=str) + "\n").encode()
        yield f"layer_{layer}/{WEIGHTS}", save({name: stored(name, value, dtype) for name, value in tensors.items()})


def _architecture_of(transcoder: Transcoder, same: bool) -> str:
    prefix = {"relu": "", "jump_relu": "jumprelu", "topk": "topk"}[transcoder.activation]
    if same:
        name = prefix or "standard"
    else:
        parts = [prefix, "skip" if transcoder.skip is not None else "", "transcoder"]
        name = "_".join(filter(None, parts))
    if name not in _KNOWN or (same and transcoder.skip is not None):
        what = "an autoencoder with a skip connection" if same else name.replace("_", " ")
        raise BadTranscoder(f"SAELens has no architecture for it: {what}")
    return name


def _config_of(transcoder: Transcoder, architecture: str, layer: int, applied: bool, dtype: str) -> dict[str, Any]:
    own = {name: value for name, value in transcoder.record.items() if name not in NOT_WRITTEN}
    metadata: dict[str, Any] = {
        "sae_lens_version": _VERSION,
        "sae_lens_training_version": None,
        "hook_name": hook_of(transcoder.reads, layer),
    }
    config: dict[str, Any] = {
        "architecture": architecture,
        "d_in": transcoder.width,
        "d_sae": transcoder.n_features,
        "dtype": dtype,
        "device": "cpu",
        "apply_b_dec_to_input": applied,
        "normalize_activations": "none",
        "reshape_activations": "none",
        "metadata": metadata,
    }
    if architecture in _TRANSCODERS:
        config["d_out"] = transcoder.width
        metadata["hook_name_out"] = hook_of(transcoder.writes, layer)
    if transcoder.activation == "topk":
        config |= {"k": transcoder.k, "rescale_acts_by_decoder_norm": False}
    if own:
        metadata["workbench"] = own
    return config
