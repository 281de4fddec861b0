"""Direct logit attribution by hand on transformers modules: every head's and MLP's output times a frozen last norm.

Written out for LLaMA, GPT-2 and Gemma 3; nothing is shared with `workbench.attribution`.
"""

from __future__ import annotations

import torch

from tests.oracles.patching import layers, projections


def _norm(norm, states, size_of):
    """An RMS or layer norm of states, divided by the size of other states."""
    centred = isinstance(norm, torch.nn.LayerNorm)
    mean = (lambda x: x - x.mean(-1, keepdim=True)) if centred else (lambda x: x)
    weight = 1 + norm.weight if "Gemma" in type(norm).__name__ else norm.weight
    epsilon = getattr(norm, "eps", None) or getattr(norm, "variance_epsilon", 0.0)
    return weight * mean(states) / (mean(size_of).square().mean() + epsilon).sqrt()


@torch.no_grad()
def shares(module, ids, answer, foil):
    """(heads [layer][head], mlps [layer], embedding) in logits of answer minus foil, and the model's difference."""
    kind = module.config.model_type
    seen = {}

    def keep(name, before=False):
        def hook(part, args, output=None):
            value = args[0] if before else output[0] if isinstance(output, tuple) else output
            seen[name] = value[0, -1].clone()

        return hook

    handles = []
    blocks = layers(module)
    for i, (block, projection) in enumerate(zip(blocks, projections(module), strict=True)):
        handles.append(projection.register_forward_pre_hook(keep(f"z{i}", before=True)))
        handles.append(projection.register_forward_hook(keep(f"attention{i}")))
        handles.append(block.mlp.register_forward_hook(keep(f"mlp{i}")))
    handles.append(blocks[0].register_forward_pre_hook(keep("embedding", before=True)))
    last = module.transformer.ln_f if kind == "gpt2" else module.model.norm
    handles.append(last.register_forward_pre_hook(keep("final", before=True)))
    logits = module(torch.tensor([ids])).logits[0, -1]
    for handle in handles:
        handle.remove()
    row = module.get_output_embeddings().weight[answer] - module.get_output_embeddings().weight[foil]

    def read(written):
        return float(_norm(last, written, seen["final"]) @ row)

    heads, mlps = [], []
    for i, (block, projection) in enumerate(zip(blocks, projections(module), strict=True)):
        weight = projection.weight if kind == "gpt2" else projection.weight.t()
        width = len(weight) // module.config.num_attention_heads
        mine = []
        for head in range(module.config.num_attention_heads):
            part = slice(head * width, (head + 1) * width)
            written = seen[f"z{i}"][part] @ weight[part]
            if kind == "gemma3_text":
                written = _norm(block.post_attention_layernorm, written, seen[f"attention{i}"])
            mine.append(read(written))
        heads.append(mine)
        mlp = seen[f"mlp{i}"]
        mlps.append(read(_norm(block.post_feedforward_layernorm, mlp, mlp) if kind == "gemma3_text" else mlp))
    return heads, mlps, read(seen["embedding"]), float(logits[answer] - logits[foil])
