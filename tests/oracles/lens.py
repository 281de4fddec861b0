"""The logit lens by language by plain loops, written from methods.md section 5 before the fast code.

Runs on an unwrapped transformers module, one unpadded prompt at a time; the head's scaling is written out here.
"""

from __future__ import annotations

import math

import torch

from tests.oracles.patching import last_logits, states


def final_norm(module):
    """The norm in front of the unembedding."""
    for path in (
        "model.norm",
        "transformer.ln_f",
        "gpt_neox.final_layer_norm",
        "model.layer_norm",
        "model.decoder.final_layer_norm",
    ):
        found = module
        for name in path.split("."):
            found = getattr(found, name, None)
        if found is not None:
            return found
    raise AssertionError(f"no final norm in {type(module).__name__}")


def head(module, state):
    """Logits [vocabulary] of one state [d_model]: norm, unembedding, logit scale (Cohere), soft cap (Gemma 2)."""
    with torch.no_grad():
        logits = module.get_output_embeddings()(final_norm(module)(state[None, None]))[0, 0].float()
    scale = getattr(module.config, "logit_scale", None)
    cap = getattr(module.config, "final_logit_softcapping", None)
    logits = logits * scale if scale else logits
    return torch.tanh(logits / cap) * cap if cap else logits


def by_language(module, prompts, tokens):
    """{language: [concept][layer]} of the summed probability at the last position, None where first tokens collide.

    Args:
        module: the transformers module.
        prompts: {concept: token ids}.
        tokens: {concept: {language: set of first tokens}}.
    """
    found = {language: [] for language in next(iter(tokens.values()))}
    for concept, ids in prompts.items():
        per_layer = [head(module, state[-1]).double().softmax(0) for state in states(module, ids)]
        for language, mine in tokens[concept].items():
            others = set()
            for other, theirs in tokens[concept].items():
                if other != language:
                    others |= set(theirs)
            if others & set(mine):
                found[language].append(None)
            else:
                found[language].append([float(sum(p[token] for token in mine)) for p in per_layer])
    return found


def output(module, ids, mine):
    """The summed probability of some tokens in the model's own output."""
    return float(sum(last_logits(module, ids).double().softmax(0)[token] for token in mine))


def sentence(module, ids, follows=None, foils=None):
    """Of one text: by layer and position a dict of what the lens says, one state at a time.

    Args:
        module: the transformers module.
        ids: token ids of the text.
        follows: tokens of the target at every position; the next token of the text where None.
        foils: tokens of the foil.
    """
    found = []
    for state in states(module, ids):
        row = []
        for position in range(len(ids)):
            p = head(module, state[position]).double().softmax(0)
            cell = {"top": int(p.argmax()), "probability": float(p.max())}
            cell["entropy"] = -sum(float(one) * math.log(float(one)) for one in p if one > 0)
            wanted = follows or ids[position + 1 : position + 2]
            if wanted:
                cell["target_probability"] = sum(float(p[one]) for one in wanted)
                best = max(float(p[one]) for one in wanted)
                cell["rank"] = 1 + sum(float(one) > best for one in p)
                if foils:
                    cell["logit_difference"] = math.log(
                        cell["target_probability"] / sum(float(p[one]) for one in foils)
                    )
            row.append(cell)
        found.append(row)
    return found
