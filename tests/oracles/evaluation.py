"""Plain loops for scores of options: one forward pass for each option, by transformers alone."""

import torch


def tokens(tokenizer, context, continuation):
    """(context ids, scored ids), from the definition of lm-eval 0.4.13."""
    spaces = len(context) - len(context.rstrip())
    if spaces:
        context, continuation = context[:-spaces], context[-spaces:] + continuation
    if not context:
        first = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
        ids = tokenizer(continuation, add_special_tokens=False)["input_ids"]
        return ([first], ids[1:]) if ids[0] == first else ([first], ids)
    before = tokenizer(context)["input_ids"]
    return before, tokenizer(context + continuation)["input_ids"][len(before) :]


@torch.no_grad()
def score(module, context, tail):
    """Summed log-probability of the tail after the context, in float32."""
    ids = torch.tensor([[*context, *tail]])
    chances = module(ids[:, :-1]).logits.float().log_softmax(-1)[0, len(context) - 1 :]
    return float(sum(chances[place, token] for place, token in enumerate(tail)))


@torch.no_grad()
def written_line(module, tokenizer, prompt, tokens):
    """What transformers' own generate writes greedily after one prompt, up to the end of the line."""
    ids = tokenizer(prompt, return_tensors="pt")["input_ids"]
    output = module.generate(ids, max_new_tokens=tokens, do_sample=False, pad_token_id=0)
    return tokenizer.decode(output[0, ids.shape[1] :], skip_special_tokens=True).split("\n")[0]
