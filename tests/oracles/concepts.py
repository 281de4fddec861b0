"""The concept and language experiments by plain loops, written from methods.md section 5 before the fast code.

One unpadded prompt, one cell and one full forward at a time on an unwrapped transformers module.
"""

from __future__ import annotations

from tests.oracles.patching import hooked, last_logits, layers, patched_state, states


def last_token(module, sources, target, tokens):
    """[layer][answer] probabilities, the mean of the sources' states put at the last token of one layer at a time.

    Args:
        module: the transformers module.
        sources: token ids of the source prompts.
        target: token ids of the target prompt.
        tokens: first tokens of each answer.
    """
    count = len(layers(module))
    given = [states(module, ids) for ids in sources]
    mean = [sum(one[layer][-1] for one in given) / len(given) for layer in range(count + 1)]
    last = len(target) - 1
    rows = [patched_state(module, target, layer, last, mean[layer], False) for layer in range(count)]
    rows.append(patched_state(module, target, count - 1, last, mean[count], True))
    return [_answers(logits, tokens) for logits in rows]


def concept_token(module, sources, target, tokens):
    """[first layer][answer] probabilities, the mean state of the concept's last token held from a layer to the last.

    Args:
        module: the transformers module.
        sources: (token ids, position of the concept's last token) of the source prompts.
        target: the same of the target prompt.
        tokens: first tokens of each answer.
    """
    count = len(layers(module))
    given = [[state[position] for state in states(module, ids)] for ids, position in sources]
    mean = [sum(one[layer] for one in given) / len(given) for layer in range(count + 1)]
    ids, position = target
    return [_answers(_held(module, ids, position, mean, start), tokens) for start in range(count + 1)]


def _held(module, ids, position, mean, start):
    def before(layer):
        def hook(part, args, kwargs):
            hidden = (args[0] if args else kwargs["hidden_states"]).clone()
            hidden[0, position] = mean[layer]
            if args:
                return (hidden, *args[1:]), kwargs
            return args, {**kwargs, "hidden_states": hidden}

        return hook

    handles = [
        part.register_forward_pre_hook(before(layer), with_kwargs=True)
        for layer, part in enumerate(layers(module))
        if layer >= start
    ]
    with hooked(handles):
        return last_logits(module, ids)


def _answers(logits, tokens):
    probabilities = logits.double().softmax(0)
    return [float(sum(probabilities[token] for token in set(answer))) for answer in tokens]


def onset(lead):
    """First layer from which on the mean lead [sample][layer] is positive at every later layer, by a loop."""
    count = len(lead[0])
    means = [sum(row[layer] for row in lead) / len(lead) for layer in range(count)]
    found = count
    for layer in reversed(range(count)):
        if means[layer] <= 0:
            break
        found = layer
    return found
