"""A GPT-2 with hand-set weights whose circuit is known: two heads and one neuron tell `a...` from `b...`.

Each token holds +1 (`a`) or -1 (`b`) in dimension 0. Head 0.1 brings it to dimension 1 of every later token, neuron 1.1
reads it there and head 1.0 brings dimension 0 along itself; both write into dimension 2, and dimensions 1 and 2 raise
the logit of `k` above that of `l`. All other heads and neurons do the same sixty times more quietly.
"""

import torch
import transformers as hf

from tests.patching.cases import token
from workbench.text.pairs import Pair, Pairs

PARTS = {("head", 0, 1), ("head", 1, 0), ("neuron", 1, 1)}
EVERY = [(kind, layer, unit) for kind in ("head", "neuron") for layer in (0, 1) for unit in (0, 1)]
PAIRS = Pairs(
    tuple(
        Pair(text, text, *(("kord", "lord") if text[0] == "a" else ("lord", "kord")))
        for text in ("acdx", "aecx", "bcdx", "bdcx")
    ),
    "planted",
)


def planted():
    """The model, in evaluation mode."""
    config = hf.GPT2Config(
        vocab_size=300,
        n_embd=32,
        n_layer=2,
        n_head=2,
        n_inner=2,
        n_positions=64,
        tie_word_embeddings=False,
        bos_token_id=1,
        eos_token_id=2,
    )
    module = hf.GPT2LMHeadModel(config).eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if "ln_" not in name:
                parameter.zero_()
        words = module.transformer.wte.weight
        words[:, 16:].normal_(std=1.0, generator=generator)  # so that norms change little
        words[:, 0].normal_(std=0.01, generator=generator)
        words[token("a"), 0], words[token("b"), 0] = 4.0, -4.0
        for layer, block in enumerate(module.transformer.h):
            for head in range(2):
                block.attn.c_attn.weight[0, 64 + 16 * head] = 1.0  # values; every token attends to all before alike
                block.attn.c_proj.weight[16 * head, 2 if layer else 1] = gain("head", layer, head)
            for neuron in range(2):
                block.mlp.c_fc.weight[1 if layer else 0, neuron] = 1.0
                block.mlp.c_proj.weight[neuron, 2] = gain("neuron", layer, neuron)
        module.lm_head.weight[token("k"), 1:3] = 1.0
        module.lm_head.weight[token("l"), 1:3] = -1.0
    return module


def gain(*part):
    return 3.0 if part in PARTS else 0.05
