"""Small attribution graphs: one made by hand, and those of tiny models."""

import numpy as np
import torch
import transformers as hf

import workbench as wb
from tests.models import VOCABULARY, byte_tokenizer
from workbench.circuits.transcoders.transcoder import Transcoder
from workbench.results.make import make_result

KINDS = ["feature", "feature", "error", "embedding", "target"]  # A, B, an error, an embedding, the target
EDGES = [(3, 0, 1.0), (0, 1, 2.0), (2, 1, 1.0), (3, 4, 1.0), (1, 4, 9.0)]
INFLUENCE = [0.6, 0.9, 0.3, 0.7, 0.0]


def by_hand(edges=EDGES, kinds=KINDS):
    """A graph of given edges (source, target, weight) and kinds; targets count 1."""
    source, target, weight = map(np.array, zip(*edges, strict=True))
    kind = np.array(kinds, dtype=object)
    number = np.arange(len(kind))
    nodes = {
        "kind": kind,
        "layer": np.where(kind == "feature", number, -1),
        "position": np.zeros(len(kind), dtype=int),
        "feature": np.where(kind == "feature", 10 + number, -1),
        "activation": np.where(kind == "feature", 1.0, np.nan),
        "value": np.bincount(target, weight, len(kind)),
        "influence": np.array(INFLUENCE) if kinds is KINDS else np.zeros(len(kind)),
        "label": np.where(kind == "target", "Hund", "").astype(object),
        "token_id": np.where(np.isin(kind, ["embedding", "target"]), 5, -1),
        "probability": np.where(kind == "target", 0.25, np.nan),
        "target_weight": np.where(kind == "target", 1.0, 0.0),
    }
    variables = {name: (("node",), values, name) for name, values in nodes.items()}
    for name, values in (("weight", weight), ("edge_source", source), ("edge_target", target)):
        variables[name] = (("edge",), values, name)
    variables["token"] = (("place",), np.array(["Der"], dtype=object), "token")
    attrs = {"prompt": "Der", "influence": 2.5, "replacement": 0.7, "completeness": 0.88}
    return make_result(variables, {}, method="circuits.graph", parameters={}, attrs=attrs)


def relu_model():
    """A small GPT-2 whose MLPs are ungated with ReLU."""
    torch.manual_seed(0)
    config = hf.GPT2Config(
        vocab_size=VOCABULARY, n_embd=32, n_layer=3, n_head=4, n_positions=64, activation_function="relu"
    )
    module = hf.GPT2LMHeadModel(config).eval()
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.15)
    return wb.load_model(module, tokenizer=byte_tokenizer())


def exact(model) -> Transcoder:
    """An ungated MLP with ReLU is a per-layer transcoder with threshold 0."""
    parts = [block.mlp for block in model.module.transformer.h]
    encoder, decoder = (
        torch.stack([getattr(part, name).weight.detach() for part in parts]) for name in ("c_fc", "c_proj")
    )
    encoder_bias, decoder_bias = (
        torch.stack([getattr(part, name).bias.detach() for part in parts]) for name in ("c_fc", "c_proj")
    )
    one = torch.ones(len(parts))
    return Transcoder(
        kind="per_layer",
        layers=tuple(range(len(parts))),
        encoder=encoder,
        encoder_bias=encoder_bias,
        threshold=torch.zeros_like(encoder_bias),
        decoder=tuple(decoder[:, :, None]),
        decoder_bias=decoder_bias,
        input_scale=one,
        output_scale=one,
    )
